"""The worlds in which the contract of the log is tested: in memory, on Tansu, on Apache Kafka."""

import itertools
import time
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from consumers.adapters.clock import SystemClock
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_topics import Wanted
from consumers.adapters.kafka_writer import KafkaWriter
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.adapters.memory_writer import MemoryWriter
from consumers.ports import Bounds, LogReader, LogWriter, Record
from groundswell.settings import Settings
from tests.brokers import Broker

MESSAGE_BYTES = 150_000
"""What a topic takes; what a writer believes that it may write is more."""
_NAMES = itertools.count()


class Owner:
    """Keeps what it is told; starts at the committed position, else at ``first``."""

    def __init__(self, leave_out: frozenset[int] = frozenset()) -> None:
        self.owned: dict[int, Bounds] = {}
        self.assignments: list[Mapping[int, Bounds]] = []
        self.revocations: list[frozenset[int]] = []
        self.leave_out = leave_out

    async def assigned(self, bounds: Mapping[int, Bounds]) -> Mapping[int, int]:
        self.assignments.append(dict(bounds))
        self.owned |= bounds
        return {
            p: max(b.beginning, b.committed or 0)
            for p, b in bounds.items()
            if p not in self.leave_out
        }

    async def revoked(self, partitions: frozenset[int]) -> None:
        self.revocations.append(partitions)
        for partition in partitions:
            del self.owned[partition]


class MemoryWorld:
    kind = "memory"
    has_ids = keeps_metadata = deletes = True

    def __init__(self) -> None:
        self.log = MemoryLog(SystemClock())

    async def create(self, topic: str, partitions: int) -> None:
        self.log.create(topic, partitions, MESSAGE_BYTES)

    recreate = create

    async def delete_records(self, topic: str, partition: int, before: int) -> None:
        self.log.delete_records(topic, partition, before)

    async def committed(self, group: str, topic: str) -> Mapping[int, tuple[int, str]]:
        return self.log.committed(group, topic)

    async def records(self, topic: str, partition: int) -> list[Record]:
        return list(self.log.records(topic, partition))

    def reader(self, topic: str, group: str, **_: Any) -> LogReader:
        return MemoryReader(self.log, topic, group)

    def writer(self, **_: Any) -> LogWriter:
        return MemoryWriter(self.log)

    async def close(self) -> None:
        """Nothing is held."""


class KafkaWorld:
    has_ids = True

    def __init__(self, broker: Broker) -> None:
        self.kind = broker.kind
        self.keeps_metadata = self.deletes = broker.kind == "kafka"
        self.settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap, kafka_session_timeout_ms=2000, drain_seconds=1
        )
        self.admin = KafkaAdmin(self.settings)

    async def create(self, topic: str, partitions: int) -> None:
        await self.admin.create(Wanted(topic, partitions, 1, -1, MESSAGE_BYTES))

    async def recreate(self, topic: str, partitions: int) -> None:
        client = await self.admin._connected()
        await client.delete_topics([topic])
        while await self.admin.topic(topic) is not None:
            pass
        await self.create(topic, partitions)

    async def delete_records(self, topic: str, partition: int, before: int) -> None:
        client = await self.admin._connected()
        await client.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})

    async def committed(self, group: str, topic: str) -> Mapping[int, tuple[int, str]]:
        return await self.admin.committed(group, topic, range(8))

    async def records(self, topic: str, partition: int) -> list[Record]:
        """Read a partition from its beginning with a plain consumer."""
        tp = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, fetch_max_wait_ms=50
        )
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, 0)
            found: list[Record] = []
            while consumer.highwater(tp) is None or await consumer.position(
                tp
            ) < consumer.highwater(tp):
                rows = (await consumer.getmany(tp, timeout_ms=100)).get(tp, [])
                found += [
                    Record(partition, r.offset, r.timestamp, r.value, r.headers) for r in rows
                ]
            return found
        finally:
            await consumer.stop()

    def reader(self, topic: str, group: str, **settings: Any) -> LogReader:
        return KafkaReader(self.settings.model_copy(update=settings), topic, group, SystemClock())

    def writer(self, **settings: Any) -> LogWriter:
        return KafkaWriter(self.settings.model_copy(update=settings))

    async def close(self) -> None:
        await self.admin.stop()


World = MemoryWorld | KafkaWorld


def fresh_name() -> str:
    """Return a name for a topic or a group that nobody has used on a broker that may outlive us."""
    return f"contract-{time.time_ns():x}-{next(_NAMES)}"


async def read(reader: LogReader, partition: int, count: int) -> list[Record]:
    """Poll until ``count`` records of a partition are there; the test's time limit is the limit."""
    found: list[Record] = []
    while len(found) < count:
        fetched = await reader.poll(100, 0.2)
        found += fetched.records.get(partition, [])
    return found


async def joined(reader: LogReader, owner: Owner, partitions: int) -> None:
    """Poll until the owner holds so many partitions."""
    while len(owner.owned) < partitions:
        await reader.poll(0, 0.05)
