"""
What an answer of a receiver means: delivered, try again and when, or never.

Rules: delivered is status 2xx, and for the bots of 钉钉, 飞书 and 企业微信 also the code 0 in the body: they
answer 200 to what they refuse. Time-outs, broken connections, 408, 425, 429 and 5xx are tried again over
three and a half days; other answers never; 410 also switches the channel off. What a receiver asks for
(Retry-After) is kept to, up to a day. Jitter follows from key and try, so that nothing is drawn.
"""

import zlib
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import msgspec

from consumers.records.notices.ports import Outcome
from consumers.records.notices.values import ChannelKind

DELAYS: Final = (0, 5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each try. After the last, a delivery is dead."""
JITTER: Final = 0.2
LONGEST_MS: Final = 86_400_000
RATE_PAUSE_MS: Final = 60_000
_AGAIN: Final = frozenset({408, 425, 429})
_OK, _MOVED, _REFUSED, _GONE, _TOO_MANY, _BROKEN = 200, 300, 400, 410, 429, 500
_BUSY: Final[Mapping[str, frozenset[int]]] = {
    "dingtalk": frozenset({-1, 130101, 130102, 410100}),
    "feishu": frozenset({9499, 11232}),
    "wecom": frozenset({-1, 45009, 45033}),
}
_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "dingtalk": ("errcode",),
    "feishu": ("code", "StatusCode"),
    "wecom": ("errcode",),
}


class Answer(NamedTuple):
    """
    What came back. ``status`` None: nothing did, and ``error`` says what happened instead.

    ``refused``: it was never sent and never will be, and ``error`` says why.
    """

    status: int | None
    body: bytes = b""
    retry_after: str = ""
    error: str = ""
    refused: bool = False


def outcome(kind: ChannelKind, answer: Answer, key: str, attempts: int, now: int) -> Outcome:
    """Return what an answer to try number ``attempts`` (from 1) at ``now`` (ms) means."""
    if answer.refused:
        return Outcome("dead", answer.error)
    if answer.status is None:
        return _again(answer, key, attempts, now, answer.error or "no answer")
    if _OK <= answer.status < _MOVED:
        return _by_code(kind, answer, key, attempts, now)
    if answer.status in _AGAIN or answer.status >= _BROKEN:
        return _again(answer, key, attempts, now, f"{answer.status}")
    if _MOVED <= answer.status < _REFUSED:
        return Outcome("dead", f"{answer.status}: redirects are not followed")
    gone = "the receiver answered 410: gone" if answer.status == _GONE else ""
    return Outcome("dead", f"{answer.status}", disable=gone)


def _by_code(kind: ChannelKind, answer: Answer, key: str, attempts: int, now: int) -> Outcome:
    names = _CODE.get(kind)
    if names is None:
        return Outcome("sent", str(answer.status))
    code, text = _code(names, answer.body)
    if code == 0:
        return Outcome("sent", f"{answer.status}, code 0")
    if code is None:
        return _again(answer, key, attempts, now, "200 without a code that can be read")
    said = f"code {code}: {text}"[:200]
    if code in _BUSY[kind]:
        return _again(answer._replace(status=_TOO_MANY), key, attempts, now, said)
    return Outcome("dead", said)


def _code(names: tuple[str, ...], body: bytes) -> tuple[int | None, str]:
    try:
        told: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None, ""
    if not isinstance(told, dict):
        return None, ""
    text = str(told.get("errmsg") or told.get("msg") or "")
    return next((told[n] for n in names if isinstance(told.get(n), int)), None), text


def _again(answer: Answer, key: str, attempts: int, now: int, said: str) -> Outcome:
    if attempts >= len(DELAYS):
        return Outcome("dead", f"{said}; given up after {attempts} tries")
    wanted = min(retry_after(answer.retry_after, now), LONGEST_MS)
    at = max(now + delay_ms(key, attempts), now + wanted)
    if answer.status != _TOO_MANY:
        return Outcome("waiting", said, at)
    pause = now + (wanted or RATE_PAUSE_MS)
    return Outcome("waiting", said, max(at, pause), blocked_until=pause)


def delay_ms(key: str, attempts: int) -> int:
    """Return how long to wait after try number ``attempts``, within 20 % of the schedule."""
    share = zlib.crc32(f"{key}:{attempts}".encode()) / 0xFFFFFFFF
    return round(DELAYS[attempts] * 1000 * (1 - JITTER + 2 * JITTER * share))


def retry_after(text: str, now: int) -> int:
    """Return how long a receiver asks to be left alone (ms); 0 where that cannot be read."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return int(text[:9]) * 1000
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(int(at.timestamp() * 1000) - now, 0)
