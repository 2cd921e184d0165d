"""
`recount`: folds `opinions` again from its beginning and compares every aggregate with the store.

Rules: it uses the fold of `count` and writes nothing; each piece of the store is compared as of the
very positions at which it was read, so that `count` may go on meanwhile; what the log or the store has
deleted is named and left out.
"""

import json
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from consumers.adapters.kafka_scan import KafkaScan
from consumers.adapters.memory_counts import Shard
from consumers.adapters.redis_counts import open_counts, retention_of
from consumers.counts.core.compare import (
    Compared,
    Scope,
    compare_cells,
    compare_lines,
    compare_series,
    compare_states,
)
from consumers.counts.core.fold import MISSED, fold
from consumers.counts.core.following import Registry, as_counted, moved
from consumers.counts.core.lines import Span, lined
from consumers.counts.core.start import afresh
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Retention
from consumers.counts.core.view import overall
from consumers.counts.ports import CountStore, LogScan, Snapshot
from consumers.counts.report import Report, told
from consumers.ports import Record
from groundswell.errors import CannotContinue
from groundswell.settings import Settings

_BATCH: Final = 1000
_HASHES: Final = 200
_MOVED: Final = "the store was put back while it was recounted; try again"


class Recount:
    """Folds the log in memory, up to whatever positions the store is found at."""

    def __init__(
        self, scan: LogScan, store: CountStore, shards: int, lateness: int, retention: Retention
    ) -> None:
        self._scan = scan
        self._store = store
        self._shards = [Shard() for _ in range(shards)]
        self._lateness = lateness
        self._retention = retention
        self._since: dict[int, int] = {}
        self._lined: dict[int, int | None] = {}
        self._registry = Registry()
        self._differences: dict[str, list[str]] = {}
        self.report = Report()

    async def run(self) -> Report:
        """Compare everything. Raises ``Transient`` or ``CannotContinue``."""
        bounds = await self._scan.bounds()
        last: dict[int, PartitionState] = {}
        for number, shard in enumerate(self._shards):
            self._registry = await self._store.registry(number)
            await self._advance(shard, await self._store.snapshot(number, ()), bounds)
            names = sorted(shard.cells.keys() | await self._store.hashes(number))
            for start in range(0, len(names), _HASHES):
                chunk = names[start : start + _HASHES]
                found = await self._store.snapshot(number, chunk)
                await self._advance(shard, found, bounds)
                for name in chunk:
                    done = compare_cells(
                        name,
                        shard.cells.get(name, {}),
                        found.cells.get(name, {}),
                        self._scope(found),
                    )
                    self.report.cells += done.equal + len(done.differences)
                    self._take(name.series, done)
            await self._compare_lines(number, shard, bounds)
            found = await self._store.snapshot(number, ())
            await self._advance(shard, found, bounds)
            self._compare_rest(shard, found)
            self._settle(moved(self._registry, await self._store.registry(number)))
            last |= found.states
        self._sum_up(last, bounds)
        return self.report

    def _take(self, series: str, done: Compared) -> None:
        """Note what was found of a series; differences wait until it is known that it did not change."""
        self.report.left_out += done.left_out
        if done.differences:
            self._differences.setdefault(series, []).extend(done.differences)

    def _settle(self, changed: frozenset[str]) -> None:
        """Report the differences of series that were followed all the while, and leave out the others."""
        for series, sentences in self._differences.items():
            if series in changed:
                self.report.left_out += len(sentences)
                continue
            for sentence in sentences:
                self.report.differ(sentence)
        self._differences = {}
        if changed:
            self.report.notes.append(
                f"{len(changed)} series were added, filled or dropped meanwhile and are left out: "
                f"{', '.join(sorted(changed)[:3])}{', …' if len(changed) > 3 else ''}"  # noqa: PLR2004
            )

    async def _compare_lines(
        self, number: int, shard: Shard, bounds: Mapping[int, tuple[int, int]]
    ) -> None:
        """Compare the story lines of a shard."""
        names = sorted(shard.lines.keys() | await self._store.shelves(number))
        for start in range(0, len(names), _HASHES):
            chunk = names[start : start + _HASHES]
            found = await self._store.snapshot(number, (), chunk)
            await self._advance(shard, found, bounds)
            for shelf in chunk:
                ours, theirs = shard.lines.get(shelf, ()), found.lines.get(shelf, ())
                done = compare_lines(shelf, ours, theirs, self._scope(found), self._lined)
                self.report.lines += done.equal + len(done.differences)
                self._take(shelf.series, done)

    def _compare_rest(self, shard: Shard, found: Snapshot) -> None:
        """Compare index and states of a shard."""
        self.report.series += len(shard.series)
        for name, sentence in compare_series(shard.series, found.series, self._scope(found)):
            self._take(name, Compared(0, 0, (sentence,)))
        for partition, held in found.states.items():
            whole = partition not in self._since and not held.totals.log_recreated
            folded = shard.states.get(partition)
            if folded is not None:
                for sentence in compare_states(
                    partition, folded, held, whole=whole, since=self._since.get(partition, 0)
                ):
                    self.report.differ(sentence)

    def _sum_up(
        self, held: Mapping[int, PartitionState], bounds: Mapping[int, tuple[int, int]]
    ) -> None:
        report, folded = self.report, [s for shard in self._shards for s in shard.states.values()]
        totals = overall(folded)
        report.counted, report.refused = totals.counted, totals.refusals
        report.lost, report.ticks, report.offsets = totals.lost, totals.ticks, totals.settled
        report.repeats, report.holes = totals.repeats, totals.holes
        report.partitions = len(folded)
        for partition, (first, end) in sorted(bounds.items()):
            position = held[partition].position if partition in held else first
            report.behind += max(0, end - position)
            if partition not in held and end > first:
                report.notes.append(f"partition {partition}: not counted yet")

    def _scope(self, found: Snapshot) -> Scope:
        mark = max((state.mark for state in found.states.values()), default=0)
        since = max((self._since.get(p, 0) for p in found.states), default=0)
        return Scope(self._retention.expired_before(mark), since)

    async def _advance(
        self,
        shard: Shard,
        found: Snapshot,
        bounds: Mapping[int, tuple[int, int]],
    ) -> None:
        """Fold every partition of a shard up to the position that the store holds."""
        for partition, state in found.states.items():
            self._span(partition, found.spans.get(partition))
            known = shard.states.get(partition)
            if known is None:
                if partition not in bounds:
                    self.report.differ(f"partition {partition}: counted, but the log has none such")
                    continue
                first, end = bounds[partition]
                known = afresh(state, first)
                if state.position < first or (first > 0 and state.position == first):
                    self.report.notes.append(
                        f"partition {partition}: the log begins at {first}, the store stands at "
                        f"{state.position}; nothing to compare"
                    )
                    self._since[partition] = self._after(state)
                    continue
                await self._begin(partition, known, state, first)
                if state.position > end:
                    end = (await self._scan.bounds())[partition][1]
                if state.position > end:
                    self.report.differ(
                        f"partition {partition}: the store stands at {state.position}, but the log "
                        f"ends at {end}: it was made anew"
                    )
                    continue
            if state.position < known.position:
                raise CannotContinue(_MOVED)
            if partition not in shard.states or state.position > known.position:
                await self._fold(shard, partition, known, state.position)

    def _span(self, partition: int, span: Span | None) -> None:
        """Note from where on the store keeps lines of a partition; it may begin, and does not change."""
        since = None if span is None else span.since
        if partition not in self._lined:
            self._lined[partition] = since
            if since is None:
                self.report.notes.append(f"partition {partition}: no story lines are kept yet")
            elif since:
                self.report.notes.append(
                    f"partition {partition}: story lines are kept from log offset {since} on"
                )
        elif self._lined[partition] != since:
            raise CannotContinue(_MOVED)

    def _after(self, state: PartitionState) -> int:
        """Return the first ms in which nothing counted that had arrived before this state."""
        # A published time may lie ahead of its arrival by as much as the lateness.
        return max(state.mark, state.newest) + self._lateness + 1

    async def _begin(
        self, partition: int, known: PartitionState, state: PartitionState, first: int
    ) -> None:
        """Note where a log that retention has cut begins in time."""
        if first == 0 and not state.totals.log_recreated:
            return
        async for record in self._scan.read(partition, first, state.position):
            step = fold(known, [record], self._lateness)
            if step.state.mark or step.state.newest:
                self._since[partition] = self._after(step.state)
                self.report.notes.append(
                    f"partition {partition}: the log begins at offset {first}; what was counted "
                    "before is left out"
                )
                return
            known = step.state

    async def _fold(
        self, shard: Shard, partition: int, known: PartitionState, position: int
    ) -> None:
        if position == known.position:
            shard.states[partition] = known
            return
        batch: list[Record] = []
        async for record in self._scan.read(partition, known.position, position):
            batch.append(record)
            if len(batch) == _BATCH:
                known = self._add(shard, partition, known, batch)
                batch = []
        known = self._add(shard, partition, known, batch)
        # The last offsets may hold no records (the marks of transactions).
        shard.states[partition] = msgspec.structs.replace(known, position=position)

    def _add(
        self, shard: Shard, partition: int, known: PartitionState, batch: list[Record]
    ) -> PartitionState:
        following = as_counted(self._registry, partition, known.log_id)
        step = fold(known, batch, self._lateness, following)
        lines = lined(step.lines, self._lined[partition])
        shard.add(partition, step._replace(lines=lines), self._retention)
        if partition in self._since and any(f.kind == MISSED for f in step.findings):
            # It began with a late repeat: what lies between that and here was deleted as well.
            self._since[partition] = max(self._since[partition], self._after(step.state))
        return step.state


async def run(settings: Settings, *, as_json: bool) -> int:
    """Recount and print the report; return 0 if nothing differs, else 1."""
    store = open_counts(settings)
    scan = KafkaScan(settings, settings.opinions_topic)
    try:
        await store.prepare()
        lateness = settings.lateness_seconds * 1000
        report = await Recount(
            scan, store, settings.redis_shards, lateness, retention_of(settings)
        ).run()
    finally:
        await scan.close()
        await store.close()
    sys.stdout.write(json.dumps(msgspec.to_builtins(report)) + "\n" if as_json else told(report))
    return 0 if report.same else 1
