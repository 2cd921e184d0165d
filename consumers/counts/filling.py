"""
The past of new series: `opinions` folded again from its beginning, beside the live counts.

Rules: the fold is that of `count`, over those series only and up to where each is counted. One reading of
the log serves all that wait, as many as memory allows (``past``); what it found comes into the store
series by series, whole, and only if the store follows it by the same words and still lacks just that. So
it may be killed anywhere and starts again, two may do it at once, and nothing counts twice.
"""

import asyncio
from typing import Final

from consumers.counts.core.fold import fold
from consumers.counts.core.following import past_of
from consumers.counts.core.lines import lined
from consumers.counts.core.start import afresh
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Retention
from consumers.counts.past import KEPT, Past
from consumers.counts.ports import CountStore, LogScan, Snapshot
from consumers.ports import Record

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
        kept: int = KEPT,
    ) -> None:
        self._kept = kept
        self._store = store
        self._scan = scan
        self._lateness = lateness
        self._retention = retention
        self._stop = stop

    async def fill(self, number: int) -> tuple[str, ...]:
        """
        Read the log once for the series of a shard that lack their past; return those that are whole now.

        Raises ``Transient`` or ``CannotContinue``; whatever was not filled then still lacks its past.
        """
        registry = await self._store.registry(number)
        wanted = {series: held for series, held in registry.series.items() if held.since}
        if not wanted:
            return ()
        past = Past(wanted, self._retention, self._kept)
        found = await self._store.snapshot(number, ())
        bounds = await self._scan.bounds()
        for partition in sorted({s.partition for held in wanted.values() for s in held.since}):
            state = found.states.get(partition)
            if state is not None and partition in bounds:
                await self._fold(past, partition, state, found, bounds[partition])
            if self._stop.is_set():
                return ()
        filled = []
        for series, held, step in past.steps():
            if await self._store.fill(number, series, held, step):
                filled.append(series)
            if self._stop.is_set():
                break
        return tuple(filled)

    async def _fold(
        self,
        past: Past,
        partition: int,
        state: PartitionState,
        found: Snapshot,
        bounds: tuple[int, int],
    ) -> None:
        """Fold a partition up to where the last of the series begins; another log than then says nothing."""
        following = past_of(past.wanted, partition, state.log_id)
        end = max((end for _, end in following.reach.values()), default=0)
        first, end = bounds[0], min(end, bounds[1])
        if first >= end:
            return
        span = found.spans.get(partition)
        known = afresh(state, first)
        batch: list[Record] = []

        def add() -> None:
            nonlocal known, following
            step = fold(known, batch, self._lateness, following)
            lines = lined(step.lines, None if span is None else span.since)
            if past.add(step._replace(lines=lines)):
                following = past_of(past.wanted, partition, state.log_id)
            batch.clear()
            known = step.state

        async for record in self._scan.read(partition, first, end):
            batch.append(record)
            if len(batch) == _BATCH:
                add()
                if self._stop.is_set():
                    return
                await asyncio.sleep(0)  # the live counts go first
        add()
