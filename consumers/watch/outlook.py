"""
How far can be decided: from the marks of all partitions to a minute.

    partition 0   ──────────────────────►│ 12:07:31
    partition 1   ───────────────────►│    12:06:58     L = 2 min: all of 12:03 is in, 12:04 is not
    partition 2   ─────►│                  12:01:02     stands still for 5 min: named, and left out

Rules: a minute is decided when every mark has passed its end + L. A partition whose mark has not moved
for ``STANDSTILL`` seconds is left out; where all of them stand still, nothing is decided. A partition
that was seen once is waited for even when the store no longer knows it: an emptied store, which names
none or only some, decides nothing until its marks have come back.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

MINUTE_MS: Final = 60_000
STANDSTILL: Final = 300.0
"""Seconds without progress after which a partition is left out."""


class Outlook(NamedTuple):
    """The last minute that can be decided (None: none), and the partitions left out."""

    minute: int | None
    left_out: tuple[int, ...]


class Standing(NamedTuple):
    """A partition's mark (ms), and when it was first seen there (seconds, monotonic)."""

    mark: int
    since: float


def noted(
    before: Mapping[int, Standing], known: Iterable[int], marks: Mapping[int, int], now: float
) -> dict[int, Standing]:
    """
    Return how every partition stands at ``now``, those of ``known`` that have no mark among them.

    A mark that fell (the store was put back) counts as having moved.
    """
    after = {}
    for partition in {*before, *known, *marks}:
        mark, held = marks.get(partition, 0), before.get(partition)
        after[partition] = held if held and held.mark == mark else Standing(mark, now)
    return after


def outlook(standings: Mapping[int, Standing], lateness: int, now: float) -> Outlook:
    """Say what can be decided at ``now``; ``lateness`` in ms."""
    out = tuple(sorted(p for p, s in standings.items() if now - s.since >= STANDSTILL))
    marks = [s.mark for p, s in standings.items() if p not in out]
    if not marks or min(marks) <= lateness:
        return Outlook(None, out)
    return Outlook((min(marks) - lateness) // MINUTE_MS - 1, out)


def went_back(before: Mapping[int, int], after: Mapping[int, int]) -> bool:
    """Say whether the store lost something between two looks at its marks."""
    return any(after.get(partition, 0) < mark for partition, mark in before.items())
