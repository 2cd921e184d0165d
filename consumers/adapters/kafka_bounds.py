"""
What a reader asks the broker before it starts on a partition: positions, bounds, identity.

Rule: the end is taken from a fetch as well, since the embedded broker's own answer about it lags behind
(it counts a batch as one record).
"""

from collections.abc import Awaitable, Collection, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.ports import Bounds


class Lost(NamedTuple):
    """A position that the broker no longer has, and the identity of the topic that it belongs to."""

    position: int
    topic_id: str


class Questions:
    """The questions about one topic, for a member of ``group``."""

    def __init__(self, admin: KafkaAdmin, topic: str, group: str) -> None:
        self._admin = admin
        self._topic = topic
        self._group = group

    async def bounds(
        self, consumer: AIOKafkaConsumer, partitions: Collection[int], lost: Lost | None
    ) -> dict[int, Bounds]:
        """Return what the broker knows; ``lost`` stands in for the group's position."""
        tps = [TopicPartition(self._topic, p) for p in sorted(partitions)]
        topic_id = await self._admin.topic_id(self._topic)
        committed: dict[int, tuple[int, str]] = {}
        if lost is None:
            committed = await self._admin.committed(self._group, self._topic, partitions)
        beginning = await self._call(consumer.beginning_offsets(tps))
        end = await self._ends(consumer, tps)
        bounds: dict[int, Bounds] = {}
        for tp in tps:
            position, its_id = committed.get(tp.partition, (None, "")) if lost is None else lost
            bounds[tp.partition] = Bounds(position, its_id, beginning[tp], end[tp], topic_id)
        return bounds

    async def _ends(
        self, consumer: AIOKafkaConsumer, tps: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await self._call(consumer.end_offsets(tps))
        client = consumer._client  # noqa: SLF001 # aiokafka has no public fetch of one answer
        by_leader: dict[int, list[tuple[int, int, int]]] = {}
        for tp in tps:
            leader = client.cluster.leader_for_partition(tp)
            by_leader.setdefault(leader, []).append((tp.partition, ends[tp], 1))
        for leader, rows in by_leader.items():
            request = FetchRequest(1, 1, 1 << 20, 0, [(self._topic, rows)], rack_id="")
            response = await self._call(client.send(leader, request))
            for _, parts in response.topics:
                for partition, code, highwater, *_ in parts:
                    tp = TopicPartition(self._topic, partition)
                    if not code:
                        ends[tp] = max(ends[tp], highwater)
        return ends

    async def _call(self, question: Awaitable[Any]) -> Any:
        try:
            return await question
        except FAILURES as error:
            raise translated(error, f"asking where topic {self._topic} begins and ends") from error
