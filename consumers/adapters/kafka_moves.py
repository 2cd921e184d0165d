"""
Telling and hearing over Kafka that an alias of the registry has moved.

Rules: a message says when to look, never what to believe: whoever hears it reads the alias; a broker
that is away delays nothing but the news. The topic has one partition; `groundswell topics` makes it, or whoever
is the first to tell of a move.
"""

import asyncio
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_config import client_options, producer_options
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_started import started
from consumers.adapters.kafka_topics import wanted_models
from groundswell.errors import Transient
from groundswell.models.registry import Move
from groundswell.settings import Settings

TELL_SECONDS: Final = 5.0
"""How long whoever moves an alias waits for the broker."""
ANSWER_MS: Final = 2000
"""How long a broker has to answer one question, so that a start ends by itself before that."""
WAIT_MS: Final = 1000


class KafkaMoves:
    """Hears of moves from now on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.models_topic
        self._admin = KafkaAdmin(settings)
        self._consumer: AIOKafkaConsumer | None = None

    async def heard(self) -> None:
        try:
            consumer = await self._connected()
            while not await consumer.getmany(timeout_ms=WAIT_MS):
                pass
        except FAILURES as error:
            await self._close()
            raise translated(error, f"reading topic {self._topic}") from error

    async def stop(self) -> None:
        await self._close()
        await self._admin.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            # Asked first: a consumer's own question may create the topic.
            if await self._admin.topic(self._topic) is None:
                raise Transient(f"topic {self._topic} does not exist: no move was told yet")
            consumer = AIOKafkaConsumer(
                **client_options(self._settings),
                auto_offset_reset="latest",
                enable_auto_commit=False,
                fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
            )
            try:
                await started(consumer)
                consumer.assign([TopicPartition(self._topic, 0)])
                await consumer.position(TopicPartition(self._topic, 0))
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def _close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()


class KafkaAnnouncer:
    """The ``Announcer`` port; for threads and commands without an event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def announce(self, move: Move) -> None:
        asyncio.run(self._announce(move))

    async def _announce(self, move: Move) -> None:
        topic = self._settings.models_topic
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._ensure(topic)
                # What is told twice is looked at twice: the plainest producer will do.
                options: dict[str, Any] = producer_options(self._settings)
                producer = AIOKafkaProducer(**options | {"request_timeout_ms": ANSWER_MS})
                await started(producer)
                try:
                    await producer.send_and_wait(topic, msgspec.json.encode(move), partition=0)
                finally:
                    await producer.stop()
        except FAILURES as error:
            raise translated(error, f"telling topic {topic} of a move") from error

    async def _ensure(self, topic: str) -> None:
        admin = KafkaAdmin(self._settings)
        try:
            if await admin.topic(topic) is None:
                await admin.create(wanted_models(self._settings))
        finally:
            await admin.stop()
