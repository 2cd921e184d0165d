"""The contract of the series that are followed: the same over the twin, Valkey and a cluster."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core import strangers
from consumers.counts.core.fold import fold
from consumers.counts.core.following import Registry, Since, following
from consumers.counts.core.step import Step
from consumers.counts.ports import Changed, Held
from groundswell.events import Entity
from groundswell.schemes import Scheme
from tests.contract.test_counts_contract import MINUTE, NEW, World, everything
from tests.count_world import T0, L, opinion, records

NORVIK = "entity:norvik"
RATES = Scheme(any=("t",))


@pytest.fixture(params=["twin", "valkey", "cluster"])
def world(request):
    port = {
        "twin": lambda: 0,
        "valkey": lambda: request.getfixturevalue("valkey_port"),
        "cluster": lambda: request.getfixturevalue("valkey_cluster_ports")[0],
    }[request.param]()
    return World(request.param, port)


def named(offset, text="Norvik AG", **fields):
    return opinion(offset, entities=(Entity(text=text, type="ORG", start=0, end=6),), **fields)


async def counted(store, state, *rows, partition=0):
    """Count rows of the log under what is followed now."""
    now = following(await store.registry(partition % 2))
    first = 0 if state is None else state.position
    step = fold(state or NEW, records(*rows, first=first, partition=partition), L, now)
    assert await store.step(partition, state, step) is None
    return step.state


async def items(store, series):
    cells = await store.cells([series], "minute", MINUTE, MINUTE + 60)
    return sum(sum(t.items) for t in cells[series].values())


async def test_nobody_is_followed_at_first(world):
    async with world.open() as store:
        assert await store.registry(0) == Registry("", {})
        await counted(store, None, named(0))
        assert await items(store, NORVIK) == 0
        assert await items(store, "all") == 1


async def test_a_series_counts_from_where_each_partition_stands(world):
    async with world.open() as store:
        state = await counted(store, None, named(0))
        other = await counted(
            store, None, named(0, partition=2), named(1, partition=2), partition=2
        )
        await store.follow(0, {NORVIK: None, "scheme:t": RATES})

        registry = await store.registry(0)
        assert set(registry.series) == {NORVIK, "scheme:t"}
        assert sorted(registry.series[NORVIK].since) == [
            Since(0, state.log_id, 1),
            Since(2, other.log_id, 2),
        ]
        assert registry.series["scheme:t"].scheme == RATES
        assert registry.series[NORVIK].scheme is None
        await counted(store, state, named(1), named(2, text="Aldermoor"))
        assert (await items(store, NORVIK), await items(store, "scheme:t")) == (1, 2)
        assert (await store.registry(1)).series == {}


async def test_a_step_under_another_registry_writes_nothing(world):
    async with world.open() as store:
        state = await counted(store, None, named(0))
        blind = fold(state, records(named(1), first=1), L)
        await store.follow(0, {NORVIK: None})
        before = await everything(store)

        version = (await store.registry(0)).version
        assert await store.step(0, state, blind) == Changed(version)
        assert await everything(store) == before
        assert isinstance(await store.step(0, blind.state, blind), Held | None)

        await store.forget(0, NORVIK)
        seeing = fold(state, records(named(1), first=1), L)._replace(version=version)
        assert isinstance(await store.step(0, state, seeing), Changed)


async def test_following_again_changes_nothing(world):
    async with world.open() as store:
        state = await counted(store, None, named(0))
        await store.follow(0, {NORVIK: None})
        before = await store.registry(0)
        await counted(store, state, named(1))

        await store.follow(0, {NORVIK: None})

        assert await store.registry(0) == before


async def test_an_empty_store_follows_from_the_beginning(world):
    async with world.open() as store:
        await store.follow(0, {NORVIK: None})
        assert (await store.registry(0)).series[NORVIK].since == ()
        await counted(store, None, named(0))
        assert await items(store, NORVIK) == 1


async def test_what_is_forgotten_goes_with_its_counts(world):
    async with world.open() as store:
        await store.follow(0, {NORVIK: None})
        await counted(store, None, named(0), named(1, at=None), opinion(2, topics=("norvik",)))
        assert any(s.series == NORVIK for s in await store.shelves(0))

        await store.forget(0, NORVIK)

        assert (await store.registry(0)).series == {}
        assert not any(h.series == NORVIK for h in await store.hashes(0))
        assert not any(s.series == NORVIK for s in await store.shelves(0))
        assert await items(store, NORVIK) == 0
        assert NORVIK not in await store.series()
        assert await items(store, "all") == 3
        assert await store.stories(NORVIK, MINUTE, MINUTE + 9, 10) == ()
        before = await everything(store)
        await store.forget(0, NORVIK)
        assert await everything(store) == before


async def test_the_past_comes_in_whole_and_once(world):
    async with world.open() as store:
        rows = [named(n) for n in range(4)]
        state = await counted(store, None, *rows[:3])
        await store.follow(0, {NORVIK: None})
        await counted(store, state, rows[3])
        lacking = (await store.registry(0)).series[NORVIK]
        only = following(await store.registry(0))._replace(plain=False)
        past = fold(NEW, records(*rows[:3]), L, only)

        elsewhere = lacking._replace(since=(Since(0, "n", 77),))
        assert not await store.fill(0, NORVIK, elsewhere, past)
        assert not await store.fill(0, NORVIK, lacking._replace(scheme=RATES), past)
        assert not await store.fill(0, "entity:other", lacking, past)
        assert await items(store, NORVIK) == 1
        version = (await store.registry(0)).version
        assert await store.fill(0, NORVIK, lacking, past)
        assert await items(store, NORVIK) == 4
        assert await store.fill(0, NORVIK, lacking, past)  # an answer was lost
        assert await items(store, NORVIK) == 4

        registry = await store.registry(0)
        assert (registry.series[NORVIK].since, registry.version) == ((), version)
        lines = await store.stories(NORVIK, MINUTE, MINUTE + 9, 10)
        assert [line.offset for line in lines] == [0, 1, 2, 3]
        assert (await store.snapshot(0, ())).spans == {0: (0, 4)}


async def test_the_past_of_other_words_does_not_come_in_though_nothing_counted_meanwhile(world):
    async with world.open() as store:
        await counted(store, None, opinion(0), opinion(1))
        await store.follow(0, {"scheme:t": RATES})
        before = (await store.registry(0)).series["scheme:t"]
        past = fold(NEW, records(opinion(0), opinion(1)), L, following(await store.registry(0)))
        await store.forget(0, "scheme:t")
        await store.follow(0, {"scheme:t": Scheme(must=("oil",))})
        now = (await store.registry(0)).series["scheme:t"]
        assert before.since == now.since

        assert not await store.fill(0, "scheme:t", before, past)
        assert await items(store, "scheme:t") == 0
        assert await store.fill(0, "scheme:t", now, fold(NEW, (), L))
        assert not await store.fill(0, "scheme:t", before, past)


async def test_entities_are_followed_up_to_a_number_and_schemes_beyond(world, monkeypatch):
    for module in ("redis_series", "memory_counts"):
        monkeypatch.setattr(f"consumers.adapters.{module}.ENTITIES", 2)
    async with world.open() as store:
        await store.follow(0, {f"entity:{n}": None for n in "abc"})
        await store.follow(0, {"scheme:t": RATES, "entity:d": None})
        assert set((await store.registry(0)).series) == {"entity:a", "entity:b", "scheme:t"}


async def test_an_entity_is_named_after_enough_stories_in_a_day(world):
    async with world.open() as store:
        few = [(NORVIK, MINUTE + n) for n in range(strangers.NEEDED - 1)]
        assert await store.nominate(few) == ()
        assert await store.nominate([(NORVIK, MINUTE + strangers.WINDOW)]) == ()  # too far apart
        assert await store.nominate([("entity:x", MINUTE)]) == ()
        assert await store.nominate([(NORVIK, MINUTE + strangers.WINDOW)]) == (NORVIK,)
        assert await store.nominate([(NORVIK, MINUTE + strangers.WINDOW)]) == ()  # begins anew
        assert await store.nominate([]) == ()


async def outcome(world, seed):
    rng = random.Random(seed)
    async with world.open() as store:
        return [
            await store.nominate(
                [
                    (f"entity:{int(rng.paretovariate(0.6)) % 40}", rng.randrange(0, 4000))
                    for _ in range(rng.randrange(30))
                ]
            )
            for _ in range(6)
        ]


@given(seed=st.integers(0, 2**32))
def test_the_twin_and_valkey_name_the_same(valkey_port, seed):
    with pytest.MonkeyPatch.context() as patch:
        for module in ("redis_series", "memory_counts"):
            patch.setattr(f"consumers.adapters.{module}.STRANGERS", 8)
        twin, real = (
            asyncio.run(outcome(World(kind, valkey_port), seed)) for kind in ("twin", "valkey")
        )
    assert twin == real


async def test_a_step_of_nothing_names_no_registry():
    assert Step(NEW, {}, {}, {}, (), ()).version == Registry().version


async def test_what_counts_while_it_is_forgotten_leaves_nothing_behind(valkey_port, monkeypatch):
    async with World("valkey", valkey_port).open() as store:
        await store.follow(0, {NORVIK: None})
        state = await counted(store, None, named(0))
        asked = store._client.zscore

        async def then_counted(*arguments):
            """Count a story of the next day between the question and the deletion."""
            answer = await asked(*arguments)
            monkeypatch.setattr(store._client, "zscore", asked)
            await counted(store, state, named(1, at=T0 + 86_400_000))
            return answer

        monkeypatch.setattr(store._client, "zscore", then_counted)
        await store.forget(0, NORVIK)
        assert NORVIK not in await store.series()
        day = T0 // 86_400_000 + 1  # minutes of the day before go by their age
        left = [h for h in await store.hashes(0) if h.series == NORVIK]
        assert not any(h.level != "minute" or h.window >= day * 24 for h in left)
