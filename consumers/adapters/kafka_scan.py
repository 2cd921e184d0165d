"""
Reading a topic from one offset to another without a group: for `recount`.

Rules: nothing is committed; an offset that the broker has deleted is said, never skipped. Partitions
are assigned once, all of them, and read one at a time: aiokafka's fetcher, stopped soon after a change
of its assignment, swallows the cancellation and never ends.
"""

from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition, errors

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_bounds import begins_and_ends
from consumers.adapters.kafka_config import client_options
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_started import started
from consumers.ports import Record
from groundswell.errors import CannotContinue, TopicError, Transient
from groundswell.settings import Settings

_WAIT_MS = 1000
_SILENCE = 30
"""So many empty fetches in a row where there should be records mean that the broker is unwell."""


class KafkaScan:
    """The ``LogScan`` port over aiokafka."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._admin = KafkaAdmin(settings)
        self._consumer: AIOKafkaConsumer | None = None

    async def bounds(self) -> Mapping[int, tuple[int, int]]:
        doing = f"asking for the bounds of topic {self._topic}"
        try:
            consumer = await self._connected()
        except FAILURES as error:
            raise translated(error, doing) from error
        partitions = {tp.partition for tp in consumer.assignment()}
        return await begins_and_ends(consumer, self._topic, partitions)

    async def read(self, partition: int, first: int, end: int) -> AsyncIterator[Record]:
        tp = TopicPartition(self._topic, partition)
        position = first
        try:
            consumer = await self._connected()
            consumer.pause(*consumer.assignment())
            consumer.seek(tp, first)
            consumer.resume(tp)
            silent = 0
            while position < end:
                found = await consumer.getmany(tp, timeout_ms=_WAIT_MS)
                for raw in found.get(tp, ()):
                    if raw.offset >= end:
                        return
                    yield Record(partition, raw.offset, raw.timestamp, raw.value)
                silent = 0 if found else silent + 1
                if silent == _SILENCE:
                    raise Transient(
                        f"topic {self._topic}, partition {partition}: nothing comes at offset "
                        f"{position}, though it ends at {end}"
                    )
                position = await consumer.position(tp)
        except errors.OffsetOutOfRangeError as error:
            raise CannotContinue(
                f"topic {self._topic}, partition {partition}: offset {position} was deleted while it "
                "was read; try again"
            ) from error
        except FAILURES as error:
            raise translated(error, f"reading topic {self._topic}") from error

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()
        await self._admin.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        """Return a consumer that has all partitions. Raises ``TopicError`` or aiokafka's errors."""
        if self._consumer is None:
            # Asked first: a consumer's own question may create the topic.
            found = await self._admin.topic(self._topic)
            if found is None:
                raise TopicError(
                    f"topic {self._topic} does not exist; create it with `groundswell topics`"
                )
            consumer = AIOKafkaConsumer(
                **client_options(self._settings),
                auto_offset_reset="none",
                enable_auto_commit=False,
                fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
            )
            await started(consumer)
            consumer.assign([TopicPartition(self._topic, p) for p in range(found.partitions)])
            self._consumer = consumer
        return self._consumer
