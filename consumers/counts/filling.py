"""
The past of new series: `opinions` folded again from its beginning, beside the live counts.

Rules: the fold is that of `count`, over some series only and up to where each is counted; it happens in
memory, and what it found comes into the store series by series, whole, and only if the store still lacks
just that. So it may be killed anywhere and starts again, two may do it at once, and nothing counts twice.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from consumers.adapters.memory_counts import Shard
from consumers.counts.core.fold import fold
from consumers.counts.core.following import Followed, past_of
from consumers.counts.core.lines import lined
from consumers.counts.core.start import afresh
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Retention, Step
from consumers.counts.ports import CountStore, LogScan, Snapshot
from consumers.ports import Record

TOGETHER: Final = 32
"""Series that are filled in one reading of the log: their cells stand in memory meanwhile."""
_BATCH: Final = 200


class Filling:
    """Fills the series of a shard that lack their past."""

    def __init__(
        self,
        store: CountStore,
        scan: LogScan,
        lateness: int,
        retention: Retention,
        stop: asyncio.Event,
    ) -> None:
        self._store = store
        self._scan = scan
        self._lateness = lateness
        self._retention = retention
        self._stop = stop

    async def fill(self, number: int) -> tuple[str, ...]:
        """
        Fill some series of a shard; return those that are whole now.

        Raises ``Transient`` or ``CannotContinue``; whatever was not filled then still lacks its past.
        """
        registry = await self._store.registry(number)
        lacking = {s: held for s, held in sorted(registry.series.items()) if held.since}
        wanted = dict(list(lacking.items())[:TOGETHER])
        if not wanted:
            return ()
        found = await self._store.snapshot(number, ())
        bounds = await self._scan.bounds()
        shard = Shard()
        for partition in sorted({s.partition for held in wanted.values() for s in held.since}):
            state = found.states.get(partition)
            if state is not None and partition in bounds:
                await self._fold(shard, partition, state, wanted, found, bounds[partition])
            if self._stop.is_set():
                return ()
        filled = []
        for series, held in wanted.items():
            if await self._store.fill(number, series, held.since, _past(shard, series)):
                filled.append(series)
        return tuple(filled)

    async def _fold(
        self,
        shard: Shard,
        partition: int,
        state: PartitionState,
        wanted: Mapping[str, Followed],
        found: Snapshot,
        bounds: tuple[int, int],
    ) -> None:
        """Fold a partition up to where the last of the series begins; another log than then says nothing."""
        following = past_of(wanted, partition, state.log_id)
        end = max((end for _, end in following.reach.values()), default=0)
        first, end = bounds[0], min(end, bounds[1])
        if first >= end:
            return
        span = found.spans.get(partition)
        known = afresh(state, first)
        batch: list[Record] = []

        def add(known: PartitionState) -> PartitionState:
            step = fold(known, batch, self._lateness, following)
            lines = lined(step.lines, None if span is None else span.since)
            shard.put(step._replace(lines=lines), self._retention)
            batch.clear()
            return step.state

        async for record in self._scan.read(partition, first, end):
            batch.append(record)
            if len(batch) == _BATCH:
                known = add(known)
                if self._stop.is_set():
                    return
                await asyncio.sleep(0)  # the live counts go first
        add(known)


def _past(shard: Shard, series: str) -> Step:
    """Return what was found of one series, as a step."""
    newest = shard.series.get(series)
    return Step(
        state=PartitionState(),
        cells={name: fields for name, fields in shard.cells.items() if name.series == series},
        touched={} if newest is None else {series: newest},
        bundles=shard.bundles,
        findings=(),
        arrivals=(),
        lines={shelf: lines for shelf, lines in shard.lines.items() if shelf.series == series},
    )
