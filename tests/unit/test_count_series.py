"""The series that `count` follows: learnt when a step is refused, found, filled, brought together."""

import pytest
from structlog.testing import capture_logs

from consumers.counts import series as series_module
from consumers.counts.core.following import resting
from consumers.counts.filling import Filling
from consumers.counts.series import Keeper, Series
from consumers.records.schemes.memory import MemorySchemes
from groundswell.errors import Transient
from groundswell.events import Entity
from groundswell.schemes import Scheme
from tests.count_loop_world import TOPIC, World, without_waiting
from tests.count_world import KEPT, T0, L, opinion, records

NORVIK = "entity:norvik"
MINUTE = T0 // 60_000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    without_waiting(monkeypatch)


def named(offset, text="Norvik AG", **fields):
    return opinion(offset, entities=(Entity(text=text, type="ORG", start=0, end=1),), **fields)


class Scan:
    """The log of a world, as a scan."""

    def __init__(self, world):
        self.world = world
        self.fails = False

    async def bounds(self):
        return {0: (0, len(self.rows()))}

    def rows(self):
        return self.world.rows

    async def read(self, partition, first, end):
        if self.fails:
            raise Transient("the log is away, as a test wanted")
        for row in self.rows()[first:end]:
            yield row

    async def close(self):
        return


class Counted(World):
    """A world whose log is kept for the scan, and a keeper beside its counter."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.schemes = MemorySchemes(lambda: 0)
        self.scan = Scan(self)

    def write(self, *rows, partition=0):
        super().write(*rows, partition=partition)
        self.rows += records(*rows, first=len(self.rows))

    async def begin(self):
        counting = await self.started()
        filling = Filling(self.store, self.scan, L, KEPT, self.stop)
        return counting, Keeper(counting.series, filling, self.schemes, counting.owns, 1)

    async def items(self, series):
        cells = await self.store.cells([series], "minute", MINUTE, MINUTE + 600)
        return sum(sum(t.items) for t in cells[series].values())


async def test_an_entity_is_followed_after_five_stories_and_its_past_is_filled():
    world = Counted()
    counting, keeper = await world.begin()
    world.write(*(named(n) for n in range(4)), named(4, new_in=()))
    await world.turns(counting, 4)
    await keeper.turn()
    assert await world.items(NORVIK) == 0  # the fifth was a copy

    world.write(named(5))
    await world.turns(counting, 2)
    with capture_logs() as logs:
        await keeper.turn()
    assert {"event": "following", "series": NORVIK, "log_level": "info"} in logs
    world.write(named(6), named(7, text="Aldermoor"))
    await world.turns(counting, 6)

    assert await world.items(NORVIK) == 1
    assert world.totals().counted == 8
    await keeper.fill()
    assert await world.items(NORVIK) == 7
    assert (await world.store.registry(0)).series[NORVIK].since == ()


async def test_a_scheme_on_record_is_followed_and_a_dropped_one_is_not():
    world = Counted()
    counting, keeper = await world.begin()
    await world.schemes.add("t", Scheme(must=("t",)))
    world.write(opinion(0))
    await world.turns(counting, 2)
    await keeper.turn()
    world.write(opinion(1), opinion(2))
    await world.turns(counting, 6)
    await keeper.fill()
    assert await world.items("scheme:t") == 3  # two of them live, one filled

    await world.schemes.drop("t")
    for _ in range(5):
        await keeper.turn()
    world.write(opinion(3))
    await world.turns(counting, 6)
    assert await world.items("scheme:t") == 0
    assert world.totals().counted == 4


async def test_what_is_away_is_said_once_and_counting_goes_on():
    world = Counted()
    counting, keeper = await world.begin()
    world.write(*(named(n) for n in range(6)))
    await world.turns(counting, 2)
    world.scan.fails = True
    with capture_logs() as logs:
        for _ in range(3):
            await keeper.turn()
            await keeper.fill()
    assert [entry["part"] for entry in logs if entry["event"] == "waiting"] == ["filling"]
    world.write(named(6))
    await world.turns(counting, 6)
    assert await world.items(NORVIK) == 1
    world.scan.fails = False
    with capture_logs() as logs:
        await keeper.fill()
    filled = {"event": "the past is filled", "number": 1, "series": (NORVIK,), "shard": 0}
    assert {**filled, "log_level": "info"} in logs
    assert await world.items(NORVIK) == 7


async def test_without_records_what_is_followed_stays():
    class Away(MemorySchemes):
        async def schemes(self, *, dropped=False):
            raise Transient("the records are away, as a test wanted")

    world = Counted()
    await world.store.follow(0, {"scheme:t": Scheme(must=("t",))})
    world.schemes = Away(lambda: 0)
    counting, keeper = await world.begin()
    world.write(opinion(0))
    await world.turns(counting, 4)
    with capture_logs() as logs:
        await keeper.turn()

    assert [entry["part"] for entry in logs if entry["event"] == "waiting"] == ["schemes"]
    assert await world.items("scheme:t") == 1


async def test_a_bug_beside_the_counting_is_said_and_the_rest_goes_on():
    class Broken(MemorySchemes):
        async def schemes(self, *, dropped=False):
            raise ValueError("a bug, as a test wanted")

    world = Counted()
    world.schemes = Broken(lambda: 0)
    counting, keeper = await world.begin()
    world.write(*(named(n) for n in range(6)))
    await world.turns(counting, 2)
    with capture_logs() as logs:
        for _ in range(11):
            await keeper.turn()
        await keeper.fill()
    failed = [entry for entry in logs if entry["event"] == "failed"]
    assert [(entry["part"], entry["log_level"]) for entry in failed] == [("schemes", "error")]
    assert await world.items(NORVIK) == 6


async def test_when_the_list_is_full_who_was_quiet_for_a_day_makes_room(monkeypatch):
    for module in ("consumers.counts.series", "consumers.adapters.memory_counts"):
        monkeypatch.setattr(f"{module}.ENTITIES", 2)
    world = World()
    series = Series(world.store, 1)
    await world.store.follow(0, {"entity:old": None, "entity:older": None})
    shard = world.store.shards[0]
    shard.series |= {"entity:old": MINUTE - 1440, "entity:older": MINUTE - 9000}

    def met(name, minute=MINUTE):
        series.met(tuple((f"entity:{name}", minute) for _ in range(5)))

    met("a")
    assert await series.introduce() == ("entity:a",)
    assert set((await world.store.registry(0)).series) == {"entity:a", "entity:old"}
    shard.series["entity:a"] = MINUTE
    met("b", MINUTE - 1)
    assert await series.introduce() == ()
    met("b")
    met("c")
    assert await series.introduce() == ("entity:b",)
    assert set((await world.store.registry(0)).series) == {"entity:a", "entity:b"}
    assert await series.introduce() == ()
    assert resting(await world.store.registry(0), {"entity:a": 5}, MINUTE)[0] == "entity:b"


async def test_a_list_that_schemes_made_longer_than_full_takes_nobody(monkeypatch):
    for module in ("consumers.counts.series", "consumers.adapters.memory_counts"):
        monkeypatch.setattr(f"{module}.ENTITIES", 2)
    world = World()
    series = Series(world.store, 1)
    await world.store.follow(0, {"entity:a": None, "entity:b": None})
    await world.store.follow(0, {"scheme:t": Scheme(must=("t",))})
    world.store.shards[0].series |= {"entity:a": MINUTE, "entity:b": MINUTE}
    for name in ("entity:c", "entity:d"):
        series.met(tuple((name, MINUTE) for _ in range(5)))
    assert await series.introduce() == ()
    assert set((await world.store.registry(0)).series) == {"entity:a", "entity:b", "scheme:t"}


async def test_only_so_many_strangers_wait(monkeypatch):
    monkeypatch.setattr(series_module, "MET", 4)
    world = World()
    series = Series(world.store, 1)
    series.met(tuple((NORVIK, MINUTE) for _ in range(9)))
    assert await series.introduce() == ()


async def test_a_registry_that_cannot_be_learnt_is_waited_for():
    world = Counted()
    counting, _ = await world.begin()
    await world.store.follow(0, {NORVIK: None})
    world.write(named(0))
    learn = counting.series.learn

    async def away(partition):
        raise Transient("away, as a test wanted")

    counting.series.learn = away
    await world.turns(counting, 2)
    assert "away" in world.health.parts["redis"]
    counting.series.learn = learn
    await world.turns(counting, 12, seconds=1)
    assert await world.items(NORVIK) == 1
    assert world.log.committed("count", TOPIC)
