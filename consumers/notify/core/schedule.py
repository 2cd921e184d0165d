"""
When messages may go out: quiet and active hours, an exchange's days, the daily digest.

Rules: all in the subscription's own zone, whose changes of the clock count: 02:30 that does not exist is
taken as the zone's rules shift it, 02:30 that happens twice as the first. A day of the exchange is a
calendar day of the subscription's zone.
"""

import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from consumers.records.notices.values import WEEK, Digest, Schedule, Window, Withheld

Closed: TypeAlias = Callable[[date], bool]
"""Says of a day whether the exchange is closed on it."""

DAY_MS: Final = 86_400_000
_LOOK_AHEAD: Final = 16
"""Days in which the end of a mute is sought: longer than any exchange stays closed."""


class Muted(NamedTuple):
    """Why nothing goes out, and until when at least (ms)."""

    why: Withheld
    until: int


def never_closed(_day: date) -> bool:
    """Say that no day is closed."""
    return False


def clock_time(text: str) -> time:
    """Return the time of the day of "HH:MM". Raises ``ValueError``."""
    hours, colon, minutes = text.partition(":")
    if not colon or not hours.isdecimal() or not minutes.isdecimal():
        raise ValueError(f"{text!r} is no time of the day: write HH:MM")
    return time(int(hours), int(minutes))


def muted(schedule: Schedule, closed: Closed, now: int) -> Muted | None:
    """Say whether messages are held at ``now``, why, and until when."""
    zone = ZoneInfo(schedule.zone)
    why = _held(schedule, closed, datetime.fromtimestamp(now / 1000, zone))
    if why is None:
        return None
    for moment in _edges(schedule, zone, now):
        if _held(schedule, closed, datetime.fromtimestamp(moment / 1000, zone)) is None:
            return Muted(why, moment)
    return Muted(why, now + DAY_MS)


def _held(schedule: Schedule, closed: Closed, at: datetime) -> Withheld | None:
    if schedule.market and closed(at.date()):
        return "market_closed"
    if any(within(window, at) for window in schedule.quiet):
        return "quiet_hours"
    if schedule.active and not any(within(window, at) for window in schedule.active):
        return "quiet_hours"
    return None


def within(window: Window, at: datetime) -> bool:
    """Say whether a local time lies in a window."""
    start, end, clock = clock_time(window.start), clock_time(window.end), at.time()
    today, yesterday = WEEK[at.weekday()], WEEK[at.weekday() - 1]
    if start < end:
        return _on(window, today) and start <= clock < end
    return (_on(window, today) and clock >= start) or (_on(window, yesterday) and clock < end)


def _on(window: Window, day: str) -> bool:
    return not window.days or day in window.days


def _edges(schedule: Schedule, zone: ZoneInfo, now: int) -> Iterator[int]:
    """Yield every moment after ``now`` at which a mute may end, in order."""
    clocks = {time(0)}
    for window in (*schedule.quiet, *schedule.active):
        clocks |= {clock_time(window.start), clock_time(window.end)}
    today = datetime.fromtimestamp(now / 1000, zone).date()
    for step in range(_LOOK_AHEAD):
        day = today + timedelta(days=step)
        for moment in sorted(_instant(day, clock, zone) for clock in clocks):
            if moment > now:
                yield moment


def _instant(day: date, clock: time, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, clock, zone).timestamp() * 1000)


def next_digest(digest: Digest, zone: str, subscription: str, after: int) -> int:
    """
    Return when the next digest after ``after`` is due.

    Up to two minutes past the time, by the subscription: providers ask not to be called by all at once.
    """
    spread = zlib.crc32(subscription.encode()) % 120_000
    place = ZoneInfo(zone)
    today = datetime.fromtimestamp(after / 1000, place).date()
    moments = (
        _instant(today + timedelta(days=step), clock_time(digest.at), place) + spread
        for step in range(-1, 3)
    )
    return next(moment for moment in moments if moment > after)
