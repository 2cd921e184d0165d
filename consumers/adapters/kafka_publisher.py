"""
Publishing many independent records: items of a replay, of a sample, and later of the API.

Rules: acks=all; a record that failed is sent again until the broker takes it, so one may stand twice;
at most ``in_flight`` records are unacknowledged.
"""

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_config import producer_options
from consumers.adapters.kafka_started import started
from groundswell.errors import CannotContinue, TopicError, Transient
from groundswell.settings import Settings

log = structlog.get_logger()

_PAUSE = 0.5
"""Seconds between two tries of a failed record."""


class KafkaPublisher:
    """The ``Publisher`` port over aiokafka."""

    def __init__(self, settings: Settings, *, in_flight: int) -> None:
        self._producer = AIOKafkaProducer(**producer_options(settings))
        self._admin = KafkaAdmin(settings)
        self._in_flight = asyncio.Semaphore(in_flight)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect. Raises ``Transient``."""
        try:
            await started(self._producer)
        except KafkaError as error:
            raise Transient(f"Kafka cannot be reached: {error}") from error

    async def partitions(self, topic: str) -> int:
        # Asked of the admin client: a producer that asks may create the topic.
        found = await self._admin.topic(topic)
        if found is None:
            raise TopicError(f"topic {topic} does not exist; create it with `groundswell topics`")
        return found.partitions

    async def send(
        self,
        topic: str,
        partition: int,
        value: bytes,
        timestamp: int,
        headers: Sequence[tuple[str, bytes]],
    ) -> None:
        await self._in_flight.acquire()
        task = asyncio.create_task(self._deliver(topic, partition, value, timestamp, list(headers)))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.release()
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)
        # A task that failed stays, so that flush raises what it raised.

    async def _deliver(
        self,
        topic: str,
        partition: int,
        value: bytes,
        timestamp: int,
        headers: list[tuple[str, bytes]],
    ) -> None:
        while True:
            try:
                done = await self._producer.send(
                    topic, value, partition=partition, timestamp_ms=timestamp, headers=headers
                )
                await done
            except KafkaError as error:
                if not error.retriable:
                    raise CannotContinue(f"topic {topic}: a record is refused: {error}") from error
                log.warning("publish failed, trying again", topic=topic, error=str(error))
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def flush(self) -> None:
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._tasks.discard(task)
                error = task.exception()
                if error is not None:
                    raise error

    async def stop(self) -> None:
        """Close at once; what was not flushed may be lost."""
        for task in self._tasks:
            task.cancel()
        await self._producer.stop()
        await self._admin.stop()
