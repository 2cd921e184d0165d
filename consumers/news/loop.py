"""
The loop of `consume`: poll, admit, window, settle, story, ring, publish, commit.

Rules: nothing here blocks the event loop; records are asked for only while the window has room;
each worker computes one batch, and at most one more waits; an offset is committed only when all before it stands in the
log. Reading, batching, one writer a lane, marks and commits are tasks of one group: if one fails, all
end, and what was not committed will be read again.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple

import structlog

from consumers.news.core.batching import Batcher
from consumers.news.core.marks import Drained, arrival
from consumers.news.core.refusals import RefusalLimit
from consumers.news.lane import Destination, Done, Lane
from consumers.news.owner import Ownership
from consumers.news.patience import Patience
from consumers.news.pipeline import Audience, Incoming, Pipeline, Settled, Verdict, Work
from consumers.news.stories import Teller
from consumers.news.waits import Signal, first_cause, unless
from consumers.ports import Clock, Fetched, LogReader, LogWriter, Record
from groundswell.errors import CannotContinue, Transient
from groundswell.settings import Settings

POLL_SECONDS: Final = 0.25
"""Longest wait of one poll: how late a stop may be noticed."""
ROOM_SECONDS: Final = 1.0
"""After this long without room, polls go on with everything paused: a member that never polls is out."""
COMMIT_SECONDS: Final = 0.5
LEAVE_SECONDS: Final = 1.0
"""What leaving may cost beyond the drain: all within the 10 s of an orchestrator."""

log = structlog.get_logger()


class Item(NamedTuple):
    """An item in the window."""

    lane: Lane
    record: Record
    work: Work


class Loop:
    """One process's share of topic `news`; an ``Owner``'s events go to ``ownership``."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        teller: Teller,
        reader: LogReader,
        writer: LogWriter,
        clock: Clock,
        patience: Patience,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._pipeline = pipeline
        self._teller = teller
        self._reader = reader
        self._clock = clock
        self._metrics = patience.metrics
        self._patience = patience
        self.audience: Audience | None = None
        self._window: Batcher[Item] = Batcher(
            settings.batch_tokens,
            settings.batch_items,
            settings.batch_wait_ms / 1000,
            settings.window_items,
        )
        self._limit = RefusalLimit(settings.refusal_share, settings.refusal_window)
        to = Destination(writer, settings.news_topic, settings.opinions_topic, settings.dead_topic)
        self._changed = Signal()
        self.ownership = Ownership(
            settings, reader, to, clock, self._patience, self._changed, self._write_lane
        )
        self._settling: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(pipeline.workers + 1)
        self._tokenisers = ThreadPoolExecutor(1, "tokenise")
        self._inference = ThreadPoolExecutor(pipeline.workers, "infer")

    async def run(self, stop: asyncio.Event) -> None:
        """
        Read until ``stop`` is set, then drain, commit and leave the group.

        Raises ``CannotContinue`` or ``CannotStart``; the cause of any other end is raised as it is.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._batch(group)),
                    group.create_task(self._mark()),
                    group.create_task(self._commit()),
                    group.create_task(self._watch_loop()),
                    group.create_task(self.ownership.fail_when_told()),
                ]
                await self._read(stop)
                await self._leave()
                for task in (*tasks, *self._settling):
                    task.cancel()
        except BaseExceptionGroup as failures:
            raise first_cause(failures) from failures
        finally:
            await self.ownership.abandon()
            self._tokenisers.shutdown(wait=False, cancel_futures=True)
            self._inference.shutdown(wait=False, cancel_futures=True)

    # Reading.

    async def _read(self, stop: asyncio.Event) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        try:
            self._patience.expect("kafka: group", "joining the group")
            start = partial(self._reader.start, self.ownership)
            await unless(stopped, self._patience.until_done("kafka: news", start))
            while not stopped.done():
                await self._read_once(stopped)
        finally:
            stopped.cancel()

    async def _leave(self) -> None:
        """Drain, commit and leave the group (the reader tells the owner), in bounded time."""
        try:
            async with asyncio.timeout(self._settings.drain_seconds + LEAVE_SECONDS):
                await self._reader.stop()
        except (Transient, TimeoutError) as error:
            log.warning("left without the broker's answer", error=str(error))

    async def _read_once(self, stopped: asyncio.Future[Any]) -> None:
        room = await self._room()
        began = self._clock.now()
        poll = partial(self._reader.poll, max(room, 1), POLL_SECONDS)
        fetched = await unless(stopped, self._patience.until_done("kafka: news", poll))
        if fetched is None:
            return
        count = await self._take_in(fetched)
        rest = self._settings.poll_interval_ms / 1000 - (self._clock.now() - began)
        if count < self._settings.batch_items and rest > 0:
            await asyncio.sleep(rest)

    async def _room(self) -> int:
        """Wait for room in the window; after a while, pause everything and answer 0."""
        began = self._clock.now()
        room = self._window.room()
        while not room and self._clock.now() - began < ROOM_SECONDS:
            await self._changed.wait(ROOM_SECONDS)
            room = self._window.room()
        self._metrics.paused.inc(self._clock.now() - began)
        self.ownership.hold(everything=not room)
        return room

    async def _take_in(self, fetched: Fetched) -> int:
        """Open what was read, admit it in a thread, and put it into the window."""
        places: list[tuple[Lane, Record]] = []
        incoming: list[Incoming] = []
        now = self._clock.wall()
        for partition, records in fetched.records.items():
            lane = self.ownership.lanes.get(partition)
            if lane is None or lane.closing:
                continue
            for record in records:
                arrived = arrival(record.timestamp, self._settings.clock, now)
                origin = lane.open(record.offset, arrived)
                places.append((lane, record))
                incoming.append(Incoming(origin, arrived, record.value, record.headers))
        for partition, at in fetched.drained.items():
            lane = self.ownership.lanes.get(partition)
            if lane is not None:
                lane.drained = Drained(at, lane.ring.opened)
        if incoming:
            began = self._clock.now()
            admitted = await asyncio.get_running_loop().run_in_executor(
                self._tokenisers, self._pipeline.admit, incoming
            )
            self._metrics.stage.labels("tokenise").observe(self._clock.now() - began)
            self._sort(places, admitted)
        return len(incoming)

    def _sort(self, places: list[tuple[Lane, Record]], admitted: list[Work | Verdict]) -> None:
        now = self._clock.now()
        for (lane, record), outcome in zip(places, admitted, strict=True):
            if isinstance(outcome, Work):
                self._window.add(Item(lane, record, outcome), len(outcome.row), now)
            else:
                self._finish(lane, record, outcome)
                lane.release()
        self._metrics.window.set(len(self._window))
        self._changed.set()

    # Settling.

    async def _batch(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._slots.acquire()
            batch = await self._next_batch()
            task = group.create_task(self._settle(batch))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _next_batch(self) -> list[Item]:
        while True:
            now = self._clock.now()
            if batch := self._window.take(now, flush=self.ownership.draining):
                self._changed.set()
                if wanted := [item for item in batch if not item.lane.closed]:
                    return wanted
                continue
            at = self._window.wake_at()
            await self._changed.wait(None if at is None else max(0.0, at - now))

    async def _settle(self, batch: list[Item]) -> None:
        began = self._clock.now()
        try:
            settled, seconds = await asyncio.get_running_loop().run_in_executor(
                self._inference, self._infer, [item.work for item in batch]
            )
        finally:
            self._slots.release()
        if self.audience is not None:
            self.audience.heard([item.work for item in batch], settled, seconds)
        verdicts = await self._teller.verdicts(settled.outcomes)
        lanes: dict[Lane, None] = {}
        for (lane, record, _), verdict in zip(batch, verdicts, strict=True):
            self._finish(lane, record, verdict)
            lanes[lane] = None
        for lane in lanes:
            lane.release()
        lengths = [len(item.work.row) for item in batch]
        self._metrics.batch(lengths, seconds, self._clock.now() - began)

    def _infer(self, works: list[Work]) -> tuple[Settled, float]:
        """Settle in the thread of the model; return the seconds that it took, too."""
        began = self._clock.now()
        return self._pipeline.settle(works), self._clock.now() - began

    def _finish(self, lane: Lane, record: Record, verdict: Verdict) -> None:
        if lane.closed:
            return
        self._limit.note(refused=verdict.refused is not None)
        if (why := self._limit.exceeded()) is not None:
            raise CannotContinue(why)
        lane.finish(record.offset, Done(verdict, record))

    # Publishing, marks, commits.

    async def _write_lane(self, lane: Lane) -> None:
        while True:
            entries = await lane.next_write()
            began = self._clock.now()
            done = await lane.write(entries, self._patience)
            self._metrics.stage.labels("publish").observe(self._clock.now() - began)
            self._changed.set()
            refused = [d.verdict.refused for d in done if d.verdict.refused is not None]
            self._metrics.items.inc(sum(d.record is not None for d in done) - len(refused))
            for error in refused:
                self._metrics.refused.labels(error.reason).inc()

    async def _mark(self) -> None:
        while True:
            await asyncio.sleep(self._settings.mark_interval_ms / 1000)
            for lane in self.ownership.lanes.values():
                lane.mark(self._settings.clock)

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            began = self._clock.now()
            try:
                if await self.ownership.commit(self.ownership.lanes.values()):
                    self._metrics.stage.labels("commit").observe(self._clock.now() - began)
                self._patience.worked("kafka: commit")
            except Transient as error:
                self._patience.failed("kafka: commit", error)
            self._watch_lanes(self._reader.lag())

    def _watch_lanes(self, lag: Mapping[int, int]) -> None:
        wall = self._clock.wall()
        self._metrics.lag.clear()
        self._metrics.mark_age.clear()
        self._metrics.unsettled.set(sum(lane.unsettled for lane in self.ownership.lanes.values()))
        for partition, lane in self.ownership.lanes.items():
            self._metrics.lag.labels(partition).set(lag.get(partition, 0))
            if lane.marked is not None:
                age = max(0.0, (wall - lane.marked) / 1000)
                self._metrics.mark_age.labels(partition).set(age)

    async def _watch_loop(self) -> None:
        while True:
            began = self._clock.now()
            await asyncio.sleep(0.1)
            self._metrics.loop_lag.observe(max(0.0, self._clock.now() - began - 0.1))
