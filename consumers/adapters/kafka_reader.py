"""
Reading one topic as a member of a group, over aiokafka.

Rules: a partition is silent from its assignment until its owner has said where to start; positions are
kept here and compared before every read, so nothing from before a seek is returned; nothing is reset
or committed behind the owner's back; a failure while taking partitions over is tried again until they
are gone; the event loop is never blocked.

aiokafka's listener runs inside the join, before the heartbeats start again, and swallows what it
raises. So taking over happens in a task of its own.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition, errors

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_config import consumer_options
from consumers.adapters.kafka_consumer import TopicConsumer
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_membership import StaticMembership
from consumers.ports import Bounds, Clock, Fetched, Owner, Record
from groundswell.errors import CannotContinue, TopicError, Transient
from groundswell.settings import Settings

log = structlog.get_logger()

_BACKOFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to take partitions over; the last one repeats."""


class _Lost(NamedTuple):
    """A position that the broker no longer has, and the identity of the topic that it belongs to."""

    position: int
    topic_id: str


@dataclass
class _Partition:
    """What is known of an owned partition; ``position`` is None until its owner has said it."""

    bounds: Bounds
    position: int | None = None
    paused: bool = False


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """The ``LogReader`` port: reads ``topic`` as a member of ``group``."""

    def __init__(self, settings: Settings, topic: str, group: str, clock: Clock) -> None:
        self._settings = settings
        self._topic = topic
        self._group = group
        self._clock = clock
        self._admin = KafkaAdmin(settings)
        self._consumer: TopicConsumer | None = None
        self._owner: Owner | None = None
        self._owned: dict[int, _Partition] = {}
        self._tasks: dict[asyncio.Task[None], asyncio.Event] = {}
        self._giving_up = asyncio.Lock()
        self._turn = 0
        self._membership = StaticMembership(settings)
        self._fatal: CannotContinue | None = None

    async def start(self, owner: Owner) -> None:
        await self._admin.topic_id(self._topic)  # says so if there is no such topic
        options = consumer_options(self._settings, self._group)
        consumer = TopicConsumer(self._topic, options, self._clock)
        self._owner = owner
        await consumer.start(self)
        self._consumer = consumer

    async def poll(self, max_records: int, timeout: float) -> Fetched:
        try:
            records = await self._take(max_records)
            if not records and timeout > 0:
                await self._running().arrival(timeout)
                records = await self._take(max_records)
        except Transient as error:
            if "UnknownError" in str(error):  # a fenced static id: aiokafka does not know the code
                self._membership_lost()
            raise
        return Fetched(records, self._drained())

    async def _take(self, max_records: int) -> dict[int, list[Record]]:
        """Take what has been fetched, from each partition in turn; never suspends."""
        consumer = self._running()
        if self._fatal is not None:
            raise self._fatal
        if (failure := consumer.failure()) is not None:
            raise CannotContinue(f"reading topic {self._topic} has ended ({failure}); restart")
        consumer.sign_of_life()
        taken: dict[int, list[Record]] = {}
        if consumer.joining:
            return taken
        ready = [p for p, o in sorted(self._owned.items()) if o.position is not None]
        ready = [p for p in ready if not self._owned[p].paused]
        self._turn = (self._turn + 1) % len(ready) if ready else 0
        left = max_records
        for index, partition in enumerate(ready[self._turn :] + ready[: self._turn]):
            share = -(-left // (len(ready) - index))
            records = await self._take_from(consumer, partition, share) if share else []
            if records:
                taken[partition] = records
                left -= len(records)
        return taken

    async def _take_from(self, consumer: TopicConsumer, partition: int, most: int) -> list[Record]:
        owned, state = self._owned[partition], consumer.state(partition)
        if state is None or owned.position is None:
            return []
        if not state.has_valid_position or state.position != owned.position:
            # A join put it back to the committed position, or a record was skipped unseen.
            consumer.seek(partition, owned.position)
        try:
            fetched = await consumer.take(partition, most)
        except errors.OffsetOutOfRangeError as error:
            if error.args[0] == {TopicPartition(self._topic, partition): owned.position}:
                self._position_lost(consumer, partition, owned, owned.position)
            return []
        except errors.NoOffsetForPartitionError:
            return []  # from before the seek
        except FAILURES as error:
            raise translated(error, f"reading topic {self._topic}") from error
        # The position may lie behind the last record: control records are never returned.
        owned.position = state.position
        # Some clients write headers without a value.
        told = [tuple((key, value or b"") for key, value in r.headers) for r in fetched]
        return [
            Record(partition, r.offset, r.timestamp, r.value, headers)
            for r, headers in zip(fetched, told, strict=True)
        ]

    def _drained(self) -> dict[int, int]:
        drained: dict[int, int] = {}
        for partition, owned in self._owned.items():
            state = self._running().state(partition)
            if owned.position is None or owned.paused or state is None or state.highwater is None:
                continue
            if owned.position >= state.highwater:
                drained[partition] = min(state.timestamp, self._clock.wall())
        return drained

    def _position_lost(
        self, consumer: TopicConsumer, partition: int, owned: _Partition, position: int
    ) -> None:
        """Ask the owner where to go on, since the broker no longer has the position."""
        log.warning("position lost", topic=self._topic, partition=partition, position=position)
        owned.position = None
        consumer.silence(partition, silent=True)
        self._begin(frozenset([partition]), _Lost(position, owned.bounds.topic_id))

    def pause(self, partitions: Iterable[int]) -> None:
        self._pause(partitions, paused=True)

    def resume(self, partitions: Iterable[int]) -> None:
        self._pause(partitions, paused=False)

    def _pause(self, partitions: Iterable[int], *, paused: bool) -> None:
        for partition in partitions:
            if partition in self._owned:
                self._owned[partition].paused = paused
                self._apply(partition)

    def seek(self, partition: int, position: int) -> None:
        owned, consumer = self._owned.get(partition), self._running()
        if owned is not None and consumer.state(partition) is not None:
            owned.position = position
            consumer.seek(partition, position)
            self._apply(partition)

    def _apply(self, partition: int) -> None:
        owned, consumer = self._owned[partition], self._running()
        if consumer.state(partition) is not None:
            consumer.silence(partition, silent=owned.paused or owned.position is None)

    async def commit(self, positions: Mapping[int, int]) -> None:
        consumer = self._running()
        owned = {
            p: (position, self._owned[p].bounds.topic_id)
            for p, position in positions.items()
            if p in self._owned and consumer.state(p) is not None
        }
        if owned:
            await consumer.commit(owned)

    def lag(self) -> Mapping[int, int]:
        lags: dict[int, int] = {}
        for partition, owned in self._owned.items():
            bounds, state = owned.bounds, self._running().state(partition)
            position = owned.position if owned.position is not None else bounds.committed
            end = max(bounds.end, (state.highwater or 0) if state is not None else 0)
            lags[partition] = max(0, end - max(bounds.beginning, position or 0))
        return lags

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Silence the partitions and take them over in the background (called by aiokafka)."""
        partitions = frozenset(tp.partition for tp in assigned)
        if self._consumer is not None and partitions:
            for partition in partitions:
                self._consumer.silence(partition, silent=True)
            self._begin(partitions, None)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Tell the owner that all partitions are gone (called by aiokafka, whose joins are eager)."""
        if self._consumer is not None:
            if list(revoked) and self._consumer.forgotten:
                self._membership_lost()
            await self._give_up()

    def _membership_lost(self) -> None:
        twin = self._membership.lost(self._clock.now())
        if twin is not None:
            self._fatal = CannotContinue(f"group {self._group}: {twin}")

    async def _give_up(self) -> None:
        """End what is being taken over, then tell the owner what is gone."""
        async with self._giving_up:
            for task, handing_over in list(self._tasks.items()):
                if not handing_over.is_set():
                    task.cancel()  # only our own questions: the owner is never cut short
            if self._tasks:
                await asyncio.wait(list(self._tasks))
            for owned in self._owned.values():
                owned.position = None
            if self._owned and self._owner is not None:
                try:
                    await self._owner.revoked(frozenset(self._owned))
                except Exception as error:  # noqa: BLE001 # aiokafka would swallow it
                    what = f"giving up partitions of {self._topic}: {error!r}"
                    self._fatal = CannotContinue(what)
            self._owned.clear()

    def _begin(self, partitions: frozenset[int], lost: _Lost | None) -> None:
        handing_over = asyncio.Event()
        task = asyncio.create_task(self._take_over(partitions, lost, handing_over))
        self._tasks[task] = handing_over
        task.add_done_callback(self._taken_over)

    def _taken_over(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            what = f"taking over partitions of {self._topic}: {error!r}"
            self._fatal = error if isinstance(error, CannotContinue) else CannotContinue(what)

    async def _take_over(
        self, partitions: frozenset[int], lost: _Lost | None, handing_over: asyncio.Event
    ) -> None:
        bounds = await self._bounds_at_last(partitions, lost)
        handing_over.set()
        for partition in partitions:
            kept = self._owned.get(partition)
            self._owned[partition] = _Partition(bounds[partition], None, bool(kept and kept.paused))
        assert self._owner is not None  # noqa: S101 # set by start
        positions = await self._owner.assigned(bounds)
        for partition, position in positions.items():
            self.seek(partition, position)
        self.pause(partitions - positions.keys())

    async def _bounds_at_last(
        self, partitions: frozenset[int], lost: _Lost | None
    ) -> dict[int, Bounds]:
        tries = 0
        while True:
            try:
                return await self._bounds(partitions, lost)
            except (Transient, TopicError) as error:  # a topic made anew is missing for a while
                pause = _BACKOFF[min(tries, len(_BACKOFF) - 1)]
                log.warning("taking over again", topic=self._topic, error=str(error), pause=pause)
                await asyncio.sleep(pause)
                tries += 1

    async def _bounds(self, partitions: frozenset[int], lost: _Lost | None) -> dict[int, Bounds]:
        topic_id = await self._admin.topic_id(self._topic)
        committed: dict[int, tuple[int, str]] = {}
        if lost is None:
            committed = await self._admin.committed(self._group, self._topic, partitions)
        bounds: dict[int, Bounds] = {}
        for partition, (begin, end) in (await self._running().bounds(partitions)).items():
            position, its_id = committed.get(partition, (None, "")) if lost is None else lost
            bounds[partition] = Bounds(position, its_id, begin, end, topic_id)
        return bounds

    async def stop(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            await self._give_up()
            self._consumer = None
            await consumer.close()
        await self._admin.stop()

    def _running(self) -> TopicConsumer:
        if self._consumer is None:
            raise CannotContinue(f"the reader of topic {self._topic} is not running")
        return self._consumer
