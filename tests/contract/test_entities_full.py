"""Ten thousand entities over Valkey: who gets in while names flood in, and who makes room when it is full."""

import time

import pytest

from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.following import ENTITIES, following
from consumers.counts.core.state import PartitionState
from consumers.counts.core.strangers import NEEDED, STRANGERS, WINDOW
from consumers.counts.series import Series
from groundswell.events import Entity
from groundswell.series import ENTITIES_KEPT
from groundswell.settings import Settings
from tests.count_world import T0, L, opinion, records

MINUTE = T0 // 60_000
OLD = [f"old{n}" for n in range(ENTITIES - 10)]
HEAVY = [f"entity:heavy{n}" for n in range(20)]
FLOOD = 9000
"""Names between two stories of a heavy one: in three floods more than are remembered."""


async def counted(store):
    """Follow all but ten that may be, and count each once."""
    await store.follow(0, {f"entity:{name}": None for name in OLD})
    rows = []
    for n, first in enumerate(range(0, len(OLD), ENTITIES_KEPT)):
        some = OLD[first : first + ENTITIES_KEPT]
        named = tuple(Entity(text=name, type="ORG", start=0, end=1) for name in some)
        rows.append(opinion(n, at=T0 + n, entities=named))
    step = fold(PartitionState(), records(*rows), L, following(await store.registry(0)))
    assert await store.step(0, None, step) is None


async def flood(series, number, minute):
    """Meet each of the heavy among names that occur once; return who is let in."""
    names = [(f"entity:once{number}x{n}", minute) for n in range(FLOOD)]
    places = range(0, len(names), len(names) // len(HEAVY))
    for place, heavy in zip(places, HEAVY, strict=False):
        names[place] = (heavy, minute)
    found = []
    for first in range(0, len(names), 5000):
        series.met(tuple(names[first : first + 5000]))
        found += await series.introduce()
    return found


async def entities(store):
    return set((await store.registry(0)).series)


@pytest.fixture
async def store(valkey_url):
    opened = open_counts(Settings(redis_url=valkey_url, redis_prefix=f"full{time.time_ns()}"))
    yield opened
    await opened.close()


async def test_ten_thousand_are_followed_at_most_and_the_heaviest_get_in(store):
    assert FLOOD < STRANGERS < FLOOD * NEEDED
    series = Series(store, 1)
    await counted(store)

    let_in = [await flood(series, number, MINUTE + number) for number in range(NEEDED)]
    assert let_in[:-1] == [[]] * (NEEDED - 1)
    assert let_in[-1] == HEAVY[:10]
    followed = await entities(store)
    assert len(followed) == ENTITIES
    assert followed == {*HEAVY[:10], *(f"entity:{name}" for name in OLD)}

    for number in range(NEEDED):  # nobody has been quiet for a day: the others wait
        assert await flood(series, NEEDED + number, MINUTE + NEEDED + number) == []
    later = MINUTE + WINDOW + 10
    for number in range(NEEDED):  # now those who had nothing since make room
        let_in = await flood(series, 2 * NEEDED + number, later + number)
    assert let_in == HEAVY[10:]
    followed = await entities(store)
    assert len(followed) == ENTITIES
    assert set(HEAVY[10:]) <= followed
    assert not any(name.startswith("entity:once") for name in followed)
