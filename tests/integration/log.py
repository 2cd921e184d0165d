"""
The Kafka side of a test: topics, records in, records out, positions of groups.

Rule: every call opens its own client and closes it, so that no state survives a broker's outage.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import for_code

from consumers.adapters.kafka_started import started
from consumers.ports import Record


class Sent(NamedTuple):
    """A record to produce; ``time`` is its Kafka timestamp in ms since 1970."""

    partition: int
    value: bytes | None
    time: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Kafka:
    """One broker, spoken to with short-lived clients."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    async def create(self, topic: str, partitions: int, **config: str) -> None:
        """Create a topic."""
        async with self._admin() as admin:
            answer = await admin.create_topics(
                [NewTopic(topic, partitions, 1, topic_configs=config)]
            )
            for _, code, *_ in answer.topic_errors:
                if code:
                    raise for_code(code)(topic)

    async def delete(self, topic: str) -> None:
        """Delete a topic."""
        async with self._admin() as admin:
            await admin.delete_topics([topic])

    async def topics(self) -> set[str]:
        """Return the names of all topics."""
        async with self._admin() as admin:
            return set(await admin.list_topics())

    async def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Delete the records below the given offset of each partition, as retention does."""
        async with self._admin() as admin:
            await admin.delete_records(
                {TopicPartition(topic, p): RecordsToDelete(offset) for p, offset in before.items()}
            )

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's committed positions."""
        async with self._admin() as admin:
            found = await admin.list_consumer_group_offsets(group)
            return {
                tp.partition: meta.offset
                for tp, meta in found.items()
                if tp.topic == topic and meta.offset >= 0
            }

    async def produce(self, topic: str, records: Iterable[Sent]) -> None:
        """Produce ``records``, each partition in this order, and wait until all are acknowledged."""
        async with self.producer() as producer:
            for record in records:
                await send(producer, topic, record)
            await producer.flush()

    @asynccontextmanager
    async def producer(
        self, *, enable_idempotence: bool = False
    ) -> AsyncIterator[AIOKafkaProducer]:
        """Lend a producer that takes records of up to 8 MB."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            acks="all",
            enable_idempotence=enable_idempotence,
            max_request_size=8 << 20,
            linger_ms=2,
        )
        await started(producer)
        try:
            yield producer
        finally:
            await producer.stop()

    async def ends(self, topic: str) -> dict[int, int]:
        """Return the end of each partition: the offset that the next record will get."""
        async with self._consumer() as consumer:
            return await _ends(consumer, topic)

    async def read(self, topic: str) -> dict[int, list[Record]]:
        """Return all records that stand in the topic now, by partition."""
        async with self._consumer() as consumer:
            ends = await _ends(consumer, topic)
            parts = [TopicPartition(topic, partition) for partition in ends]
            consumer.assign(parts)
            starts = await consumer.beginning_offsets(parts)
            for part in parts:
                consumer.seek(part, starts[part])
            read: dict[int, list[Record]] = defaultdict(list)
            left = {part for part in parts if starts[part] < ends[part.partition]}
            while left:
                for part, records in (await consumer.getmany(timeout_ms=500)).items():
                    read[part.partition] += [_record(r) for r in records]
                    if read[part.partition][-1].offset >= ends[part.partition] - 1:
                        left.discard(part)
            return dict(read)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await started(admin)
        try:
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
        )
        await started(consumer)
        try:
            yield consumer
        finally:
            await consumer.stop()


async def send(producer: AIOKafkaProducer, topic: str, record: Sent) -> None:
    """Hand one record to a producer."""
    await producer.send(
        topic,
        record.value,
        key=b"" if record.value is None else None,  # the client sends nothing without either
        partition=record.partition,
        timestamp_ms=record.time,
        headers=list(record.headers),
    )


async def _ends(consumer: AIOKafkaConsumer, topic: str) -> dict[int, int]:
    await consumer._client.add_topic(topic)
    partitions: Sequence[int] = sorted(consumer.partitions_for_topic(topic) or ())
    assert partitions, f"topic {topic} has no partitions: does it exist?"
    ends = await consumer.end_offsets([TopicPartition(topic, p) for p in partitions])
    return {part.partition: end for part, end in ends.items()}


def _record(raw: object) -> Record:
    return Record(raw.partition, raw.offset, raw.timestamp, raw.value, tuple(raw.headers))  # type: ignore[attr-defined]
