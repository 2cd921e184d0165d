"""
News that is pushed in, straight to Kafka: each item once a day, by its source and id.

Rules: what was pushed is remembered in Redis, by a hash of source and id, with a hash of the content: first
as under way, for a minute, then as done, for a day. A process that dies between the two lets the item be
pushed again after that minute: at least once, never lost. Without Redis nothing is taken, since the promise
could not be kept. acks=all; a record that the broker does not acknowledge in time is ``Transient``.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from consumers.adapters import keys
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_config import producer_options
from consumers.adapters.redis_client import connect, speaking, where, whole
from consumers.news.core.schedule import partition_of
from consumers.ports import Clock
from consumers.web.ports import Pushed
from groundswell.errors import TopicError, Transient
from groundswell.events import NewsItem, encode_item
from groundswell.settings import Settings

UNDER_WAY_SECONDS: Final = 60
REMEMBERED_SECONDS: Final = 86_400
ACKNOWLEDGED_SECONDS: Final = 15.0
_UNDER_WAY: Final = b"~"


class KafkaIntake:
    """The ``Intake`` port over aiokafka and Redis."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._redis: Any = connect(settings)
        self._place = where(settings)
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0
        self._starting = asyncio.Lock()

    async def push(self, items: Sequence[NewsItem]) -> Sequence[Pushed]:
        """See the port."""
        producer = await self._started()
        claims = [await self._claim(item) for item in items]
        new = [n for n, claim in enumerate(claims) if claim == "accepted"]
        sent = await asyncio.gather(
            *(self._send(producer, items[n]) for n in new), return_exceptions=True
        )
        failed: list[BaseException] = []
        for n, outcome in zip(new, sent, strict=True):
            if isinstance(outcome, BaseException):
                failed.append(outcome)
            else:
                await self._done(items[n])
        if failed:
            raise failed[0]
        return claims

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is not None:
                return self._producer
            admin = KafkaAdmin(self._settings)
            try:
                found = await admin.topic(self._settings.news_topic)
            finally:
                await admin.stop()
            if found is None:
                raise TopicError(
                    f"topic {self._settings.news_topic} does not exist; create it with "
                    "`groundswell topics`"
                )
            producer = AIOKafkaProducer(**producer_options(self._settings))
            try:
                await producer.start()
            except BaseException as error:  # cancelled on the way, too: it is stopped, or it leaks
                await producer.stop()
                if isinstance(error, KafkaError):
                    raise Transient(f"Kafka cannot be reached: {error}") from error
                raise
            self._producer, self._partitions = producer, found.partitions
            return producer

    async def _claim(self, item: NewsItem) -> Pushed:
        """Say whether an item is new, and that it is under way if it is."""
        key, content = self._key(item), _content(item)
        async with speaking(self._place):
            made = await whole(
                self._redis.set(key, _UNDER_WAY + content, nx=True, ex=UNDER_WAY_SECONDS)
            )
            if made:
                return "accepted"
            held = await whole(self._redis.get(key))
        if held is None or held == _UNDER_WAY + content:
            return "busy"
        return "duplicate" if held == content else "conflict"

    async def _done(self, item: NewsItem) -> None:
        async with speaking(self._place):
            await whole(self._redis.set(self._key(item), _content(item), ex=REMEMBERED_SECONDS))

    def _key(self, item: NewsItem) -> str:
        named = hashlib.sha256(f"{item.source}\0{item.id}".encode("utf-8", "replace"))
        return keys.pushed(self._settings.redis_prefix, named.hexdigest()[:32])

    async def _send(self, producer: AIOKafkaProducer, item: NewsItem) -> None:
        try:
            async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
                acknowledged = await producer.send(
                    self._settings.news_topic,
                    encode_item(item),
                    partition=partition_of(item.id, self._partitions),
                    timestamp_ms=self._clock.wall(),
                )
                await acknowledged
        except (KafkaError, TimeoutError) as error:
            raise Transient(
                "Kafka did not acknowledge every item: send them again after a minute"
            ) from error

    async def close(self) -> None:
        """See the port."""
        if self._producer is not None:
            await self._producer.stop()
        await self._redis.aclose()


def _content(item: NewsItem) -> bytes:
    return hashlib.sha256(encode_item(item)).digest()[:16]
