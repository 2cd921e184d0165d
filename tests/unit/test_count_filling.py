"""The past of many series at once: one reading of the log, within memory, right whatever changes meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from consumers.adapters.memory_counts import MemoryCounts, Shard
from consumers.counts.core.fold import fold
from consumers.counts.core.following import following
from consumers.counts.core.state import PartitionState
from consumers.counts.filling import Filling
from consumers.counts.past import Past
from groundswell.events import Entity
from groundswell.schemes import Scheme
from tests.count_world import KEPT, T0, L, opinion, records

MINUTE = T0 // 60_000
NEW = PartitionState(log_id="o")
NAMES = tuple(f"n{number:03}" for number in range(120))
SCHEME = {"scheme:t": Scheme(must=("t",))}


class World:
    """A log of one partition, counted whole, and a scan of it that something may happen in."""

    def __init__(self):
        rows = [
            opinion(
                n,
                at=T0 + n * 30_000,
                label=("negative", "positive")[n % 2],
                entities=(Entity(text=NAMES[n % 120], type="ORG", start=0, end=1),),
            )
            for n in range(600)
        ]
        self.rows = records(*rows)
        self.store = MemoryCounts(1, KEPT)
        self.read_so_far = 0
        self.happens: dict[int, Callable[[], Awaitable[None]]] = {}

    async def count(self, upto):
        held = await self.store.state(0)
        state = held or NEW
        step = fold(state, self.rows[state.position : upto], L, await self.now())
        assert await self.store.step(0, held, step) is None

    async def now(self):
        return following(await self.store.registry(0))

    async def fill(self, **more):
        return await Filling(self.store, self, L, KEPT, asyncio.Event(), **more).fill(0)

    async def bounds(self):
        return {0: (0, len(self.rows))}

    async def read(self, partition, first, end):
        for row in self.rows[first:end]:
            self.read_so_far += 1
            if self.read_so_far in self.happens:
                await self.happens.pop(self.read_so_far)()
            yield row

    async def close(self):
        return

    async def whole(self):
        """What the store would hold that had followed all from the start."""
        shard = Shard()
        shard.put(fold(NEW, self.rows, L, await self.now()), KEPT)
        return shard

    async def is_right(self):
        held, whole = self.store.shards[0], await self.whole()
        assert all(f.since == () for f in held.registry.series.values())
        assert held.cells == whole.cells
        assert held.lines == whole.lines
        assert held.series == whole.series


@pytest.fixture
async def world():
    made = World()
    await made.count(300)
    await made.store.follow(0, {f"entity:{name}": None for name in NAMES})
    return made


async def test_all_that_wait_are_filled_in_one_reading(world):
    await world.count(400)
    await world.store.follow(0, SCHEME)  # its past is longer
    await world.count(600)

    assert len(await world.fill()) == 121

    assert world.read_so_far == 400
    await world.is_right()
    assert await world.fill() == ()


async def test_what_memory_does_not_hold_waits_for_another_reading_and_schemes_go_first(world):
    await world.store.follow(0, SCHEME)
    await world.count(600)
    filled = [await world.fill(kept=900)]
    while filled[-1]:
        filled.append(await world.fill(kept=900))

    assert filled[0][0] == "scheme:t"
    assert sum(map(len, filled)) == 121
    assert 2 <= len(filled) - 1 <= 6
    await world.is_right()


async def test_memory_is_bounded_and_one_series_always_stays(world):
    wanted = (await world.store.registry(0)).series
    past, held = Past(wanted, KEPT, kept=100), 0
    state = NEW
    for first in range(0, 300, 10):
        step = fold(
            state, world.rows[first : first + 10], L, following(await world.store.registry(0))
        )
        past.add(step)
        state = step.state
        sizes = past._sizes()
        held = max(held, sum(n for name, n in sizes.items() if name in past.wanted))
    assert held <= 100 + 10 * 20

    alone = Past({"all": next(iter(wanted.values()))}, KEPT, kept=1)
    assert not alone.add(fold(NEW, world.rows[:50], L))
    assert [series for series, _, _ in alone.steps()] == ["all"]


@pytest.mark.parametrize("at", [1, 150, 300])
@pytest.mark.parametrize("counted", [False, True])
async def test_a_scheme_dropped_and_added_with_other_words_while_it_is_filled_ends_right(
    world, at, counted
):
    await world.store.follow(0, SCHEME)
    other = {"scheme:t": Scheme(any=("n001", "n007"))}

    async def added_anew():
        await world.store.forget(0, "scheme:t")
        if counted:
            await world.count(310)
        await world.store.follow(0, other)

    world.happens[at] = added_anew
    first = await world.fill()
    assert "scheme:t" not in first
    assert await world.fill() == ("scheme:t",)
    await world.count(600)

    assert (await world.store.registry(0)).series["scheme:t"].scheme == other["scheme:t"]
    await world.is_right()


async def test_what_is_dropped_while_it_is_filled_stays_dropped(world):
    async def dropped():
        await world.store.forget(0, "entity:n003")

    world.happens[200] = dropped
    assert len(await world.fill()) == 119
    await world.count(600)
    await world.is_right()


async def test_a_fill_that_is_told_to_stop_writes_nothing(world):
    stop = asyncio.Event()
    filling = Filling(world.store, world, L, KEPT, stop)

    async def stopped():
        stop.set()

    world.happens[250] = stopped
    assert await filling.fill(0) == ()
    assert len(await world.fill()) == 120
    await world.count(600)
    await world.is_right()


async def test_a_fill_that_is_told_to_stop_while_it_writes_goes_on_later(world):
    stop, fill = asyncio.Event(), world.store.fill

    async def stopping(*arguments):
        stop.set()
        return await fill(*arguments)

    world.store.fill = stopping
    assert await Filling(world.store, world, L, KEPT, stop).fill(0) == ("entity:n000",)
    world.store.fill = fill
    assert len(await world.fill()) == 119
    await world.count(600)
    await world.is_right()
