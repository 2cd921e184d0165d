"""The loop of `count` over the log and the counts in memory."""

import asyncio
import copy

import pytest
from prometheus_client import CollectorRegistry

from consumers.adapters.http import Health
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.counts import loop as loop_module
from consumers.counts import patience
from consumers.counts.loop import COMPARE_SECONDS, Counting
from consumers.counts.metrics import Metrics
from groundswell.errors import CannotStart, Transient
from groundswell.events import encode_log
from groundswell.settings import Settings
from tests.count_world import Clock, FlakyCounts, mark, opinion, refusal

TOPIC = "opinions"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(loop_module, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.002)


class World:
    """A log, a store, and counters that share them."""

    def __init__(self, partitions=1):
        self.clock = Clock()
        self.log = MemoryLog(self.clock)
        self.log.create(TOPIC, partitions)
        self.store = FlakyCounts()
        self.stop = asyncio.Event()
        self.health = Health()
        self.metrics = Metrics(CollectorRegistry())

    def counting(self, group="count"):
        reader = MemoryReader(self.log, TOPIC, group)
        parts = (reader, self.store, self.clock, self.health, self.metrics, self.stop)
        return Counting(Settings(poll_interval_ms=1), *parts), reader

    async def started(self, group="count"):
        counting, reader = self.counting(group)
        await reader.start(counting)
        return counting

    def write(self, *rows, partition=0):
        self.log.append(TOPIC, partition, [encode_log(row) for row in rows])

    async def turns(self, counting, number=4, seconds=0.0):
        for _ in range(number):
            self.clock.seconds += seconds
            await counting.turn()

    def totals(self, partition=0):
        return self.store.shards[0].states[partition].totals

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"groundswell_count_{name}", labels)


async def test_what_comes_is_counted_and_the_position_committed():
    world = World(2)
    counting = await world.started()
    world.write(opinion(0), opinion(1), refusal(2))
    world.write(opinion(0, partition=1), partition=1)
    await world.turns(counting, seconds=1)

    assert (world.totals().counted, world.totals().refusals) == (2, 1)
    assert world.totals(1).counted == 1
    assert {p: c[0] for p, c in world.log.committed("count", TOPIC).items()} == {0: 3, 1: 1}
    assert world.health.ready
    assert world.metric("counted_total") == 3
    assert world.metric("refused_total", reason="no_text") == 1
    assert world.metric("latency_seconds_count") == 3
    assert world.metric("lag", partition="0") == 0
    assert world.metric("redis_up") == 1


async def test_it_goes_on_where_the_store_stands_not_where_the_group_does():
    world = World()
    first = await world.started()
    world.write(opinion(0), opinion(1))
    await world.turns(first, seconds=1)
    world.log.committed("count", TOPIC)
    second = await world.started("another")
    world.write(opinion(2))
    await world.turns(second)

    assert world.totals().counted == 3
    assert world.totals().repeats == 0


async def test_a_store_that_is_away_at_the_assignment_is_waited_for():
    world = World()
    world.store.away = True
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting, seconds=10)

    assert world.store.shards[0].states == {}
    assert "away" in world.health.parts["redis"]
    assert not world.health.ready
    assert world.metric("redis_up") == 0

    world.store.away = False
    await world.turns(counting, seconds=10)

    assert world.totals().counted == 1
    assert world.health.parts["redis"] == "ok"


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_step_that_fails_is_done_once(fault):
    world = World()
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting)
    world.store.faults.extend([fault, fault])
    world.write(opinion(1), opinion(2))
    await world.turns(counting, 8, seconds=10)

    assert (world.totals().counted, world.totals().repeats) == (3, 0)
    assert world.health.parts["redis"] == "ok"


async def test_a_store_that_is_emptied_fills_again_without_news():
    world = World()
    counting = await world.started()
    world.write(opinion(0), opinion(1), mark(1, 1))
    await world.turns(counting)
    before = world.store.shards[0].cells
    world.store.shards = FlakyCounts().shards
    await world.turns(counting, seconds=COMPARE_SECONDS)

    assert world.totals().counted == 2
    assert world.store.shards[0].cells == before
    assert world.metric("mismatches_total") == 1


async def test_a_store_put_back_under_a_running_counter_is_exact():
    world = World()
    counting = await world.started()
    world.write(opinion(0), opinion(1))
    await world.turns(counting)
    snapshot = copy.deepcopy(world.store.shards)
    world.write(opinion(2), opinion(3))
    await world.turns(counting)
    world.store.shards = snapshot
    world.write(opinion(4))
    await world.turns(counting)

    assert (world.totals().counted, world.totals().repeats) == (5, 0)
    assert world.metric("mismatches_total") == 1


async def test_two_counters_on_one_partition_count_once():
    world = World()
    first, second = await world.started("one"), await world.started("two")
    offset = 0
    for _ in range(6):
        world.write(opinion(offset), opinion(offset + 1))
        offset += 2
        await world.turns(second if offset % 4 else first, 1)
    await world.turns(first, 3, seconds=COMPARE_SECONDS)

    assert (world.totals().counted, world.totals().repeats) == (12, 0)
    assert world.metric("mismatches_total") > 0


async def test_a_position_that_retention_has_overtaken_is_named_and_counted():
    world = World()
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting)
    world.write(*(opinion(n) for n in range(1, 6)))
    world.log.delete_records(TOPIC, 0, 4)
    await world.turns(counting, seconds=COMPARE_SECONDS)

    assert world.totals().log_lost == 3
    assert (world.totals().counted, world.totals().lost) == (3, 3)


async def test_a_log_made_anew_is_named_and_read_from_its_beginning():
    world = World()
    counting = await world.started()
    world.write(opinion(0), opinion(1), opinion(2))
    await world.turns(counting)
    world.log.create(TOPIC, 1)
    world.write(opinion(2), opinion(3))
    await world.log.settle("count", TOPIC)
    await world.turns(counting)

    assert (world.totals().counted, world.totals().repeats) == (4, 1)
    assert world.totals().log_recreated == 1
    assert world.metric("log_recreated_total") == 1


async def test_what_a_start_finds_is_written_down_without_news():
    world = World()
    counting = await world.started()
    world.write(opinion(0))
    await world.turns(counting)
    world.log.create(TOPIC, 1)
    await world.log.settle("count", TOPIC)
    await world.turns(counting, seconds=COMPARE_SECONDS)

    assert world.totals().log_recreated == 1


async def test_a_revoked_partition_is_forgotten():
    world = World(2)
    first = await world.started()
    await world.turns(first)
    second = await world.started()
    world.write(opinion(0, partition=1), partition=1)
    await world.turns(second, seconds=COMPARE_SECONDS)
    await world.turns(first, seconds=COMPARE_SECONDS)

    assert world.totals(1).counted == 1
    assert sorted(first._shares) == [0]
    assert sorted(second._shares) == [1]


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
