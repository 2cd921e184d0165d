"""Processes of `watch` killed at random, before and after a write has landed: nothing else comes out."""

import asyncio
import random

import pytest

from consumers.records.database import DatabaseRecords
from consumers.records.engine import engine_of
from consumers.records.memory import MemoryRecords
from consumers.records.ports import Filter
from consumers.records.schema import upgrade
from consumers.watch.core.events import Limits
from consumers.watch.core.evidence import Seen
from consumers.watch.core.tiers import hash_of, tiers_of
from consumers.watch.lists import grave_events
from consumers.watch.loop import LEASE_MS
from consumers.watch.ports import Story
from groundswell.errors import Transient
from tests.watch_loop_world import HOURS, START, World, cells

WIRE = hash_of("wire")
OUT = range(START + 52 * 60, START + 55 * 60)
END = START + 57 * 60
LEARNT = START + HOURS * 60 - 1


class Killed(Exception):  # it is no error
    """The process ends here."""


class Dying:
    """Records whose callers are killed at random, before or after what they write has landed."""

    deaths = 0
    rng = random.Random(0)

    async def commit_minute(self, lease, minute):
        what = self.rng.choice(("live", "live", "before", "after", "away"))
        if what == "before":
            self.deaths += 1
            raise Killed
        if what == "away":
            raise Transient("the database is away")
        answer = await super().commit_minute(lease, minute)  # type: ignore[misc]
        if what == "after":
            self.deaths += 1
            raise Killed
        return answer


class DyingInMemory(Dying, MemoryRecords):
    """In memory."""


class DyingOnDisk(Dying, DatabaseRecords):
    """In SQLite."""


def on_disk(folder, clock):
    engine = engine_of(f"sqlite:///{folder / 'records.db'}")
    upgrade(engine)
    return DyingOnDisk(engine, lambda _: clock.wall())


def world_of():
    world = World(tiers=tiers_of(["wire"]), graves=grave_events(), limits=Limits(2, 90))
    made = cells(length=60, hours=58)
    for minute, held in made.items():
        if minute in OUT:
            held.clear()
        for name, seen in held.items():
            held[name] = seen._replace(sources=(WIRE, 2))
    title = "Acme files for bankruptcy"
    world.counts.news = {
        "all": [
            Story(f"s{n}", f"{title} ({n})", "wire", "", m * 60_000, 0.95, minute=m)
            for n, m in enumerate(range(LEARNT, END, 47))
        ]
    }
    for story in world.counts.news["all"]:
        made[story.minute]["all"] = Seen(1, 1, sources=(WIRE,), bundles=(7,))
    world.counts.cells = made
    return world


async def outcome(world):
    alerts = (await world.records.alerts(Filter(), limit=1000)).alerts
    history = [
        [
            (t.minute, t.before, t.after, t.cause, t.evidence)
            for t in await world.records.history(a.id)
        ]
        for a in alerts
    ]
    seen = [(a.id, a.state, a.evidence, a.peak, a.inhibited_by, a.verdict) for a in alerts]
    return seen, history, (await world.records.load()).states


@pytest.fixture(scope="module")
def whole():
    async def run():
        world = world_of()
        watching = world.process("a")
        await world.until(LEARNT, watching)
        for minute in range(LEARNT + 60, END, 60):
            await world.until(minute, watching)
        await world.until(END, watching)
        return await outcome(world)

    return asyncio.run(run())


def test_the_run_has_every_kind_of_alert(whole):
    seen, _, states = whole

    assert len(seen) > 10
    assert {name[:2] for name in states} >= {"s:", "b:", "q:", "ev"}
    assert {s[5].judgement for s in seen if s[5]} >= {"hit", "void"}


@pytest.mark.parametrize(("seed", "disk"), [(0, False), (1, False), (2, False), (3, True)])
async def test_killed_at_random_the_outcome_is_the_same(whole, seed, disk, tmp_path):
    rng = random.Random(seed)
    world = world_of()
    clock = world.clock
    world.records = on_disk(tmp_path, clock) if disk else DyingInMemory(clock.wall)
    world.records.rng = rng
    number, minute = 0, LEARNT
    watching = world.process("0")
    while True:
        world.counts.advance(minute)
        try:
            await watching.turn()
        except Killed:
            number += 1
            watching = world.process(str(number))
            world.clock.seconds += LEASE_MS / 1000
        except Transient:
            pass
        world.clock.seconds += 1
        if (await world.records.load()).minute == minute:
            if minute == END:
                break
            minute = min(END, minute + rng.choice((1, 7, 60)))

    assert world.records.deaths > 5
    assert await outcome(world) == whole
    await world.records.close()
