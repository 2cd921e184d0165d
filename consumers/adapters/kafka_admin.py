"""
Questions to the brokers: a topic's identity and shape, a group's positions, and creating topics.

Rules: asking never creates a topic; what a broker cannot answer is None, not a guess.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Final, TypeVar

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from consumers.adapters.kafka_config import admin_options
from consumers.adapters.kafka_errors import FAILURES, translated
from consumers.adapters.kafka_metadata import TopicIdRequest
from consumers.adapters.kafka_started import started
from consumers.adapters.kafka_topics import Topic, Wanted
from groundswell.errors import TopicError, Transient
from groundswell.settings import Settings

_LONG: Final = 20.0
"""Seconds after which a question counts as unanswered."""
_VISIBLE_TRIES: Final = 100
_VISIBLE_PAUSE: Final = 0.1
"""A new topic may be unknown for a moment: so often, and so many seconds apart, it is looked for."""
_UNKNOWN: Final = (3, 17, 100)
"""Error codes of a topic that does not exist: unknown, invalid, unknown id."""

Answer = TypeVar("Answer")


class KafkaAdmin:
    """An admin client; connects at the first question. Every method may raise ``Transient``."""

    def __init__(self, settings: Settings) -> None:
        self._options = admin_options(settings)
        self._client: AIOKafkaAdminClient | None = None
        self._lock = asyncio.Lock()

    async def topic(self, name: str) -> Topic | None:
        """Return the topic's identity, partitions and configuration; None if it does not exist."""
        found = await self._metadata(name)
        if found is None:
            return None
        topic_id, partitions = found
        return Topic(name, topic_id, partitions, await self._config(name))

    async def topic_id(self, name: str) -> str:
        """Return the topic's identity, "" where the broker has none. ``TopicError`` if missing."""
        found = await self._metadata(name)
        if found is None:
            raise TopicError(f"topic {name} does not exist; create it with `groundswell topics`")
        return found[0]

    async def committed(
        self, group: str, topic: str, partitions: Collection[int]
    ) -> dict[int, tuple[int, str]]:
        """Return the group's position and its metadata; partitions without one are left out."""
        doing = f"reading the positions of group {group}"
        client = await self._connected()
        node = await _answer(client.find_coordinator(group), doing)
        request = OffsetFetchRequest(group, [(topic, sorted(partitions))])
        response = await _answer(client._client.send(node, request), doing)  # noqa: SLF001
        positions: dict[int, tuple[int, str]] = {}
        for _, rows in response.topics:
            for partition, offset, metadata, code in rows:
                if code and code not in _UNKNOWN:
                    raise translated(errors.for_code(code)(), doing)
                if offset >= 0:
                    positions[partition] = (offset, metadata or "")
        return positions

    async def create(self, wanted: Wanted) -> None:
        """Create a topic; one that exists already is left as it is. Raises ``TopicError``."""
        client = await self._connected()
        topic = NewTopic(
            wanted.name, wanted.partitions, wanted.replication, topic_configs=wanted.config()
        )
        doing = f"creating topic {wanted.name}"
        response = await _answer(client.create_topics([topic], timeout_ms=10_000), doing)
        for _, code, *rest in response.topic_errors:
            error = errors.for_code(code)
            if error not in (errors.NoError, errors.TopicAlreadyExistsError):
                why = rest[0] if rest and rest[0] else error.__name__
                raise TopicError(f"topic {wanted.name} cannot be created: {why}")
        for _ in range(_VISIBLE_TRIES):
            if await self._metadata(wanted.name) is not None:
                return
            await asyncio.sleep(_VISIBLE_PAUSE)
        raise Transient(f"topic {wanted.name} was created, but the brokers do not know it yet")

    async def stop(self) -> None:
        """Close. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AIOKafkaAdminClient:
        async with self._lock:
            if self._client is None:
                client = AIOKafkaAdminClient(**self._options)
                await _answer(started(client), "connecting")
                self._client = client
        return self._client

    async def _metadata(self, name: str) -> tuple[str, int] | None:
        client = await self._connected()
        doing = f"asking for topic {name}"
        node = client._client.get_random_node()  # noqa: SLF001
        try:
            request = TopicIdRequest(name)
            response = await _answer(client._client.send(node, request), doing)  # noqa: SLF001
        except (NotImplementedError, errors.IncompatibleBrokerVersion):
            request = MetadataRequest([name], allow_auto_topic_creation=False)
            response = await _answer(client._client.send(node, request), doing)  # noqa: SLF001
        for topic in response.to_object()["topics"]:
            if topic["error_code"] in _UNKNOWN:
                return None
            if topic["error_code"]:
                raise translated(errors.for_code(topic["error_code"])(), doing)
            identity = topic.get("topic_id")
            return (str(identity) if identity else ""), len(topic["partitions"])
        return None

    async def _config(self, name: str) -> Mapping[str, str] | None:
        client = await self._connected()
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        try:
            responses = await _answer(
                client.describe_configs([resource]), f"asking how topic {name} is configured"
            )
        except (NotImplementedError, Transient):
            return None
        config: dict[str, str] = {}
        for code, _, _, _, entries in (row for r in responses for row in r.resources):
            if code:
                return None
            config.update({entry[0]: entry[1] for entry in entries if entry[1] is not None})
        return config or None


async def _answer(question: Awaitable[Answer], doing: str) -> Answer:
    try:
        async with asyncio.timeout(_LONG):
            return await question
    except errors.IncompatibleBrokerVersion:
        raise
    except FAILURES as error:
        raise translated(error, doing) from error
