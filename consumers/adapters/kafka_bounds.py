"""
Where partitions begin and end.

Rule: the end is taken from a fetch as well, since the embedded broker's own answer about it lags behind
(it counts a batch as one record).
"""

from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from consumers.adapters.kafka_errors import FAILURES, translated


async def begins_and_ends(
    consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]
) -> dict[int, tuple[int, int]]:
    """
    Return, by partition, the first offset that exists and the next one to be written.

    ``consumer`` is started; its positions are not touched. Raises ``Transient``.
    """
    tps = [TopicPartition(topic, partition) for partition in sorted(partitions)]
    begins = await _asked(topic, consumer.beginning_offsets(tps))
    ends = await _asked(topic, consumer.end_offsets(tps))
    client = consumer._client  # noqa: SLF001 # aiokafka has no public fetch of one answer
    by_leader: dict[int, list[tuple[int, int, int]]] = {}
    for tp in tps:
        leader = client.cluster.leader_for_partition(tp)
        by_leader.setdefault(leader, []).append((tp.partition, ends[tp], 1))
    for leader, rows in by_leader.items():
        request = FetchRequest(1, 1, 1 << 20, 0, [(topic, rows)], rack_id="")
        response = await _asked(topic, client.send(leader, request))
        for _, parts in response.topics:
            for partition, code, highwater, *_ in parts:
                tp = TopicPartition(topic, partition)
                if not code:
                    ends[tp] = max(ends[tp], highwater)
    return {tp.partition: (begins[tp], ends[tp]) for tp in tps}


async def _asked(topic: str, question: Awaitable[Any]) -> Any:
    try:
        return await question
    except FAILURES as error:
        raise translated(error, f"asking where topic {topic} begins and ends") from error
