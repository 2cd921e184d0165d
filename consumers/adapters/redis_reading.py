"""
The counts in Redis or Valkey, as they are read: all shards added up.

Rule: what is read of a shelf or of some hashes in one call is as of one instant.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from consumers.adapters import keys
from consumers.adapters.redis_client import speaking, whole
from consumers.adapters.redis_script import Script
from consumers.adapters.redis_series import RedisSeries
from consumers.counts.core.cells import ZERO, Tally, merge, unpack
from consumers.counts.core.levels import CellHash, Level, Shelf, bucket_of, place_of
from consumers.counts.core.lines import Entry, StoryLine, chosen, decode_line
from consumers.counts.core.shelf import keeping, kept
from consumers.counts.core.state import PartitionState, decode_state

FEW: Final = 12
"""Fields of a hash that are asked for one by one; of an hour of minutes, a fifth."""

_few = Script(
    "local out = {} for i, key in ipairs(KEYS) do out[i] = redis.call('HMGET', key, unpack(ARGV)) end "
    "return out"
)
_all = Script(
    "local out = {} for i, key in ipairs(KEYS) do out[i] = redis.call('HGETALL', key) end return out"
)
_lines = Script(
    "return {redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'BYSCORE', 'WITHSCORES'), "
    "redis.call('ZRANGE', KEYS[1], ARGV[3], -1, 'WITHSCORES')}"
)
"""Reads of a shelf the lines of some minutes, and the newest."""


class RedisReading(RedisSeries):
    """The ``CountReader`` port; ``place`` names the server in messages."""

    async def states(self) -> Mapping[int, PartitionState]:
        found: dict[int, PartitionState] = {}
        for shard in range(self._shards):
            async with speaking(self._place):
                held = await whole(self._client.hgetall(keys.states(self._prefix, shard)))
            found |= {int(partition): decode_state(blob) for partition, blob in held.items()}
        return found

    async def series(self) -> Mapping[str, int]:
        return await self._series("-inf")

    async def touched(self, first: int) -> Mapping[str, int]:
        return await self._series(first)

    async def _series(self, first: int | str) -> dict[str, int]:
        found: dict[str, int] = {}
        for shard in range(self._shards):
            name = keys.series(self._prefix, shard)
            async with speaking(self._place):
                answer = await whole(
                    self._client.zrange(name, first, "+inf", byscore=True, withscores=True)
                )
            for member, score in answer:
                series = member.decode()
                found[series] = max(int(score), found.get(series, int(score)))
        return found

    async def lines(self, shelf: Shelf, first: int, last: int) -> tuple[StoryLine, ...]:
        rule, found = keeping(new=shelf.new), []
        span = [str(n).encode() for n in (first, last, -rule.newest)]
        for shard in range(self._shards):
            name = keys.lines(self._prefix, shard, shelf)
            async with speaking(self._place):
                answer = await whole(_lines(self._client, [name], *span))
            # The newest of the shelf say how old a minute is, and are kept whatever its minute keeps.
            lines = kept((entry for part in answer for entry in _entries(part)), rule)
            found += [decode_line(line) for minute, line in lines if first <= minute <= last]
        return tuple(found)

    async def stories(
        self, series: str, first: int, last: int, limit: int
    ) -> tuple[StoryLine, ...]:
        stories = await self.lines(Shelf(series, new=True), first, last)
        copies = await self.lines(Shelf(series, new=False), first, last)
        return chosen((*stories, *copies), limit)

    async def cells(
        self, series: Collection[str], level: Level, first: int, last: int
    ) -> Mapping[str, Mapping[int, Tally]]:
        found: dict[str, dict[int, Tally]] = {name: {} for name in series}
        wanted: defaultdict[int, list[int]] = defaultdict(list)
        for bucket in range(first, last + 1):
            window, field = place_of(level, bucket)
            wanted[window].append(field)
        for shard in range(self._shards if found else 0):
            for window, fields in wanted.items():
                names = [keys.cells(self._prefix, shard, CellHash(level, n, window)) for n in found]
                async with speaking(self._place):
                    answer = await whole(self._read_fields(names, fields))
                for cells, held in zip(found.values(), answer, strict=True):
                    for field, cell in held:
                        bucket = bucket_of(level, window, field)
                        cells[bucket] = merge(cells.get(bucket, ZERO), unpack(cell))
        return found

    async def _read_fields(
        self, names: list[str], fields: list[int]
    ) -> list[list[tuple[int, bytes]]]:
        """Read some fields of each hash: whole hashes, where most of what they hold is wanted."""
        if len(fields) <= FEW:
            asked = [str(field).encode() for field in fields]
            answer = await _few(self._client, names, *asked)
            return [
                [(f, cell) for f, cell in zip(fields, cells, strict=True) if cell is not None]
                for cells in answer
            ]
        answer = await _all(self._client, names)
        chosen = frozenset(fields)
        return [
            [
                (int(field), cell)
                for field, cell in zip(pairs[::2], pairs[1::2], strict=True)
                if int(field) in chosen
            ]
            for pairs in answer
        ]

    async def bundles(self) -> Mapping[int, str]:
        found: dict[int, str] = {}
        for shard in range(self._shards):
            async with speaking(self._place):
                stored = await whole(self._client.hgetall(keys.bundles(self._prefix, shard)))
            found |= {int(key): name.decode() for key, name in stored.items()}
        return found

    async def sources(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for shard in range(self._shards):
            name = keys.sources(self._prefix, shard)
            async with speaking(self._place):
                answer = await whole(self._client.zrange(name, 0, -1, withscores=True))
            for member, score in answer:
                source = member.decode()
                found[source] = max(int(score), found.get(source, int(score)))
        return found


def _entries(answer: list[bytes]) -> list[Entry]:
    """Return the entries of a shelf from members and scores."""
    return [(int(float(at)), e) for e, at in zip(answer[::2], answer[1::2], strict=True)]
