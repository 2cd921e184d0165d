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
import contextlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors
from aiokafka.structs import OffsetAndMetadata

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_bounds import Lost, Questions
from consumers.adapters.kafka_config import consumer_options
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.ports import Bounds, Clock, Fetched, Owner, Record
from groundswell.errors import CannotContinue, GroundswellError, TopicError, Transient
from groundswell.settings import Settings

log = structlog.get_logger()

_BACKOFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to take partitions over; the last one repeats."""
_COMMIT_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_LOSSES: Final = 4
"""So many losses of a static membership within a window mean that another process has its id."""
_LOSS_HEARTBEATS: Final = 30
"""That window, in heartbeats."""


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
        self._questions = Questions(self._admin, topic, group)
        self._consumer: AIOKafkaConsumer | None = None
        self._owner: Owner | None = None
        self._owned: dict[int, _Partition] = {}
        self._with_owner: set[int] = set()
        self._tasks: dict[asyncio.Task[None], list[bool]] = {}
        self._turn = 0
        self._losses: deque[float] = deque(maxlen=_LOSSES)
        self._fatal: GroundswellError | None = None

    async def start(self, owner: Owner) -> None:
        doing = f"joining group {self._group} on topic {self._topic}"
        await self._admin.topic_id(self._topic)  # says so if there is no such topic
        consumer = AIOKafkaConsumer(**consumer_options(self._settings, self._group))
        try:
            await consumer.start()
        except FAILURES as error:
            with contextlib.suppress(*FAILURES):
                await consumer.stop()
            raise translated(error, doing) from error
        self._owner = owner
        self._consumer = consumer
        consumer.subscribe([self._topic], listener=self)

    # ------------------------------------------------------------------ reading

    async def poll(self, max_records: int, timeout: float) -> Fetched:
        records = await self._take(max_records)
        if not records and timeout > 0:
            await self._arrival(timeout)
            records = await self._take(max_records)
        return Fetched(records, self._drained())

    async def _take(self, max_records: int) -> dict[int, list[Record]]:
        """Take what has been fetched, from each partition in turn; never suspends."""
        consumer = self._running()
        self._raise_if_dead(consumer)
        taken: dict[int, list[Record]] = {}
        if consumer._subscription.reassignment_in_progress:  # noqa: SLF001 # it would wait for its end
            return taken
        ready = [p for p, o in sorted(self._owned.items()) if o.position is not None]
        ready = [p for p in ready if not self._owned[p].paused]
        # Asking counts as a sign of life, so ask even if there is nothing to ask for.
        await self._call(consumer.getmany(TopicPartition(self._topic, -1), max_records=1))
        if not ready:
            return taken
        self._turn = (self._turn + 1) % len(ready)
        left = max_records
        for index, partition in enumerate(ready[self._turn :] + ready[: self._turn]):
            share = -(-left // (len(ready) - index))
            if share > 0:
                records = await self._take_from(consumer, partition, share)
                left -= len(records)
                if records:
                    taken[partition] = records
        return taken

    async def _take_from(
        self, consumer: AIOKafkaConsumer, partition: int, most: int
    ) -> list[Record]:
        tp = TopicPartition(self._topic, partition)
        owned = self._owned[partition]
        state = self._state(partition)
        if state is None or owned.position is None:
            return []
        if not state.has_valid_position or state.position != owned.position:
            # A join put it back to the committed position, or a record was skipped unseen.
            consumer.seek(tp, owned.position)
        try:
            fetched = await consumer.getmany(tp, max_records=most)
        except errors.OffsetOutOfRangeError as error:
            if error.args and error.args[0] == {tp: owned.position}:
                self._lost_position(partition)
            return []
        except errors.NoOffsetForPartitionError:
            return []  # from before the seek
        except FAILURES as error:
            raise translated(error, f"reading topic {self._topic}") from error
        records = [
            Record(partition, r.offset, r.timestamp, r.value, tuple(r.headers))
            for r in fetched.get(tp, ())
            if r.offset >= owned.position
        ]
        # The position may lie behind the last record: control records are never returned.
        owned.position = max(owned.position, state.position)
        return records

    async def _arrival(self, timeout: float) -> None:
        """Wait until something was fetched, at most ``timeout`` seconds."""
        waiter = self._running()._fetcher._create_fetch_waiter()  # noqa: SLF001
        done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
        elif not waiter.cancelled():
            error = waiter.exception()
            if error is not None:
                raise translated(error, f"reading topic {self._topic}") from error

    def _drained(self) -> dict[int, int]:
        drained: dict[int, int] = {}
        for partition, owned in self._owned.items():
            state = self._state(partition)
            if owned.position is None or owned.paused or state is None:
                continue
            if state.highwater is None or state.timestamp is None:
                continue
            if owned.position >= state.highwater:
                drained[partition] = min(state.timestamp, self._clock.wall())
        return drained

    def _lost_position(self, partition: int) -> None:
        """Ask the owner where to go on, since the broker no longer has the position."""
        owned = self._owned[partition]
        lost = Lost(owned.position or 0, owned.bounds.topic_id)
        owned.position = None
        self._running().pause(TopicPartition(self._topic, partition))
        log.warning("position lost", topic=self._topic, partition=partition, position=lost.position)
        self._begin(frozenset([partition]), lost)

    # --------------------------------------------------------- pause, seek, commit, lag

    def pause(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            if partition in self._owned:
                self._owned[partition].paused = True
                self._apply(partition)

    def resume(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            if partition in self._owned:
                self._owned[partition].paused = False
                self._apply(partition)

    def seek(self, partition: int, position: int) -> None:
        owned = self._owned.get(partition)
        if owned is not None and self._state(partition) is not None:
            owned.position = position
            self._running().seek(TopicPartition(self._topic, partition), position)
            self._apply(partition)

    def _apply(self, partition: int) -> None:
        owned, tp = self._owned[partition], TopicPartition(self._topic, partition)
        if self._state(partition) is not None:
            silent = owned.paused or owned.position is None
            (self._running().pause if silent else self._running().resume)(tp)

    async def commit(self, positions: Mapping[int, int]) -> None:
        consumer = self._running()
        offsets = {
            TopicPartition(self._topic, p): OffsetAndMetadata(
                position, self._owned[p].bounds.topic_id if p in self._owned else ""
            )
            for p, position in positions.items()
            if p in self._with_owner and self._state(p) is not None
        }
        if not offsets:
            return
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await consumer.commit(offsets)
        except (errors.CommitFailedError, errors.IllegalStateError) as error:
            log.info("commit dropped", topic=self._topic, why=str(error))
        except FAILURES as error:
            raise translated(error, f"committing positions of group {self._group}") from error

    def lag(self) -> Mapping[int, int]:
        lags: dict[int, int] = {}
        for partition, owned in self._owned.items():
            bounds, state = owned.bounds, self._state(partition)
            position = owned.position if owned.position is not None else bounds.committed
            end = max(bounds.end, (state.highwater or 0) if state is not None else 0)
            begin = max(bounds.beginning, position if position is not None else 0)
            lags[partition] = max(0, end - begin)
        return lags

    # ------------------------------------------------------------------ membership

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Silence the partitions and take them over in the background (called by aiokafka)."""
        partitions = frozenset(tp.partition for tp in assigned)
        self._running().pause(*assigned)
        if partitions:
            self._begin(partitions, None)
        elif self._owner is not None:
            await self._owner.assigned({})

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Tell the owner that all partitions are gone (called by aiokafka, whose joins are eager)."""
        consumer = self._running()
        if list(revoked) and not consumer._coordinator.member_id:  # noqa: SLF001
            self._membership_lost()
        await self._give_up()

    def _membership_lost(self) -> None:
        """Count how often the broker has forgotten us; a twin with the same static id does that."""
        if not self._settings.kafka_instance_id:
            return
        now = self._clock.now()
        self._losses.append(now)
        window = _LOSS_HEARTBEATS * self._settings.kafka_session_timeout_ms / 3000
        if len(self._losses) == _LOSSES and now - self._losses[0] < window:
            self._fatal = CannotContinue(
                f"kafka_instance_id {self._settings.kafka_instance_id}: the membership in group "
                f"{self._group} was taken away {_LOSSES} times within {window:.0f} s; another process "
                "uses the same id: give each process its own, or none"
            )

    async def _give_up(self) -> None:
        """End what is being taken over, then tell the owner what is gone."""
        for task, handing_over in list(self._tasks.items()):
            if not handing_over[0]:
                task.cancel()  # only our own reading: the owner is never cut short
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        gone = frozenset(self._with_owner)
        for owned in self._owned.values():
            owned.position = None
        if gone and self._owner is not None:
            try:
                await self._owner.revoked(gone)
            except Exception as error:  # noqa: BLE001 # aiokafka would swallow it
                self._fatal = CannotContinue(f"giving up partitions of {self._topic}: {error!r}")
        self._with_owner.clear()
        self._owned.clear()

    def _begin(self, partitions: frozenset[int], lost: Lost | None) -> None:
        handing_over = [False]
        task = asyncio.create_task(self._take_over(partitions, lost, handing_over))
        self._tasks[task] = handing_over
        task.add_done_callback(self._taken_over)

    def _taken_over(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal = (
                error
                if isinstance(error, GroundswellError)
                else CannotContinue(f"taking over partitions of {self._topic}: {error!r}")
            )

    async def _take_over(
        self,
        partitions: frozenset[int],
        lost: Lost | None,
        handing_over: list[bool],
    ) -> None:
        for attempt in range(1_000_000):
            try:
                bounds = await self._questions.bounds(self._running(), partitions, lost)
                break
            except (Transient, TopicError) as error:  # being made anew, it is missing for a while
                pause = _BACKOFF[min(attempt, len(_BACKOFF) - 1)]
                log.warning("taking over again", topic=self._topic, error=str(error), pause=pause)
                await asyncio.sleep(pause)
        else:  # pragma: no cover # years
            return
        for partition in partitions:
            kept = self._owned.get(partition)
            paused = kept.paused if kept is not None else False
            self._owned[partition] = _Partition(bounds[partition], None, paused)
        self._with_owner |= partitions
        handing_over[0] = True
        assert self._owner is not None  # noqa: S101 # set by start
        positions = await self._owner.assigned(bounds)
        for partition in partitions:
            if partition in positions:
                self.seek(partition, positions[partition])
            else:
                self.pause([partition])

    # ------------------------------------------------------------------ the end

    async def stop(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            await self._give_up()
            self._consumer = None
            closing = asyncio.ensure_future(consumer.stop())
            done, _ = await asyncio.wait([closing], timeout=_STOP_SECONDS)
            if not done:
                # A join that waits for other members would hold us up: cut the connection.
                await consumer._client.close()  # noqa: SLF001
                await asyncio.wait([closing], timeout=_STOP_SECONDS)
            if closing.done() and not closing.cancelled() and closing.exception() is not None:
                log.info("left the group badly", group=self._group, error=str(closing.exception()))
        await self._admin.stop()

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise CannotContinue(f"the reader of topic {self._topic} is not running")
        return self._consumer

    def _raise_if_dead(self, consumer: AIOKafkaConsumer) -> None:
        if self._fatal is not None:
            raise self._fatal
        for part in (consumer._coordinator._coordination_task, consumer._fetcher._fetch_task):  # noqa: SLF001
            if part.done():
                error = None if part.cancelled() else part.exception()
                raise CannotContinue(
                    f"reading topic {self._topic} has ended inside the client ({error}); restart"
                )

    def _state(self, partition: int) -> Any:
        """Return aiokafka's state of the partition, None if it is not assigned to us."""
        consumer = self._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None  # noqa: SLF001
        if subscription is None or subscription.assignment is None:
            return None
        return subscription.assignment.state_value(TopicPartition(self._topic, partition))

    async def _call(self, question: Any, doing: str = "reading") -> Any:
        try:
            return await question
        except FAILURES as error:
            raise translated(error, doing) from error
