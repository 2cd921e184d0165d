"""
Writing batches to Kafka, over aiokafka: acks=all, one unacknowledged batch a partition.

Rules: a failure means unknown, and the caller repeats the same values first. A write that was cancelled
or ran out of time may still be on its way inside the producer; the next write to that partition waits
for its end before it sends, so the earlier one never lands behind a later one from here. (A batch that
the network holds back still can; the caller's repeating makes that harmless.)
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer, errors

from consumers.adapters.cutting import cut_to
from consumers.adapters.kafka_config import HEADROOM, WRITE_TIMEOUT_MS, producer_options
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_started import started
from groundswell.errors import CannotContinue, Transient
from groundswell.settings import Settings

log = structlog.get_logger()

_PATIENCE: Final = WRITE_TIMEOUT_MS / 1000 + 2
"""Seconds until a write that the producer still tries counts as unknown."""
_CANNOT_BE_IDEMPOTENT: Final = (
    errors.UnknownError,
    errors.UnsupportedVersionError,
    errors.IncompatibleBrokerVersion,
    errors.ClusterAuthorizationFailedError,
    errors.InvalidRequestError,
    NotImplementedError,
)
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class KafkaWriter:
    """The ``LogWriter`` port; idempotent where the settings say so or the broker can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._largest = settings.max_record_bytes + HEADROOM
        self._producer: AIOKafkaProducer | None = None
        self._idempotent = settings.kafka_idempotent != "off"
        self._stale = False
        self._stopped = False
        self._lock = asyncio.Lock()
        self._unsettled: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._turn = 0

    async def start(self) -> None:
        async with self._lock:
            if self._producer is None:
                self._producer = await self._connect()

    async def write(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        producer = await self._ready()
        if partition not in await self._partitions(producer, topic):
            raise CannotContinue(
                f"topic {topic} has no partition {partition}; it needs as many as its source"
            )
        await self._settled(topic, partition)
        rest = list(values)
        while rest:
            batch = producer.create_batch()
            fitting = 0
            while fitting < len(rest) and batch.append(
                key=None, value=rest[fitting], timestamp=None
            ):
                fitting += 1
            await self._send(producer, batch, topic, partition)
            rest = rest[fitting:]

    async def copy(
        self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        producer = await self._ready()
        known = sorted(await self._partitions(producer, topic))
        self._turn += 1
        partition = known[self._turn % len(known)]
        limit = self._largest
        while True:
            await self._settled(topic, partition)
            producer = await self._ready()
            cut = cut_to(limit, value, headers)
            batch = producer.create_batch()
            batch.append(key=None, value=cut.value, timestamp=None, headers=cut.headers)
            try:
                await self._send(producer, batch, topic, partition)
            except CannotContinue as error:
                if not isinstance(error.__cause__, _TOO_LARGE) or cut.nothing:
                    raise
                limit //= 2  # the topic takes less than the settings say
            else:
                return

    async def stop(self) -> None:
        self._stopped = True
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def _send(
        self, producer: AIOKafkaProducer, batch: Any, topic: str, partition: int
    ) -> None:
        doing = f"writing to topic {topic}, partition {partition}"
        batch.close()
        try:
            async with asyncio.timeout(_PATIENCE):
                sent = await producer.send_batch(batch, topic, partition=partition)
        except FAILURES as error:
            self._failed()
            raise translated(error, doing) from error
        sent.add_done_callback(_seen)
        self._unsettled[topic, partition] = sent
        await self._settled(topic, partition, doing)

    async def _settled(self, topic: str, partition: int, doing: str = "") -> None:
        """Wait for the partition's last batch; raise what became of it if ``doing`` names the write."""
        sent = self._unsettled.get((topic, partition))
        if sent is None:
            return
        done, _ = await asyncio.wait([sent], timeout=_PATIENCE)
        if not done:
            self._failed()
            raise Transient(f"Kafka has not acknowledged in {_PATIENCE:.0f} s: {topic} {partition}")
        self._unsettled.pop((topic, partition), None)
        error = sent.exception() if not sent.cancelled() else errors.KafkaTimeoutError()
        if error is not None and doing:
            self._failed()
            raise translated(error, doing) from error

    def _failed(self) -> None:
        # An idempotent producer counts its batches: after a gap the broker refuses all that follow.
        self._stale = self._stale or self._idempotent

    async def _ready(self) -> AIOKafkaProducer:
        """Return a producer that works, a new one if the old one has failed."""
        async with self._lock:
            if self._stopped:
                raise Transient("the writer was stopped")
            producer = self._producer
            if producer is not None and (self._stale or producer._sender.sender_task.done()):  # noqa: SLF001
                self._producer = None
                await _close(producer)
            if self._producer is None:
                self._producer = await self._connect()
                self._stale = False
            return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        try:
            return await self._started(idempotent=self._idempotent)
        except _CANNOT_BE_IDEMPOTENT as error:
            if self._settings.kafka_idempotent != "auto" or not self._idempotent:
                raise CannotContinue(
                    f"kafka_idempotent is {self._settings.kafka_idempotent}, but the broker has no "
                    f"idempotent producer ({error!r}); set it to auto or off"
                ) from error
            log.info("the broker has no idempotent producer: going on without")
            self._idempotent = False
        except FAILURES as error:
            raise translated(error, "connecting to write") from error
        try:
            return await self._started(idempotent=False)
        except FAILURES as error:
            raise translated(error, "connecting to write") from error

    async def _started(self, *, idempotent: bool) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**producer_options(self._settings, idempotent=idempotent))
        async with asyncio.timeout(_PATIENCE):
            await started(producer)
        return producer

    async def _partitions(self, producer: AIOKafkaProducer, topic: str) -> set[int]:
        try:
            async with asyncio.timeout(_PATIENCE):
                known: set[int] = await producer.partitions_for(topic)
        except FAILURES as error:
            raise translated(error, f"asking for the partitions of topic {topic}") from error
        return known


def _seen(sent: asyncio.Future[Any]) -> None:
    """Look at the outcome, so that one that nobody waits for is not reported as forgotten."""
    if not sent.cancelled():
        sent.exception()


async def _close(producer: AIOKafkaProducer) -> None:
    """Close without waiting for what is on its way: its writers are told that they failed."""
    producer._message_accumulator.fail_all(errors.ProducerClosed("the writer was stopped"))  # noqa: SLF001
    await producer.client.close()
    with contextlib.suppress(*FAILURES):
        await producer.stop()
