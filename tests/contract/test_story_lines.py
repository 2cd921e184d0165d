"""The contract of story lines: the same over the twin, Valkey and a cluster of three nodes."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.asyncio import Redis

from consumers.adapters import keys
from consumers.adapters.redis_counts import open_counts
from consumers.counts.core import shelf
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import Shelf
from consumers.counts.core.shelf import COPIES, STORIES
from groundswell.settings import Settings
from tests.contract.test_counts_contract import MINUTE, NEW, World, step_of
from tests.count_world import T0, L, mark, opinion, records

HOUR = 3_600_000


@pytest.fixture(params=["twin", "valkey", "cluster"])
def world(request):
    port = {
        "twin": lambda: 0,
        "valkey": lambda: request.getfixturevalue("valkey_port"),
        "cluster": lambda: request.getfixturevalue("valkey_cluster_ports")[0],
    }[request.param]()
    return World(request.param, port)


async def told(store, series="all", first=MINUTE, last=MINUTE + 100, limit=1000):
    return [line.offset for line in await store.stories(series, first, last, limit)]


async def test_a_line_says_what_an_alert_shows(world):
    async with world.open() as store:
        item = opinion(
            3,
            at=T0 + 5000,
            published=T0 - 1000,
            negative=0.75,
            topics=("rates", "credit"),
            url="https://example.org/a",
            story="news@n/0/1",
            new_in=("topic:rates",),
        )
        await store.step(0, None, fold(NEW, records(item, first=40), L))

        (line,) = await store.stories("topic:rates", MINUTE - 1, MINUTE, 10)
        assert (line.minute, line.late, line.new) == (MINUTE - 1, False, True)
        assert (line.id, line.story, line.title) == ("i3", "news@n/0/1", "t")
        assert (line.source, line.url, line.bundle) == ("wire", "https://example.org/a", "b@1")
        assert (line.published, line.arrived) == (T0 - 1000, T0 + 5000)
        assert line.probabilities == (0.75, 0.125, 0.125)
        assert line.topics == (("credit", 0.9), ("rates", 0.9))
        assert (line.topic, line.topic_id, line.partition, line.offset) == ("news", "n", 0, 3)
        assert (line.log_partition, line.log_offset) == (0, 40)
        (copy,) = await store.stories("all", MINUTE - 1, MINUTE, 10)
        assert not copy.new


async def test_only_negative_items_are_kept_and_only_minutes_asked_for_are_read(world):
    async with world.open() as store:
        rows = [opinion(n, at=T0 + n * 60_000) for n in range(3)]
        rows.append(opinion(3, at=T0 + 60_000, label="positive"))
        await store.step(0, None, step_of(NEW, *rows))

        assert await told(store) == [0, 1, 2]
        assert await told(store, first=MINUTE + 1, last=MINUTE + 1) == [1]
        assert await told(store, "topic:rates", last=MINUTE) == [0]
        assert await told(store, "nothing") == []


async def test_a_shelf_keeps_its_newest_lines_and_copies_push_no_story_out(world):
    async with world.open() as store:
        stories = [opinion(n, at=T0 + n * 1000, new_in=("all",)) for n in range(60)]
        copies = [opinion(60 + n, at=T0 + (60 + n) * 1000, new_in=()) for n in range(200)]
        state, held = NEW, None
        for rows in (stories[:45], stories[45:], copies):
            step = step_of(state, *rows)
            assert await store.step(0, held, step) is None
            state = held = step.state

        kept = [*range(180, 210), *range(240, 260)]  # of a minute's equally sure ones the oldest
        assert len(kept) == COPIES.newest
        assert await told(store) == [*range(50), 60, 61, 120, 121, *kept]
        assert await told(store, limit=52) == [*range(50), 258, 259]
        assert await told(store, limit=3) == [47, 48, 49]
        assert await told(store, limit=0) == []


async def test_of_every_minute_the_surest_stay_however_many_came_since(world):
    """Nine stories a minute for ten hours, the fourth of each minute the surest."""
    minutes = 600
    async with world.open() as store:
        rows = [
            opinion(n, at=T0 + n // 9 * 60_000 + n % 9 * 1000, negative=0.9 - abs(n % 9 - 3) / 20)
            for n in range(9 * minutes)
        ]
        state, held = NEW, None
        for first in range(0, len(rows), 400):
            step = step_of(state, *rows[first : first + 400])
            assert await store.step(0, held, step) is None
            state = held = step.state

        async def of_minute(age):
            minute = MINUTE + minutes - 1 - age
            lines = await store.lines(Shelf("all", new=True), minute, minute)
            return sorted(line.offset % 9 for line in lines)

        assert await of_minute(0) == await of_minute(3) == [*range(9)]
        assert await of_minute(30) == await of_minute(59) == [1, 2, 3, 4, 5]
        assert await of_minute(60) == await of_minute(300) == await of_minute(479) == [3]
        assert await of_minute(480) == []
        lines = await store.lines(Shelf("all", new=True), MINUTE, MINUTE + minutes)
        assert len(lines) == len(set(lines)) <= STORIES.most


async def shelved(world, seed):
    """Count random items in random steps; return what both shelves of two series keep."""
    rng = random.Random(seed)
    async with world.open() as store:
        state, held, at = NEW, None, T0
        for _ in range(rng.randrange(1, 12)):
            rows: list[object] = []
            for _ in range(rng.randrange(1, 25)):
                at += rng.choice([0, 1000, 20_000, 70_000])
                offset = (state.fences[0].offset + 1 if state.fences else 0) + len(rows)
                fields = {
                    "negative": rng.choice([0.5, 0.7, 0.9]),
                    "new_in": rng.choice([(), ("all",)]),
                }
                rows.append(
                    opinion(offset, at=at, published=at - rng.choice([0, 90_000]), **fields)
                )
            step = step_of(state, *rows)
            assert await store.step(0, held, step) is None
            state = held = step.state
        shelves = [Shelf("all", new=True), Shelf("all", new=False), Shelf("topic:rates", new=True)]
        return (await store.snapshot(0, (), shelves)).lines


@given(seed=st.integers(0, 2**32))
def test_the_script_keeps_what_the_rule_keeps(valkey_port, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "STORIES", shelf.Keeping(3, ((2, 3), (4, 2), (9, 1))))
        patch.setattr(shelf, "COPIES", shelf.Keeping(2, ((3, 1),)))
        twin, real = (
            asyncio.run(shelved(World(kind, valkey_port), seed)) for kind in ("twin", "valkey")
        )
    assert twin == real


async def test_a_redis_shelf_holds_little_more_than_it_keeps(valkey_port):
    store = open_counts(Settings(redis_url=f"redis://127.0.0.1:{valkey_port}", redis_prefix="much"))
    async with Redis(port=valkey_port) as raw:
        state, held = NEW, None
        for first in range(0, 6000, 300):
            rows = [opinion(n, at=T0 + n * 6000) for n in range(first, first + 300)]
            step = step_of(state, *rows)
            await store.step(0, held, step)
            state = held = step.state
            assert await raw.zcard(keys.lines("much", 0, Shelf("all", new=True))) <= STORIES.allowed
    await store.close()


async def test_readers_add_the_lines_of_shards_up(world):
    async with world.open() as store:
        for partition in range(3):
            rows = [opinion(n, at=T0 + n * 1000 + partition, partition=partition) for n in (0, 1)]
            assert await store.step(partition, None, step_of(NEW, *rows)) is None

        lines = await store.stories("all", MINUTE, MINUTE, 4)
        assert [(line.offset, line.partition) for line in lines] == [(0, 2), (1, 0), (1, 1), (1, 2)]


async def test_what_the_mark_has_left_behind_goes_with_its_shelf(world):
    async with world.open() as store:  # minutes are kept for an hour
        first = step_of(NEW, opinion(0, topics=("old",)), opinion(1, topics=("busy",)))
        await store.step(0, None, first)
        second = step_of(
            first.state, mark(T0 + 2 * HOUR, 1), opinion(2, at=T0 + 2 * HOUR, topics=("busy",))
        )
        await store.step(0, first.state, second)

        assert {s.series for s in await store.shelves(0)} == {"all", "topic:busy"}
        assert await told(store, "topic:busy", last=MINUTE + 200) == [2]


async def test_only_series_touched_since_a_minute_are_named(world):
    async with world.open() as store:
        rows = [opinion(n, at=T0 + n * 60_000, topics=(f"t{n}",)) for n in range(3)]
        await store.step(0, None, step_of(NEW, *rows))
        await store.step(1, None, step_of(NEW, opinion(0, at=T0 + 60_000, topics=("t0",))))

        assert await store.touched(MINUTE + 2) == {"all": MINUTE + 2, "topic:t2": MINUTE + 2}
        assert (await store.touched(MINUTE + 1))["topic:t0"] == MINUTE + 1
        assert await store.touched(MINUTE + 3) == {}


async def test_a_span_goes_on_with_each_step_and_begins_anew_with_a_log_made_anew(world):
    async with world.open() as store:
        one = step_of(NEW, opinion(0), opinion(1))
        two = step_of(one.state, opinion(2))
        await store.step(0, None, one)
        await store.step(0, one.state, two)
        assert (await store.snapshot(0, ())).spans == {0: (0, 3)}

        totals = replace(two.state.totals, log_recreated=1)
        anew = fold(replace(two.state, position=2, totals=totals), (), L)
        await store.step(0, two.state, anew)
        assert (await store.snapshot(0, ())).spans == {0: (2, 2)}


async def test_a_span_begins_anew_where_another_release_has_counted_in_between(valkey_port):
    url = f"redis://127.0.0.1:{valkey_port}"
    store = open_counts(Settings(redis_url=url, redis_prefix="spans"))
    async with Redis(port=valkey_port) as raw:
        one = step_of(NEW, opinion(0), opinion(1))
        two = step_of(one.state, opinion(2))
        await store.step(0, None, one)
        await raw.hset(keys.spans("spans", 0), "0", "0 1")

        await store.step(0, one.state, two)
        assert (await store.snapshot(0, ())).spans == {0: (2, 3)}

        await raw.delete(keys.spans("spans", 0))  # as a release without lines leaves it
        await store.step(0, two.state, step_of(two.state, opinion(3)))
        assert (await store.snapshot(0, ())).spans == {0: (3, 4)}
    await store.close()
