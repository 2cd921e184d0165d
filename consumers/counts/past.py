"""
The past of series while the log is read again: what was found of each, within bounds.

Rule: of any number of series as many are kept as fit; the others are let go of whole, the last first, and
wait for another reading. So the memory of a reading is bounded, and there are as few of them as that
allows. Schemes come first: a person waits for them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from consumers.adapters.memory_counts import Shard
from consumers.counts.core.cells import Tally
from consumers.counts.core.following import Followed
from consumers.counts.core.levels import CellHash, Shelf
from consumers.counts.core.lines import Entry
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Retention, Step

KEPT: Final = 300_000
"""Cells and lines in memory at most, each some 500 bytes."""


class Past:
    """What was found of ``wanted`` so far; ``wanted`` shrinks when it is too much."""

    def __init__(
        self, wanted: Mapping[str, Followed], retention: Retention, kept: int = KEPT
    ) -> None:
        ordered = sorted(wanted.items(), key=lambda item: (item[1].scheme is None, item[0]))
        self.wanted: Mapping[str, Followed] = dict(ordered)
        self._retention = retention
        self._kept = kept
        self._shard = Shard()
        self._held = 0
        """No fewer than are held: what fell on the same cell is counted again."""

    def add(self, step: Step) -> bool:
        """Add what a step found; say whether series were let go of, which the next need not look for."""
        self._shard.put(step, self._retention)
        self._held += sum(map(len, step.cells.values())) + sum(map(len, step.lines.values()))
        if self._held <= self._kept:
            return False
        sizes = self._sizes()
        self._held = sum(sizes.values())
        if self._held <= self._kept - self._kept // 8:
            return False  # not so near to full that it would be added up again soon
        return self._let_go(sizes)

    def steps(self) -> Iterator[tuple[str, Followed, Step]]:
        """Yield what was found of each series that is left, as a step."""
        cells: defaultdict[str, dict[CellHash, Mapping[int, Tally]]] = defaultdict(dict)
        lines: defaultdict[str, dict[Shelf, tuple[Entry, ...]]] = defaultdict(dict)
        for name, fields in self._shard.cells.items():
            cells[name.series][name] = fields
        for shelf, entries in self._shard.lines.items():
            lines[shelf.series][shelf] = entries
        for series, held in self.wanted.items():
            newest = self._shard.series.get(series)
            step = Step(
                state=PartitionState(),
                cells=cells.pop(series, {}),
                touched={} if newest is None else {series: newest},
                bundles=self._shard.bundles,
                findings=(),
                arrivals=(),
                lines=lines.pop(series, MappingProxyType({})),
            )
            yield series, held, step

    def _sizes(self) -> dict[str, int]:
        """Return how much is held of each series."""
        sizes: defaultdict[str, int] = defaultdict(int)
        for name, fields in self._shard.cells.items():
            sizes[name.series] += len(fields)
        for shelf, entries in self._shard.lines.items():
            sizes[shelf.series] += len(entries)
        return sizes

    def _let_go(self, sizes: Mapping[str, int]) -> bool:
        """Let go of the last series until what is left fills half the room; never of the first."""
        room = self._kept // 2
        stay: dict[str, Followed] = {}
        for series, held in self.wanted.items():
            room -= sizes.get(series, 0)
            if room < 0 and stay:
                break
            stay[series] = held
        if len(stay) == len(self.wanted):
            return False
        self._shard.keep(stay.__contains__)
        self._held = sum(n for series, n in sizes.items() if series in stay)
        self.wanted = stay
        return True
