"""
aiokafka's consumer for one topic, and the parts of it that have no public name.

Rules: whatever is private in aiokafka is touched here and nowhere else (its version is pinned); nothing
here decides anything.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata

from consumers.adapters.kafka_bounds import begins_and_ends
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_started import started
from consumers.ports import Clock
from groundswell.errors import CannotContinue

log = structlog.get_logger()

_COMMIT_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0


class TopicConsumer:
    """A member of a group that reads one topic; create it inside a running event loop."""

    def __init__(self, topic: str, options: Mapping[str, Any], clock: Clock) -> None:
        self._topic = topic
        self._consumer = AIOKafkaConsumer(**options)
        self._clock = clock

    async def start(self, listener: ConsumerRebalanceListener) -> None:
        """Connect and ask to join; the listener hears of the result. Raises ``Transient``."""
        try:
            await started(self._consumer)
        except FAILURES as error:
            raise translated(error, f"connecting to read topic {self._topic}") from error
        self._note_when_asked()
        self._consumer.subscribe([self._topic], listener=listener)

    def _note_when_asked(self) -> None:
        """
        Let the ``timestamp`` of a partition's state be the time at which its last fetch was sent.

        aiokafka takes that at which it saw the answer, which may be much later than what the answer
        speaks of: a process that was stopped would say that all from meanwhile had been read.
        """
        fetcher, clock = self._consumer._fetcher, self._clock  # noqa: SLF001
        fetch = fetcher._proc_fetch_request  # noqa: SLF001

        async def noted(assignment: Any, node: Any, request: Any) -> Any:
            asked = clock.wall()
            partitions = [
                assignment.state_value(TopicPartition(topic, row[0]))
                for topic, rows in request.topics
                for row in rows
            ]
            before = [state and state.timestamp for state in partitions]
            answer = await fetch(assignment, node, request)
            for state, earlier in zip(partitions, before, strict=True):
                if state and state.timestamp != earlier:
                    state.timestamp = asked
            return answer

        fetcher._proc_fetch_request = noted  # noqa: SLF001

    @property
    def joining(self) -> bool:
        """Whether the group is sharing out its partitions; ``take`` would wait for the end of that."""
        return bool(self._consumer._subscription.reassignment_in_progress)  # noqa: SLF001

    @property
    def forgotten(self) -> bool:
        """Whether the broker has said that it does not know this member (any more)."""
        return not self._consumer._coordinator.member_id  # noqa: SLF001

    def failure(self) -> str | None:
        """Return why one of the background tasks has ended, None while both run."""
        consumer = self._consumer
        for task in (consumer._coordinator._coordination_task, consumer._fetcher._fetch_task):  # noqa: SLF001
            if task.done():
                return repr(None if task.cancelled() else task.exception())
        return None

    def state(self, partition: int) -> Any:
        """Return aiokafka's state of a partition, None if it is not assigned to us."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001
        if subscription is None or subscription.assignment is None:
            return None
        return subscription.assignment.state_value(TopicPartition(self._topic, partition))

    async def take(self, partition: int, most: int) -> list[ConsumerRecord]:
        """
        Return what was fetched of a partition; never suspends unless ``joining``.

        Raises ``CannotContinue`` at a header whose name is not UTF-8: aiokafka cannot read past it.
        """
        tp = TopicPartition(self._topic, partition)
        try:
            found = await self._consumer.getmany(tp, max_records=most)
        except UnicodeDecodeError as error:
            raise CannotContinue(
                f"topic {self._topic}, partition {partition}: one of the {most} records from offset "
                f"{self.state(partition).position} on has a header whose name is not UTF-8 ({error}), "
                "which the Kafka client cannot read; mend the producer, and delete the records up to "
                "there (kafka-delete-records): what goes with them is counted as lost"
            ) from error
        records: list[ConsumerRecord] = found.get(tp, [])
        return records

    def sign_of_life(self) -> None:
        """
        Show that we still read, and raise what the coordinator has to say.

        Until it has been heard, the coordinator does not go on, so call this even while ``joining``.
        """
        consumer = self._consumer
        try:
            consumer._coordinator.check_errors()  # noqa: SLF001
        except FAILURES as error:
            raise translated(error, f"reading topic {self._topic}") from error
        with consumer._subscription.fetch_context():  # noqa: SLF001
            pass

    async def arrival(self, timeout: float) -> None:
        """Wait until something was fetched, at most ``timeout`` seconds. Raises ``Transient``."""
        waiter = self._consumer._fetcher._create_fetch_waiter()  # noqa: SLF001
        done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
        elif not waiter.cancelled() and (error := waiter.exception()) is not None:
            raise translated(error, f"reading topic {self._topic}") from error

    def seek(self, partition: int, position: int) -> None:
        """Go on from ``position``; the partition must be assigned."""
        self._consumer.seek(TopicPartition(self._topic, partition), position)

    def silence(self, partition: int, *, silent: bool) -> None:
        """Stop or go on fetching; the partition must be assigned."""
        tp = TopicPartition(self._topic, partition)
        (self._consumer.pause if silent else self._consumer.resume)(tp)

    async def commit(self, positions: Mapping[int, tuple[int, str]]) -> None:
        """Commit positions with metadata; a membership that was lost drops them. ``Transient``."""
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(*position)
            for partition, position in positions.items()
        }
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._consumer.commit(offsets)
        except (errors.CommitFailedError, errors.IllegalStateError) as error:
            log.info("commit dropped", topic=self._topic, why=str(error))
        except FAILURES as error:
            raise translated(error, f"committing positions of topic {self._topic}") from error

    async def bounds(self, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Return where each partition begins and ends. Raises ``Transient``."""
        return await begins_and_ends(self._consumer, self._topic, partitions)

    async def close(self) -> None:
        """Leave the group and close, within seconds."""
        closing = asyncio.ensure_future(self._consumer.stop())
        done, _ = await asyncio.wait([closing], timeout=_STOP_SECONDS)
        if not done:
            # A join that waits for other members holds us up: cut the connections.
            await self._consumer._client.close()  # noqa: SLF001
            await asyncio.wait([closing], timeout=_STOP_SECONDS)
        if not closing.done():
            closing.cancel()
        elif not closing.cancelled() and (error := closing.exception()) is not None:
            log.info("left the group badly", topic=self._topic, why=repr(error))
