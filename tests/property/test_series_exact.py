"""
Series that are followed, filled and dropped at any moment are counted exactly.

Counters come and go with what they knew of the registry, and fills are cut anywhere; at every moment
`recount` finds no difference, and in the end the counts are those of a fold that followed from the start.
"""

import asyncio
import contextlib
import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from consumers.adapters.memory_counts import MemoryCounts, Shard
from consumers.counts.core.fold import fold
from consumers.counts.core.following import NOBODY, Following, following
from consumers.counts.core.start import start_from
from consumers.counts.filling import Filling
from consumers.counts.ports import Changed
from consumers.counts.recount import Recount
from consumers.ports import Bounds
from groundswell.errors import Transient
from groundswell.events import Entity
from groundswell.schemes import Lookout, Scheme
from tests.count_world import KEPT, T0, L, mark, random_opinion, records

NAMES = ("Norvik AG", "The Aldermoor Group Inc.", "Torvenia")
SERIES = {"entity:norvik": None, "entity:aldermoor group": None}
SCHEMES = {
    "scheme:t": Scheme(must=("t",)),
    "scheme:n": Scheme(any=("norvik", "东"), exclude=("x",)),
}
OTHER_WORDS = {"scheme:t": Scheme(must=("norvik",)), "scheme:n": Scheme(any=("t",))}
FOLLOWED = {**SERIES, **SCHEMES}
SHARDS = 2


class Log:
    """
    A log of three partitions, as a scan.

    A read ends with ``Transient`` after ``patience`` records; after as many as it names, ``happens`` does.
    """

    def __init__(self, rng):
        self.patience = 10**9
        self.happens = None
        self.rows = {}
        for partition in range(3):
            rows = []
            for n in range(rng.randrange(5, 40)):
                names = rng.sample(NAMES, rng.randrange(3))
                entities = tuple(Entity(text=t, type="ORG", start=0, end=1) for t in names)
                rows.append(random_opinion(rng, n, partition=partition, entities=entities))
                if rng.random() < 0.1:
                    rows += [rows[-1], mark(T0 + n * 20_000, n)]
            self.rows[partition] = records(*rows, partition=partition)

    async def bounds(self):
        return {p: (0, len(rows)) for p, rows in self.rows.items()}

    async def read(self, partition, first, end):
        for row in self.rows[partition][first:end]:
            if self.patience <= 0:
                raise Transient("the scan was cut, as a test wanted")
            self.patience -= 1
            if self.happens and self.patience <= self.happens[0]:
                happens, self.happens = self.happens[1], None
                await happens()
            yield row

    async def close(self):
        return


async def count(rng, log, store, known):
    """Count some of a partition, as a counter does that knows ``known``."""
    partition = rng.randrange(3)
    shard = partition % SHARDS
    held = await store.state(partition)
    state = start_from(held, Bounds(held and held.position, "", 0, 10**6, "o")).state
    rows = log.rows[partition][state.position :][: rng.randrange(1, 12)]
    if not rows:
        return False
    step = fold(state, rows, L, known.get(shard, NOBODY))
    if isinstance(await store.step(partition, held, step), Changed):
        known[shard] = following(await store.registry(shard))
    return True


async def recounted(log, store):
    return await Recount(log, store, SHARDS, L, KEPT).run()


async def history(seed):
    rng = random.Random(seed)
    log, store = Log(rng), MemoryCounts(SHARDS, KEPT)
    filling = Filling(store, log, L, KEPT, asyncio.Event(), rng.choice([1, 30, 10**6]))
    counters = [{}, {}]  # type: ignore[var-annotated]
    for _ in range(rng.randrange(10, 60)):
        chance = rng.random()
        if chance < 0.7:
            await count(rng, log, store, rng.choice(counters))
        elif chance < 0.8:
            name = rng.choice(list(FOLLOWED))
            await store.follow(rng.randrange(SHARDS), {name: FOLLOWED[name]})
        elif chance < 0.85:
            await store.forget(rng.randrange(SHARDS), rng.choice(list(FOLLOWED)))
        else:
            log.patience = rng.choice([0, 5, 20, 10**9])
            shard = rng.randrange(SHARDS)
            if rng.random() < 0.3:
                log.happens = (
                    log.patience - rng.randrange(20),
                    partial(redefined, rng, store, shard),
                )
            with contextlib.suppress(Transient):
                await filling.fill(shard)
            log.happens = None
        log.patience = 10**9
        if rng.random() < 0.1:
            report = await recounted(log, store)
            assert report.same, report.examples
    await finish(rng, log, store, filling)
    return log, store


async def redefined(rng, store, shard):
    """Drop a scheme and follow it again, by the same words or by others."""
    name = rng.choice(list(OTHER_WORDS))
    await store.forget(shard, name)
    await store.follow(shard, {name: rng.choice([FOLLOWED, OTHER_WORDS])[name]})


async def finish(rng, log, store, filling):
    """Follow everything, count everything, fill everything."""
    known = {}  # type: ignore[var-annotated]
    for shard in range(SHARDS):
        for name, held in (await store.registry(shard)).series.items():
            if held.scheme != FOLLOWED[name]:
                await store.forget(shard, name)
        await store.follow(shard, FOLLOWED)
    while any([await count(rng, log, store, known) for _ in range(30)]):
        pass
    for shard in range(SHARDS):
        while await filling.fill(shard):
            pass


def from_the_start(log, shard):
    """Return what a shard holds that followed everything from the start."""
    whole = Shard()
    everyone = Following(entities=frozenset(SERIES), schemes=Lookout(SCHEMES))
    for partition, rows in log.rows.items():
        if partition % SHARDS == shard:
            state = start_from(None, Bounds(None, "", 0, len(rows), "o")).state
            whole.add(partition, fold(state, rows, L, everyone), KEPT)
    return whole


@given(st.integers(0, 2**32))
def test_series_count_exactly_whenever_they_are_followed(seed):
    async def run():
        log, store = await history(seed)
        report = await recounted(log, store)
        assert report.same, report.examples
        for number, held in enumerate(store.shards):
            whole = from_the_start(log, number)
            assert held.cells == whole.cells
            assert held.lines == whole.lines
            assert held.series == whole.series
            assert all(f.since == () for f in held.registry.series.values())

    asyncio.run(run())
