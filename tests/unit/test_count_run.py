"""The loop of `count`: partitions that go amid a call, its start and its end."""

import asyncio

import pytest

from consumers.counts.loop import COMPARE_SECONDS
from groundswell.errors import CannotStart, Transient
from tests.count_loop_world import TOPIC, World, without_waiting
from tests.count_world import opinion


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    without_waiting(monkeypatch)


class Away:
    """Takes partitions away while a call to the store is under way, and fails that call."""

    def __init__(self, counting):
        self.counting = counting

    async def _taken(self):
        await self.counting.revoked(frozenset({0}))
        raise Transient("away, as a test wanted")

    async def state(self, _partition):
        await self._taken()

    async def step(self, *_):
        await self._taken()


@pytest.mark.parametrize("known", [True, False])
async def test_a_partition_that_goes_during_a_failed_call_is_not_waited_for(known):
    world = World()
    counting = await world.started()
    world.store.away = not known
    await world.turns(counting, 1)
    assert 0 in (counting._shares if known else counting._absent)
    counting._store = Away(counting)
    if known:
        world.write(opinion(0))
    await world.turns(counting, 1, seconds=COMPARE_SECONDS)

    assert not counting._shares
    assert not counting._absent


async def test_a_partition_that_goes_during_a_failed_comparison_is_not_waited_for():
    world = World()
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting, 2)
    counting._store = Away(counting)
    await world.turns(counting, 1, seconds=COMPARE_SECONDS)

    assert not counting._absent


async def test_an_idle_partition_whose_store_goes_away_is_waited_for():
    world = World()
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting, 2)
    world.store.away = True
    await world.turns(counting, 1, seconds=COMPARE_SECONDS)
    assert 0 in counting._absent
    world.store.away = False
    await world.turns(counting, 2, seconds=COMPARE_SECONDS)

    assert 0 in counting._shares


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 # the loop under test has no event for it
            await asyncio.sleep(0.001)


async def test_it_runs_until_it_is_told_to_stop_and_commits():
    world = World()
    world.store.away = world.log.away = True
    counting, _ = world.counting()
    world.write(opinion(0))
    running = asyncio.create_task(counting.run())
    await until(lambda: "away" in world.health.parts.get("redis", ""))
    world.store.away = False
    await until(lambda: "away" in world.health.parts.get("kafka: opinions", ""))
    world.log.away = False
    await until(lambda: 0 in world.store.shards[0].states and world.totals().counted == 1)
    world.log.away = True
    await until(lambda: "away" in world.health.parts["kafka: opinions"])
    world.log.away = False
    world.write(opinion(1))
    await until(lambda: world.totals().counted == 2)
    await until(lambda: world.health.ready)
    world.stop.set()
    await running

    assert world.log.committed("count", TOPIC)[0][0] == 2


async def test_it_can_be_stopped_while_it_waits():
    world = World()
    world.store.away = True
    counting, _ = world.counting()
    running = asyncio.create_task(counting.run())
    await until(lambda: "away" in world.health.parts.get("redis", ""))
    world.stop.set()
    await running

    assert world.store.shards[0].states == {}


async def test_what_the_operator_must_change_ends_it():
    world = World()

    async def prepare():
        raise CannotStart("no")

    counting, _ = world.counting()
    counting._store.prepare = prepare
    with pytest.raises(CannotStart, match="no"):
        await counting.run()
