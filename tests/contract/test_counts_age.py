"""What is too old goes: a few windows in each step, and no fewer than it may begin."""

import pytest

from consumers.counts.core.levels import CellHash
from tests.contract.test_counts_contract import NEW, World, step_of
from tests.count_world import T0, mark, opinion


@pytest.fixture(params=["twin", "valkey", "cluster"])
def world(request):
    port = {
        "twin": lambda: 0,
        "valkey": lambda: request.getfixturevalue("valkey_port"),
        "cluster": lambda: request.getfixturevalue("valkey_cluster_ports")[0],
    }[request.param]()
    return World(request.param, port)


async def test_what_the_newest_mark_has_left_behind_is_deleted_a_few_at_a_time(world):
    hour = 3_600_000
    async with world.open() as store:  # minutes are kept for an hour
        topics = tuple(f"t{n}" for n in range(70))
        step = step_of(NEW, opinion(0, at=T0, topics=topics))
        await store.step(0, None, step)
        state = step.state

        async def minutes():
            return [h for h in await store.hashes(0) if h.level == "minute"]

        for left, at in ((71, T0 + 2 * hour - 1), (7, T0 + 2 * hour), (0, T0 + 2 * hour + 1)):
            step = step_of(state, mark(at, 0))
            assert await store.step(0, state, step) is None
            state = step.state
            assert len(await minutes()) == left
        assert (await store.snapshot(0, [CellHash("minute", "all", T0 // hour)])).cells == {}
        assert len([h for h in await store.hashes(0) if h.level == "hour"]) == 71


async def test_a_log_of_days_folded_in_one_go_leaves_no_heap_behind(world):
    hour = 3_600_000
    async with world.open() as store:  # minutes are kept for an hour
        topics = tuple(f"t{n}" for n in range(100))
        state = None
        for n in range(20):
            at = T0 + n * 3 * hour
            rows = opinion(n, at=at, topics=topics, label="negative"), mark(at, n)
            step = step_of(state or NEW, *rows)
            assert await store.step(0, state, step) is None
            state = step.state
        minutes = [h for h in await store.hashes(0) if h.level == "minute"]
        assert len(minutes) <= 2 * 101


async def test_what_a_step_puts_into_a_window_that_its_own_mark_leaves_behind_goes_with_it(world):
    hour = 3_600_000
    async with world.open() as store:
        first = step_of(NEW, opinion(0, at=T0))
        await store.step(0, None, first)
        second = step_of(first.state, opinion(1, at=T0 + 1), mark(T0 + 9 * hour, 1))
        assert await store.step(0, first.state, second) is None
        assert not [h for h in await store.hashes(0) if h.level == "minute"]
