"""
A step: what one batch of the log changes, and how long what it wrote is kept.

Rules: a step is applied whole or not at all; what expires is judged by a mark of the log.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from consumers.counts.core.cells import Tally
from consumers.counts.core.levels import LEVELS, MINUTES, CellHash, Level, Shelf, place_of
from consumers.counts.core.lines import Entry, Span
from consumers.counts.core.state import PartitionState

SOURCES_NAMED: Final = 1000
"""Sources of a shard whose names are kept."""
SOURCE_KEPT: Final = 128
"""Characters of a name."""


DELETED_AT_ONCE: Final = 64
"""Windows deleted in a step, per level: so that no step takes long, and that of a quiet log does some."""


class Finding(NamedTuple):
    """Something to report: its kind, where it was first seen in the batch, and how many there were."""

    kind: str
    detail: str
    amount: int


class Step(NamedTuple):
    """
    What one batch changes.

    ``cells`` holds the tallies to add, by hash and field; ``touched`` the newest minute of each series
    that counted; ``bundles`` the names behind the bundle hashes; ``arrivals`` the arrival (ms) of each
    opinion that counted; ``lines`` the story lines to put on each shelf; ``began`` the position that
    the batch was read from; ``version`` the registry that it was folded under; ``strangers`` names
    each story of an entity that nobody follows, with its minute; ``sources`` the newest minute of each
    source that counted, of which a shard keeps the newest ``SOURCES_NAMED``.
    """

    state: PartitionState
    cells: Mapping[CellHash, Mapping[int, Tally]]
    touched: Mapping[str, int]
    bundles: Mapping[int, str]
    findings: tuple[Finding, ...]
    arrivals: tuple[int, ...]
    lines: Mapping[Shelf, tuple[Entry, ...]] = MappingProxyType({})
    began: int = 0
    version: str = ""
    strangers: tuple[tuple[str, int], ...] = ()
    sources: Mapping[str, int] = MappingProxyType({})


def deleted_at_most(step: Step) -> int:
    """
    Return how many windows that are too old a step deletes per level, and how many shelves.

    No fewer than it may begin: else a log of months, folded again in minutes, would leave them all.
    """
    return max(DELETED_AT_ONCE, len(step.cells))


def anchor(held: PartitionState | None, step: Step) -> int | None:
    """
    Return the position that the lines kept so far must go up to, for the step to carry them on.

    None where it cannot: nothing is held, or the log was made anew and its offsets say nothing of the
    lines before.
    """
    if held is None or held.totals.log_recreated != step.state.totals.log_recreated:
        return None
    return held.position


def spanned(span: Span | None, held: PartitionState | None, step: Step) -> Span:
    """
    Return the span of story lines after a step.

    It goes on where every step since its beginning has kept lines; another release may have counted
    in between without them.
    """
    if span is not None and span.until == anchor(held, step):
        return Span(span.since, step.state.position)
    return Span(step.began, step.state.position)


class Retention(NamedTuple):
    """How long each level is kept, in minutes."""

    minute: int
    hour: int
    day: int

    def expired_before(self, mark: int) -> dict[Level, int]:
        """
        Return, per level, the end (minutes since 1970) up to which windows are too old.

        Judged by a mark (ms, 0: none, and then nothing is too old), never by a clock, so that old news
        can be replayed.
        """
        now = mark // 60_000
        return {level: max(0, now - kept) for level, kept in zip(LEVELS, self, strict=True)}

    def windows(self, series: str, newest: int, slack: int) -> tuple[CellHash, ...]:
        """Return the hashes that a series may have whose newest minute is ``newest``, and some older."""
        return tuple(
            CellHash(level, series, window)
            for level, kept in zip(LEVELS, self, strict=True)
            for window in range(
                place_of(level, max(0, newest - kept) // MINUTES[level])[0] - slack,
                place_of(level, newest // MINUTES[level])[0] + 1,
            )
        )
