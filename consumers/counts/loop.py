"""
The loop of `count`: poll, fold, one atomic step, go on from what the store holds.

Rules: the store decides. Each step names the state that it continues from; whatever else the store
holds is taken over and the log is read again from its position. After any failure the state is asked
for anew, since the step may have landed. While the store is away its partitions are paused and the
polls go on, so that the group stays as it is. An idle partition is compared every few seconds, so that
a store that was emptied or put back fills again without news.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from consumers.backoff import pause_after
from consumers.counts.core.fold import fold
from consumers.counts.core.start import start_from
from consumers.counts.core.state import PartitionState, Totals
from consumers.counts.core.step import Finding, Step
from consumers.counts.metrics import Metrics
from consumers.counts.patience import Patience
from consumers.counts.ports import Changed, CountStore
from consumers.counts.series import Series
from consumers.counts.shares import Absent, Share
from consumers.ports import Bounds, Clock, LogReader, Record, Waiting
from groundswell.errors import Transient
from groundswell.settings import Settings

POLL_SECONDS: Final = 0.25
"""Longest wait of one poll: how late a stop may be noticed."""
COMPARE_SECONDS: Final = 2.0
"""How often an idle partition is compared with the store."""
COMMIT_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 2.0

STORE: Final = "redis"
LOG: Final = "kafka: opinions"
GROUP: Final = "kafka: group"

log = structlog.get_logger()


class Counting:
    """One process's share of topic `opinions`; it is its own ``Owner``."""

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        store: CountStore,
        clock: Clock,
        health: Waiting,
        metrics: Metrics,
        stop: asyncio.Event,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._lateness = settings.lateness_seconds * 1000
        self._reader = reader
        self._store = store
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._stop = stop
        self._patience = Patience(metrics, health, stop)
        self.series = Series(store, settings.redis_shards)
        self._shares: dict[int, Share] = {}
        self._absent: dict[int, Absent] = {}
        self._committed_at = 0.0

    async def run(self) -> None:
        """
        Count until ``stop`` (of the constructor) is set, then commit and leave the group.

        Raises ``CannotStart`` or ``CannotContinue``.
        """
        self._health.waiting(GROUP, "not joined yet")
        try:
            if await self._patience.until_done(STORE, self._store.prepare):
                await self._patience.until_done(LOG, lambda: self._reader.start(self))
            failures = 0
            while not self._stop.is_set():
                try:
                    await self.turn()
                    failures = 0
                    self._health.working(LOG)
                except Transient as error:
                    self._patience.failed(LOG, error)
                    await self._patience.pause(failures)
                    failures += 1
        finally:
            if positions := self._positions():
                with contextlib.suppress(Transient, TimeoutError):
                    async with asyncio.timeout(LEAVE_SECONDS):
                        await self._reader.commit(positions)
            await self._reader.stop()

    async def turn(self) -> None:
        """Poll once and count what came. Raises ``Transient`` if the log is away."""
        fetched = await self._reader.poll(self._settings.count_batch, POLL_SECONDS)
        # As of the poll: a share that is replaced while another is counted begins elsewhere.
        polled = [(p, self._shares.get(p), records) for p, records in fetched.records.items()]
        for partition, share, records in polled:
            if share is not None and self._shares.get(partition) is share:
                await self._count(partition, share, records)
        now = self._clock.now()
        for partition, absent in list(self._absent.items()):
            if now >= absent.due:
                await self._ask_again(partition, absent)
        for partition, share in list(self._shares.items()):
            if now - share.compared >= COMPARE_SECONDS:
                await self._compare(partition, share)
        if now - self._committed_at >= COMMIT_SECONDS:
            self._committed_at = now
            self._show()
            await self._reader.commit(self._positions())
        if sum(map(len, fetched.records.values())) < self._settings.count_batch // 4:
            await asyncio.sleep(self._settings.poll_interval_ms / 1000)

    def owns(self, partition: int) -> bool:
        """Say whether this process counts a partition now."""
        return partition in self._shares

    # ------------------------------------------------------------------ owning partitions

    async def assigned(self, bounds: Mapping[int, Bounds]) -> Mapping[int, int]:
        """Take partitions over; those that the store does not answer for stay paused."""
        self._health.working(GROUP)
        positions: dict[int, int] = {}
        for partition, known in bounds.items():
            self._shares.pop(partition, None)
            self._absent.pop(partition, None)
            try:
                held = await self._store.state(partition)
            except Transient as error:
                self._leave_absent(partition, known, error)
            else:
                positions[partition] = self._take(partition, known, held)
        return positions

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Forget partitions: their state stands in the store."""
        for partition in partitions:
            self._shares.pop(partition, None)
            self._absent.pop(partition, None)
            self._metrics.forget(partition)

    def _take(self, partition: int, bounds: Bounds, held: PartitionState | None) -> int:
        """Go on from what the store holds; return the position to read from."""
        start = start_from(held, bounds)
        self._report(partition, start.findings)
        before = Totals() if held is None else held.totals
        self._metrics.grown(before, start.state.totals)
        self._shares[partition] = Share(bounds, held, start.state, self._clock.now())
        self._answered()
        log.info("counting", partition=partition, position=start.state.position)
        return start.state.position

    def _leave_absent(self, partition: int, bounds: Bounds, error: Transient) -> None:
        self._patience.failed(STORE, error)
        self._metrics.redis_up.set(0)
        self._shares.pop(partition, None)
        attempt = self._absent[partition].attempt + 1 if partition in self._absent else 0
        due = self._clock.now() + pause_after(attempt)
        self._absent[partition] = Absent(bounds, due, attempt)

    def _lose(self, partition: int, share: Share, error: Transient) -> None:
        """Pause a partition whose store is away."""
        if self._shares.get(partition) is share:
            self._reader.pause([partition])
            self._leave_absent(partition, share.bounds, error)

    async def _ask_again(self, partition: int, absent: Absent) -> None:
        """Ask the store for the state of a partition that it has not answered for."""
        try:
            held = await self._store.state(partition)
        except Transient as error:
            if self._absent.get(partition) is absent:
                self._leave_absent(partition, absent.bounds, error)
            return
        if self._absent.get(partition) is absent:
            del self._absent[partition]
            self._reader.seek(partition, self._take(partition, absent.bounds, held))
            self._reader.resume([partition])

    # ------------------------------------------------------------------ counting

    async def _count(self, partition: int, share: Share, records: Sequence[Record]) -> None:
        """Fold records, and apply them in one step."""
        step = fold(share.state, records, self._lateness, self.series.following(partition))
        began = self._clock.now()
        if not await self._apply(partition, share, step):
            return
        self._metrics.step_seconds.observe(self._clock.now() - began)
        self._report(partition, step.findings)
        self.series.met(step.strangers)
        now = self._clock.wall()
        for arrival in step.arrivals:
            self._metrics.latency.observe(max(0, now - arrival) / 1000)

    async def _apply(self, partition: int, share: Share, step: Step) -> bool:
        """Try a step; say whether it is done. Else go on from what the store holds, or wait for it."""
        try:
            refused = await self._store.step(partition, share.held, step)
        except Transient as error:
            self._lose(partition, share, error)
            return False
        self._answered()
        if isinstance(refused, Changed):
            await self._follow(partition, share)
            return False
        if refused is not None:
            self._go_back(partition, share, refused.state)
            return False
        self._metrics.steps.inc()
        self._metrics.grown(share.state.totals, step.state.totals)
        share.held = share.state = step.state
        share.compared = self._clock.now()
        return True

    async def _follow(self, partition: int, share: Share) -> None:
        """Learn which series are followed now, and read again what was folded without them."""
        try:
            await self.series.learn(partition)
        except Transient as error:
            self._lose(partition, share, error)
        else:
            if self._shares.get(partition) is share:
                self._reader.seek(partition, share.state.position)

    async def _compare(self, partition: int, share: Share) -> None:
        """Compare an idle partition with the store, and write down what its start has found."""
        if share.state != share.held:
            following = self.series.following(partition)
            await self._apply(partition, share, fold(share.state, (), self._lateness, following))
            return
        try:
            held = await self._store.state(partition)
        except Transient as error:
            self._lose(partition, share, error)
            return
        self._answered()
        share.compared = self._clock.now()
        if held != share.held:
            self._go_back(partition, share, held)

    def _go_back(self, partition: int, share: Share, held: PartitionState | None) -> None:
        """Go on from another state than expected: another counter, a store emptied or put back."""
        self._metrics.mismatches.inc()
        log.warning(
            "the store holds another state",
            partition=partition,
            expected=share.held.position if share.held else None,
            held=held.position if held else None,
        )
        if self._shares.get(partition) is share:
            self._reader.seek(partition, self._take(partition, share.bounds, held))

    # ------------------------------------------------------------------ saying what happens

    def _answered(self) -> None:
        self._metrics.redis_up.set(1)
        if not self._absent:
            self._health.working(STORE)

    def _report(self, partition: int, findings: Sequence[Finding]) -> None:
        for finding in findings:
            detail, amount = finding.detail, finding.amount
            log.warning(finding.kind, partition=partition, detail=detail, amount=amount)

    def _positions(self) -> dict[int, int]:
        return {p: share.held.position for p, share in self._shares.items() if share.held}

    def _show(self) -> None:
        """Set the gauges of the owned partitions."""
        wall = self._clock.wall()
        for partition, lag in self._reader.lag().items():
            self._metrics.lag.labels(partition).set(lag)
        for partition, share in self._shares.items():
            if share.state.mark:
                age = max(0, wall - share.state.mark) / 1000
                self._metrics.mark_age.labels(partition).set(age)
