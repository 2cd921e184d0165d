"""The loop of `count` over the log and the counts in memory."""

import copy

import pytest

from consumers.counts.loop import COMPARE_SECONDS
from tests.count_loop_world import TOPIC, World, without_waiting
from tests.count_world import FlakyCounts, mark, opinion, refusal


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    without_waiting(monkeypatch)


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
