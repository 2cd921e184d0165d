"""
The port of the counts: what ``count`` needs from a store, and what readers of the counts may ask.

Rule: ``step`` is the only way in, and it is a compare-and-set, so that calling it again after any error
is safe. Every method may raise ``Transient`` (the store is away: wait, call again) or ``CannotContinue``
(the store holds what this release cannot read).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from consumers.counts.core.cells import Tally
from consumers.counts.core.following import Followed, Registry
from consumers.counts.core.levels import CellHash, Level, Shelf
from consumers.counts.core.lines import Entry, Span, StoryLine
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Step
from consumers.ports import Record
from groundswell.schemes import Scheme


class Held(NamedTuple):
    """The refusal of a step: the store holds this state (None: none) and wrote nothing."""

    state: PartitionState | None


class Changed(NamedTuple):
    """The refusal of a step that was folded under another registry than ``version``."""

    version: str


class Snapshot(NamedTuple):
    """
    What a shard holds as of one instant.

    The states of its partitions, some cells, the index of series, some shelves of story lines, and
    the span of each partition whose lines are kept.
    """

    states: Mapping[int, PartitionState]
    cells: Mapping[CellHash, Mapping[int, Tally]]
    series: Mapping[str, int]
    lines: Mapping[Shelf, tuple[Entry, ...]]
    spans: Mapping[int, Span]


class CountReader(Protocol):
    """Reads the counts; all shards are added up."""

    async def states(self) -> Mapping[int, PartitionState]:
        """Return the state of each partition that has one."""
        ...

    async def series(self) -> Mapping[str, int]:
        """Return every series with the newest minute (since 1970) in which it counted."""
        ...

    async def cells(
        self, series: Collection[str], level: Level, first: int, last: int
    ) -> Mapping[str, Mapping[int, Tally]]:
        """Return the cells of the buckets ``first`` to ``last`` (both included) of each series."""
        ...

    async def touched(self, first: int) -> Mapping[str, int]:
        """Return the series that counted in minute ``first`` or later, with their newest minute."""
        ...

    async def lines(self, shelf: Shelf, first: int, last: int) -> tuple[StoryLine, ...]:
        """Return the lines that a shelf keeps of the minutes ``first`` to ``last``, in no order."""
        ...

    async def stories(
        self, series: str, first: int, last: int, limit: int
    ) -> tuple[StoryLine, ...]:
        """
        Return the negative items that counted in the minutes ``first`` to ``last``, the newest last.

        At most ``limit`` of those kept (see ``core.shelf``); of more than that new stories go before
        copies, and of each the newest.
        """
        ...

    async def bundles(self) -> Mapping[int, str]:
        """Return the names behind the hashes of bundles."""
        ...

    async def sources(self) -> Mapping[str, int]:
        """Return the sources that counted last, with their newest minute: ``SOURCES_NAMED`` a shard."""
        ...


class CountStore(CountReader, Protocol):
    """Holds the counts."""

    async def prepare(self) -> None:
        """
        Check that the store can hold exact counts, and claim the number of shards.

        Raises ``CannotStart`` if it would evict keys, or was filled with another number of shards.
        """
        ...

    async def state(self, partition: int) -> PartitionState | None:
        """Return the state of a partition, None if it has none."""
        ...

    async def step(
        self, partition: int, expected: PartitionState | None, step: Step
    ) -> Held | Changed | None:
        """
        Apply ``step`` if the store holds ``expected`` for ``partition``, all of it or nothing.

        Answers None when it is done (also when an earlier try of the same step had landed), else what
        the store holds, or which registry it follows. Windows that are too old by the step's mark are deleted, some in each call.
        """
        ...

    async def registry(self, shard: int) -> Registry:
        """Return the series that a shard follows."""
        ...

    async def follow(self, shard: int, added: Mapping[str, Scheme | None]) -> None:
        """
        Follow series, from where each partition stands now; those that are followed stay as they are.

        Of entities (None) no more than ``core.following.ENTITIES``.
        """
        ...

    async def forget(self, shard: int, series: str) -> None:
        """Follow a series no more, and remove its cells, its lines and its place in the index."""
        ...

    async def fill(self, shard: int, series: str, lacking: Followed, past: Step) -> bool:
        """
        Add the past of a series and say that it is whole, all of it or nothing.

        Only if it is followed by the same words, and lacks just that part, as when ``past`` was folded:
        False where it is not. Of ``past`` count the cells, the lines and what it touched.
        """
        ...

    async def nominate(self, stories: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        """
        Note stories of entities that nobody follows; return those that have enough of them by now.

        Soft: what is noted may be lost, and an entity is then found later. See ``core.strangers``.
        """
        ...

    async def hashes(self, shard: int) -> frozenset[CellHash]:
        """Return the hashes of cells that the index of ``shard`` names."""
        ...

    async def shelves(self, shard: int) -> frozenset[Shelf]:
        """Return the shelves of story lines that the index of ``shard`` names."""
        ...

    async def snapshot(
        self, shard: int, hashes: Collection[CellHash], shelves: Collection[Shelf] = ()
    ) -> Snapshot:
        """Return what a shard holds, with the cells and shelves named, as of one instant."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...


class LogScan(Protocol):
    """Reads the log without joining a group."""

    async def bounds(self) -> Mapping[int, tuple[int, int]]:
        """Return first offset and end of every partition."""
        ...

    def read(self, partition: int, first: int, end: int) -> AsyncIterator[Record]:
        """Yield the records from ``first`` up to ``end`` (not included). May raise ``Transient``."""
        ...

    async def close(self) -> None:
        """Close. Idempotent."""
        ...
