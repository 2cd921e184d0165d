"""
The series that are followed, in Redis or Valkey: beside the counts, in each shard.

Rules: what is followed and from where on changes in one script, which sees where each partition stands;
what is forgotten goes with its cells; the past of a series comes in whole. No call is cancelled half-way.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec

from consumers.adapters import keys, redis_steps
from consumers.adapters.redis_client import Client, speaking, whole
from consumers.adapters.redis_script import Script
from consumers.adapters.redis_steps import ANY, Carried, Defined, Swap, laid_out
from consumers.counts.core.following import (
    ENTITIES,
    Followed,
    Registry,
    decode_followed,
    encode_scheme,
    encode_since,
)
from consumers.counts.core.levels import LEVELS, Shelf
from consumers.counts.core.step import Retention, Step
from consumers.counts.core.strangers import NEEDED, STEP, STRANGERS, WINDOW
from groundswell.errors import CannotContinue
from groundswell.schemes import Scheme

_follow = Script((files(__package__) / "follow.lua").read_text("utf-8"))
_forget = Script((files(__package__) / "forget.lua").read_text("utf-8"))
_strangers = Script((files(__package__) / "strangers.lua").read_text("utf-8"))
_registry = Script(
    "return {redis.call('GET', KEYS[1]) or '', redis.call('HGETALL', KEYS[2]), "
    "redis.call('HGETALL', KEYS[3])}"
)

NOTED_AT_ONCE: Final = 1000
"""Stories of strangers that one call notes: the server does nothing else meanwhile."""
SLACK: Final = 2
"""Windows beyond the retention of each level that a series may still have: they go a few at a time."""


class RedisSeries:
    """The registry of each shard; ``place`` names the server in messages."""

    def __init__(
        self, client: Client, *, prefix: str, shards: int, retention: Retention, place: str
    ) -> None:
        self._client: Any = client  # its annotations mix answers of both protocols and both kinds
        self._prefix = prefix
        self._shards = shards
        self._retention = retention
        self._place = place

    async def registry(self, shard: int) -> Registry:
        names = [
            keys.version(self._prefix, shard),
            keys.followed(self._prefix, shard),
            keys.since(self._prefix, shard),
        ]
        async with speaking(self._place):
            version, followed, since = await whole(_registry(self._client, names, b""))
        begun = dict(zip(since[::2], since[1::2], strict=True))
        try:
            return Registry(
                version.decode(),
                {
                    name.decode(): decode_followed(definition, begun.get(name, b""))
                    for name, definition in zip(followed[::2], followed[1::2], strict=True)
                },
            )
        except msgspec.DecodeError as error:
            raise CannotContinue(
                f"Redis at {self._place} follows a series that this release cannot read ({error}); run "
                "the release that wrote it"
            ) from error

    async def follow(self, shard: int, added: Mapping[str, Scheme | None]) -> None:
        names = [
            keys.states(self._prefix, shard),
            keys.followed(self._prefix, shard),
            keys.since(self._prefix, shard),
            keys.version(self._prefix, shard),
        ]
        listed = [p for s, scheme in added.items() for p in (s, encode_scheme(scheme).decode())]
        argument = msgspec.msgpack.encode([ENTITIES, listed])
        async with speaking(self._place):
            await whole(_follow(self._client, names, argument))

    async def forget(self, shard: int, series: str) -> None:
        while not await self._forget(shard, series):
            pass  # it counted between the two calls: its keys are chosen anew

    async def _forget(self, shard: int, series: str) -> bool:
        index = keys.series(self._prefix, shard)
        async with speaking(self._place):
            found = await whole(self._client.zscore(index, series))
        newest = None if found is None else int(found)
        names = [
            keys.followed(self._prefix, shard),
            keys.since(self._prefix, shard),
            keys.version(self._prefix, shard),
            index,
            *(keys.ends(self._prefix, shard, level) for level in LEVELS),
            keys.shelf_ends(self._prefix, shard),
            *(keys.lines(self._prefix, shard, Shelf(series, new)) for new in (True, False)),
        ]
        if newest is not None:
            hashes = self._retention.windows(series, newest, SLACK)
            names += [keys.cells(self._prefix, shard, name) for name in hashes]
        known = b"" if newest is None else str(newest).encode()
        async with speaking(self._place):
            answer = await whole(_forget(self._client, names, series.encode(), known))
        return bool(answer[0] == 1)

    async def fill(self, shard: int, series: str, lacking: Followed, past: Step) -> bool:
        since = encode_since(lacking.since)
        swap = Swap(keys.since(self._prefix, shard), series, since, b"")
        whole_step = past._replace(version=ANY)
        names, argument = laid_out(
            self._prefix,
            shard,
            swap,
            whole_step,
            self._retention,
            Carried("", "", ""),
            Defined(series, encode_scheme(lacking.scheme)),
        )
        async with speaking(self._place):
            answer = await whole(redis_steps.call(self._client, names, argument))
        return bool(answer[0] == 1)

    async def nominate(self, stories: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        found: list[bytes] = []
        for first in range(0, len(stories), NOTED_AT_ONCE):
            flat = [part for story in stories[first : first + NOTED_AT_ONCE] for part in story]
            argument = msgspec.msgpack.encode([NEEDED, WINDOW, STEP, STRANGERS, flat])
            async with speaking(self._place):
                found += await whole(
                    _strangers(self._client, list(keys.strangers(self._prefix)), argument)
                )
        return tuple(dict.fromkeys(name.decode() for name in found))
