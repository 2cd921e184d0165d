"""
What a mark may say: *all that arrived before T in this partition stands above*.

Rules: T never passes the arrival of something that was read and not yet released, never passes the
wall clock when that is the clock, and never goes back.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

ClockKind: TypeAlias = Literal["wall", "records"]

LATEST: Final = 253_402_300_799_999
"""The last ms of the year 9999: later times have no RFC 3339."""


class Drained(NamedTuple):
    """A fetch at ``at`` (ms, wall clock) found nothing beyond source offset ``offset``."""

    at: int
    offset: int


def arrival(timestamp: int, clock: ClockKind, now: int) -> int:
    """
    Return when a record arrived, in ms since 1970, from its Kafka ``timestamp``.

    A producer's clock may be wrong: nothing arrives after ``now`` (wall clock), and a record without
    a time (negative) arrives now. In a replay the records are the clock, so only the range is kept.
    """
    if clock == "wall":
        return timestamp if 0 <= timestamp <= now else now
    return min(max(timestamp, 0), LATEST)


def mark_time(
    clock: ClockKind,
    newest: int | None,
    drained: Drained | None,
    released: int,
    waiting: Iterable[int],
    previous: int | None,
) -> int | None:
    """
    Return T in ms since 1970; None while nothing can be said.

    ``newest`` is the newest arrival that was released, ``released`` the last offset that was,
    ``waiting`` the arrivals of what was read and not released, ``previous`` the T of the last mark.
    """
    told = newest
    if clock == "wall" and drained is not None and released >= drained.offset:
        told = drained.at if told is None else max(told, drained.at)
    if told is None:
        return previous
    told = min(told, min(waiting, default=told))
    return told if previous is None else max(told, previous)
