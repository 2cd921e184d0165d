"""
The notes of shadow runs in Redis or Valkey: what both bundles said of the same items, by series.

Rules: soft state, gone after ``DAYS``; one hash per pair of bundles holds three numbers a series; the
index says with which bundle each new one was compared last. All keys have one hash tag. No call is
cancelled half-way.
"""

from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import RedisError

from consumers.adapters import keys
from consumers.adapters.redis_client import Client, connect, speaking, where, whole
from consumers.shadows import Pair, Seen
from groundswell.errors import GroundswellError, Transient
from groundswell.settings import Settings

DAYS: Final = 30
_PARTS: Final = Seen._fields


class RedisShadows:
    """See ``ShadowNotes``; ``place`` names the server in messages."""

    def __init__(self, client: Client, *, prefix: str, place: str) -> None:
        self._client: Any = client  # its annotations mix answers of both protocols and both kinds
        self._prefix = prefix
        self._place = place

    async def add(self, pair: Pair, seen: Mapping[str, Seen]) -> None:
        index, key = keys.shadows(self._prefix), keys.shadow(self._prefix, pair.old, pair.new)
        step = self._client.pipeline(transaction=True)
        step.hset(index, pair.new, pair.old)
        for series, counts in seen.items():
            for part, number in zip(_PARTS, counts, strict=True):
                step.hincrby(key, f"{part} {series}", number)
        for name in (index, key):
            step.expire(name, DAYS * 86_400)
        await self._whole(step.execute())

    async def read(self, pair: Pair) -> Mapping[str, Seen]:
        key = keys.shadow(self._prefix, pair.old, pair.new)
        found: dict[str, dict[str, int]] = {}
        for field, number in (await self._whole(self._client.hgetall(key))).items():
            part, _, series = field.decode().partition(" ")
            found.setdefault(series, {})[part] = int(number)
        return {
            series: Seen(*(parts.get(part, 0) for part in _PARTS))
            for series, parts in found.items()
        }

    async def pairs(self) -> list[Pair]:
        index = await self._whole(self._client.hgetall(keys.shadows(self._prefix)))
        return [Pair(old.decode(), new.decode()) for new, old in index.items()]

    async def close(self) -> None:
        await whole(self._client.aclose())

    async def _whole(self, call: Any) -> Any:
        try:
            async with speaking(self._place):
                return await whole(call)
        except Transient:
            raise
        except (GroundswellError, RedisError) as error:
            raise Transient(f"Redis at {self._place} keeps no notes: {error}") from error


def open_shadows(settings: Settings) -> RedisShadows:
    """Build the notes; nothing is connected yet. Raises ``SettingsError``."""
    return RedisShadows(connect(settings), prefix=settings.redis_prefix, place=where(settings))
