"""The contract of the counts, over the twin, Valkey, a cluster of three nodes, and a real Redis."""

import asyncio
import itertools
import random
import shutil
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.adapters.embedded import free_port, serving
from consumers.adapters.memory_counts import MemoryCounts
from consumers.adapters.redis_counts import open_counts, retention_of
from consumers.counts.core.cells import SOURCES_KEPT, Tally, merge, smallest
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import LEVELS, CellHash
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import SOURCE_KEPT, SOURCES_NAMED, Step
from consumers.counts.ports import CountStore, Held
from groundswell.settings import Settings
from tests.count_world import T0, L, mark, opinion, random_opinion, records

SHARDS = 2
MINUTE = T0 // 60_000
NEW = PartitionState()
_NAMES = itertools.count()
KINDS = ["twin", "valkey", "cluster", "redis-server"]


@dataclass
class World:
    """Where the counts live; each store that is opened is empty."""

    kind: str
    port: int = 0

    def settings(self, **more: Any) -> Settings:
        return Settings(
            redis_url=f"redis://127.0.0.1:{self.port}",
            redis_cluster=self.kind == "cluster",
            redis_prefix=f"t{next(_NAMES)}:",
            **{"redis_shards": SHARDS, "minutes_kept_hours": 1, "watch_back_hours": 1, **more},
        )

    @asynccontextmanager
    async def open(self):
        settings = self.settings()
        store: CountStore = (
            MemoryCounts(SHARDS, retention_of(settings))
            if self.kind == "twin"
            else open_counts(settings)
        )
        try:
            await store.prepare()
            yield store
        finally:
            await store.close()


@pytest.fixture(scope="session")
def redis_server_port(tmp_path_factory):
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on the PATH: install Redis 7+ to test against it")
    with ExitStack() as stack:
        port, folder = free_port(), tmp_path_factory.mktemp("redis")
        command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        stack.enter_context(serving([*command, "--dir", str(folder)], port, folder))
        yield port


@pytest.fixture(params=KINDS)
def world(request):
    port = {
        "twin": lambda: 0,
        "valkey": lambda: request.getfixturevalue("valkey_port"),
        "cluster": lambda: request.getfixturevalue("valkey_cluster_ports")[0],
        "redis-server": lambda: request.getfixturevalue("redis_server_port"),
    }[request.param]()
    return World(request.param, port)


def step_of(state, *rows, first=None):
    return fold(state, records(*rows, first=state.position if first is None else first), L)


async def everything(store):
    """Return all that the store holds, shard by shard."""
    return [
        await store.snapshot(
            shard, sorted(await store.hashes(shard)), sorted(await store.shelves(shard))
        )
        for shard in range(SHARDS)
    ]


async def test_an_empty_store_holds_nothing(world):
    async with world.open() as store:
        assert await store.state(0) is None
        assert await store.states() == {}
        assert await store.series() == {}
        assert await store.cells(["all"], "minute", MINUTE, MINUTE + 5) == {"all": {}}
        assert await store.cells([], "minute", MINUTE, MINUTE + 5) == {}
        assert await store.bundles() == {}
        assert await store.sources() == {}
        assert await store.hashes(0) == frozenset()


async def test_a_step_moves_state_and_counts_together(world):
    async with world.open() as store:
        step = step_of(NEW, opinion(0), opinion(60, after=0, label="positive"))

        assert await store.step(0, None, step) is None

        assert await store.state(0) == step.state
        assert await store.states() == {0: step.state}
        assert await store.series() == {"all": MINUTE + 1, "topic:rates": MINUTE + 1}
        assert list((await store.bundles()).values()) == ["b@1"]
        assert await store.sources() == {"wire": MINUTE + 1}
        cells = (await store.cells(["all"], "minute", MINUTE, MINUTE + 1))["all"]
        assert {bucket: cell.items for bucket, cell in cells.items()} == {
            MINUTE: (1, 0, 0),
            MINUTE + 1: (0, 0, 1),
        }
        day = T0 // 86_400_000
        assert (await store.cells(["all"], "day", day, day))["all"][day].items == (1, 0, 1)
        assert (await store.cells(["all"], "minute", MINUTE, MINUTE))["all"].keys() == {MINUTE}


async def test_a_step_from_another_state_writes_nothing(world):
    async with world.open() as store:
        first = step_of(NEW, opinion(0))
        await store.step(0, None, first)
        before = await everything(store)
        second = step_of(NEW, opinion(0), opinion(1))

        assert await store.step(0, None, second) == Held(first.state)
        assert await store.step(1, first.state, second) == Held(None)

        assert await everything(store) == before


async def test_a_step_that_had_landed_is_done_and_adds_nothing(world):
    async with world.open() as store:
        step = step_of(NEW, opinion(0))
        await store.step(0, None, step)
        before = await everything(store)

        assert await store.step(0, None, step) is None

        assert await everything(store) == before


async def test_cells_are_merged_and_their_tails_stay_short(world):
    async with world.open() as store:
        state, held, total = NEW, None, Tally()
        for batch in range(6):
            rows = [
                opinion(
                    batch * 20 + n,
                    at=T0,
                    source=f"s{batch * 9 + n}",
                    bundle=f"b{batch * 3 + n % 5}",
                )
                for n in range(20)
            ]
            step = step_of(state, *rows)
            assert await store.step(0, held, step) is None
            state = held = step.state
            total = merge(total, step.cells[CellHash("minute", "all", MINUTE // 60)][MINUTE % 60])
        (stored,) = (await store.cells(["all"], "minute", MINUTE, MINUTE))["all"].values()

        assert stored == total
        assert (len(stored.sources), len(stored.bundles)) == (SOURCES_KEPT, 8)


async def test_great_numbers_are_added_exactly(world):
    big = Tally((2**31, *(1,) * 11), 2**51 + 1, (1, 2**32 - 1), (0, 2**31))
    name = CellHash("minute", "all", 5)
    async with world.open() as store:
        held = None
        for position in (1, 2):
            state = PartitionState(position=position)
            step = Step(state, {name: {59: big}}, {"all": 359}, {}, (), ())
            small = Step(state, {name: {59: Tally((1,) * 12, 3)}}, {"all": 300}, {}, (), ())
            assert await store.step(0, held, step if position == 1 else small) is None
            held = state

        found = await store.snapshot(0, [name])

        assert found.cells == {name: {59: merge(big, Tally((1,) * 12, 3))}}
        assert found.series == {"all": 359}  # the newest minute never falls


async def test_readers_add_the_shards_up(world):
    async with world.open() as store:
        for partition in range(3):
            rows = [opinion(n, source=f"s{partition}", partition=partition) for n in range(2)]
            assert await store.step(partition, None, step_of(NEW, *rows)) is None

        assert set(await store.states()) == {0, 1, 2}
        (cell,) = (await store.cells(["all"], "minute", MINUTE, MINUTE))["all"].values()
        assert (cell.items, cell.distinct_sources) == ((6, 0, 0), 3)
        assert set((await store.snapshot(0, ())).states) == {0, 2}
        assert set((await store.snapshot(1, ())).states) == {1}


async def test_the_names_of_series_may_hold_anything(world):
    async with world.open() as store:
        topics = ("a:b", "é ü", "{x}:m:1", "}:")
        await store.step(0, None, step_of(NEW, opinion(0, topics=topics)))

        names = {"all", *(f"topic:{t}" for t in topics)}
        assert {h.series for h in await store.hashes(0)} == names
        assert set(await store.cells(sorted(names), "hour", MINUTE // 60, MINUTE // 60)) == names
        assert set(await store.series()) == names


async def test_the_names_of_the_newest_sources_are_kept_however_the_log_was_cut(world):
    named = [f"wire {n:04}" for n in range(SOURCES_NAMED + 40)]
    rows = [
        opinion(n, at=T0 + n // 30 * 60_000, source=name, topics=())
        for n, name in enumerate([*named, "x" * (SOURCE_KEPT + 1), named[0]])
    ]
    newest = {name: MINUTE + n // 30 for n, name in enumerate(named)}
    newest[named[0]] = MINUTE + (len(rows) - 1) // 30
    for cut in (len(rows), 700, 41):
        async with world.open() as store:
            state = None
            for first in range(0, len(rows), cut):
                step = step_of(state or NEW, *rows[first : first + cut])
                assert await store.step(0, state, step) is None
                state = step.state
            ranked = sorted(newest, key=lambda name: (newest[name], name))
            kept = ranked[-SOURCES_NAMED:]
            assert await store.sources() == {name: newest[name] for name in kept}
            assert named[0] in kept
            assert named[1] not in kept


async def random_steps(store, seed):
    """Apply random steps of two partitions, some of them stale; return what the store answered."""
    rng = random.Random(seed)
    held: dict[int, PartitionState | None] = {0: None, 1: None, 2: None}
    answers = []
    for _ in range(12):
        partition = rng.randrange(3)
        known = held[partition]
        state = known or NEW
        stale = rng.random() < 0.2
        first = state.fences[0].offset + 1 if state.fences else 0
        rows: list[Any] = [random_opinion(rng, first + n) for n in range(rng.randrange(8))]
        if rng.random() < 0.3 and first:
            rows.append(mark(T0 + first * rng.choice([20_000, 200_000]), first - 1))
        step = step_of(state, *rows)
        answers.append(await store.step(partition, NEW if stale else known, step))
        held[partition] = await store.state(partition)
    names = await store.bundles(), await store.sources()
    return answers, await everything(store), await store.series(), names


@given(seed=st.integers(0, 2**32))
def test_random_steps_leave_the_twin_and_valkey_equal(valkey_port, seed):
    async def outcome(kind):
        async with World(kind, valkey_port).open() as store:
            return await random_steps(store, seed)

    assert asyncio.run(outcome("twin")) == asyncio.run(outcome("valkey"))


@pytest.mark.parametrize("level", LEVELS)
async def test_every_level_holds_the_same_items(world, level):
    rng = random.Random(7)
    async with world.open() as store:
        step = step_of(NEW, *(random_opinion(rng, n) for n in range(200)))
        await store.step(0, None, step)

        cells = (await store.snapshot(0, sorted(await store.hashes(0)))).cells
        total = [
            sum(sum(t.items) + sum(t.late_items) for t in fields.values())
            for name, fields in cells.items()
            if name.level == level and not name.series.startswith("topic:")
        ]
        assert sum(total) == 200


def test_smallest_is_what_the_script_keeps():
    assert smallest({5, 1, 3}, 2) == (1, 3)
