"""
Moments as a person types and reads them. Pure.

Rules: without a zone, times are UTC, and everything that is shown is. A span, as in ``2h``, is one ago.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from groundswell.errors import InputError

MINUTE_MS: Final = 60_000
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN: Final = re.compile(r"(\d{1,6})([smhdw])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def span_of(option: str, text: str) -> int:
    """Return the ms of a span such as 90s, 30m, 2h, 7d, 4w. Raises ``InputError``."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise InputError(f"{option} {text!r}: must be a span like 90s, 30m, 2h, 7d or 4w")
    return int(found[1]) * _UNITS[found[2]] * 1000


def moment_of(option: str, text: str, now: int) -> int:
    """Return the ms since 1970 of ``text``, a date, a time, or a span before ``now``."""
    cleaned = text.strip()
    if _SPAN.fullmatch(cleaned):
        return now - span_of(option, cleaned)
    try:
        moment = datetime.fromisoformat(cleaned)
    except ValueError:
        raise InputError(
            f"{option} {text!r}: must be like 2026-03-01, 2026-03-01T14:30, "
            "2026-03-01T14:30+08:00, or a span ago like 2h or 7d"
        ) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (zoned - _EPOCH) // timedelta(milliseconds=1)


def minute_of(option: str, text: str | None, now: int) -> int | None:
    """Return the first minute since 1970 that does not begin before ``text``; None for None."""
    return None if text is None else -(-moment_of(option, text, now) // MINUTE_MS)


def iso(at: int) -> str:
    """Return a time in ms as ISO 8601, to the second."""
    return f"{_shown(at).isoformat(timespec='seconds')[:19]}Z"


def short(at: int) -> str:
    """Return a time in ms as people read it, to the minute."""
    return _shown(at).strftime("%Y-%m-%d %H:%M")


def _shown(at: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def length(milliseconds: int) -> str:
    """Return a span as people read it: its two largest units."""
    minutes = max(0, milliseconds) // MINUTE_MS
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
