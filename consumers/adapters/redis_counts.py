"""
The counts in Redis or Valkey: a single server or a cluster.

Rules: the one way to write is the script ``count_step.lua``, a compare-and-set over the bytes of the
state. It is called by its hash; a server that does not know it (restarted, flushed, another node) is
sent the text. No call is cancelled half-way.
"""

from collections.abc import Collection

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

from consumers.adapters import keys, redis_steps
from consumers.adapters.redis_client import connect, speaking, where, whole
from consumers.adapters.redis_reading import RedisReading
from consumers.adapters.redis_script import Script
from consumers.adapters.redis_steps import Carried, Swap, laid_out
from consumers.counts.core.cells import unpack
from consumers.counts.core.levels import LEVELS, CellHash, Shelf
from consumers.counts.core.lines import Span
from consumers.counts.core.shelf import keeping, kept
from consumers.counts.core.state import PartitionState, decode_state, encode_state
from consumers.counts.core.step import Retention, Step, anchor
from consumers.counts.ports import Changed, Held, Snapshot
from groundswell.errors import CannotStart
from groundswell.settings import Settings

_snapshot = Script(
    "local sets, out = tonumber(ARGV[1]), {} "
    "for i, key in ipairs(KEYS) do "
    "if i <= sets then out[i] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') "
    "else out[i] = redis.call('HGETALL', key) end end return out"
)
"""Reads some sorted sets and then hashes as of one instant."""


class RedisCounts(RedisReading):
    """The counts; ``place`` names the server in messages."""

    async def prepare(self) -> None:
        async with speaking(self._place):
            await whole(self._refuse_evictions())
            await whole(self._claim_shards())

    async def check_policy(self) -> None:
        """Raise ``CannotStart`` if the server may evict keys; writes nothing."""
        async with speaking(self._place):
            await whole(self._refuse_evictions())

    async def state(self, partition: int) -> PartitionState | None:
        name = keys.states(self._prefix, partition % self._shards)
        async with speaking(self._place):
            blob = await whole(self._client.hget(name, str(partition)))
        return None if blob is None else decode_state(blob)

    async def step(
        self, partition: int, expected: PartitionState | None, step: Step
    ) -> Held | Changed | None:
        shard, anchored = partition % self._shards, anchor(expected, step)
        swap = Swap(
            keys.states(self._prefix, shard),
            str(partition),
            b"" if expected is None else encode_state(expected),
            encode_state(step.state),
        )
        carried = Carried(
            "" if anchored is None else str(anchored), str(step.began), str(step.state.position)
        )
        names, argument = laid_out(self._prefix, shard, swap, step, self._retention, carried)
        async with speaking(self._place):
            answer = await whole(redis_steps.call(self._client, names, argument))
        if answer[0] == 1:
            return None
        if answer[0]:
            return Changed(answer[1].decode())
        if len(answer) > 1:
            return Held(decode_state(answer[1]))
        async with speaking(self._place):
            await whole(self._claim_shards())  # emptied: the number of shards went as well
        return Held(None)

    async def hashes(self, shard: int) -> frozenset[CellHash]:
        found = set()
        for level in LEVELS:
            async with speaking(self._place):
                name = keys.ends(self._prefix, shard, level)
                members = await whole(self._client.zrange(name, 0, -1))
            found |= {keys.cell_hash(level, member.decode()) for member in members}
        return frozenset(found)

    async def shelves(self, shard: int) -> frozenset[Shelf]:
        async with speaking(self._place):
            members = await whole(self._client.zrange(keys.shelf_ends(self._prefix, shard), 0, -1))
        return frozenset(keys.shelf(member.decode()) for member in members)

    async def snapshot(
        self, shard: int, hashes: Collection[CellHash], shelves: Collection[Shelf] = ()
    ) -> Snapshot:
        sets = [
            keys.series(self._prefix, shard),
            *(keys.lines(self._prefix, shard, shelf) for shelf in shelves),
        ]
        names = [
            *sets,
            keys.states(self._prefix, shard),
            keys.spans(self._prefix, shard),
            *(keys.cells(self._prefix, shard, name) for name in hashes),
        ]
        async with speaking(self._place):
            answer = await whole(_snapshot(self._client, names, str(len(sets)).encode()))
        flat = [list(zip(pairs[::2], pairs[1::2], strict=True)) for pairs in answer]
        (series, *lines), (states, spans, *cells) = flat[: len(sets)], map(dict, flat[len(sets) :])
        return Snapshot(
            {int(partition): decode_state(blob) for partition, blob in states.items()},
            {
                name: {int(field): unpack(cell) for field, cell in fields.items()}
                for name, fields in zip(hashes, cells, strict=True)
                if fields
            },
            {name.decode(): int(float(score)) for name, score in series},
            {
                shelf: kept(
                    ((int(float(score)), e) for e, score in entries), keeping(new=shelf.new)
                )
                for shelf, entries in zip(shelves, lines, strict=True)
                if entries
            },
            {int(partition): Span(*map(int, span.split())) for partition, span in spans.items()},
        )

    async def close(self) -> None:
        await whole(self._client.aclose())

    async def _claim_shards(self) -> None:
        name = keys.shards(self._prefix)
        await self._client.set(name, str(self._shards), nx=True)
        stored = await self._client.get(name)
        if stored is not None and int(stored) != self._shards:
            raise CannotStart(
                f"redis_shards is {self._shards}, but the counts at {self._place} under the prefix "
                f"{self._prefix!r} were divided into {int(stored)}: set that number, or use another "
                "redis_prefix, which fills from the log of record"
            )

    async def _refuse_evictions(self) -> None:
        try:
            if isinstance(self._client, RedisCluster):
                nodes = RedisCluster.ALL_NODES
                answer = await self._client.info("memory", target_nodes=nodes)
                infos = list(answer.values()) if "maxmemory_policy" not in answer else [answer]
            else:
                infos = [await self._client.info("memory")]
        except ResponseError:  # a managed server may forbid the question
            return
        policies = {info.get("maxmemory_policy", "noeviction") for info in infos}
        if policies != {"noeviction"}:
            raise CannotStart(
                f"Redis at {self._place} may evict keys ({', '.join(sorted(policies))}), which would "
                "falsify the counts: set maxmemory-policy to noeviction"
            )


def open_counts(settings: Settings) -> RedisCounts:
    """Build the counts from the settings; nothing is connected yet. Raises ``SettingsError``."""
    return RedisCounts(
        connect(settings),
        prefix=settings.redis_prefix,
        shards=settings.redis_shards,
        retention=retention_of(settings),
        place=where(settings),
    )


def retention_of(settings: Settings) -> Retention:
    """Return how long each level is kept."""
    return Retention(
        minute=settings.minutes_kept_hours * 60,
        hour=settings.hours_kept_days * 1440,
        day=settings.days_kept_days * 1440,
    )
