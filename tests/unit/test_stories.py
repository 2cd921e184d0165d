"""Stories in `consume`: memory while Redis is away, what is told afterwards, and what is written down."""

import asyncio
from collections import Counter

import pytest
import structlog
from prometheus_client import CollectorRegistry

from consumers.adapters.http import Health
from consumers.adapters.memory_stories import MemoryStories
from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from consumers.news.metrics import Metrics
from consumers.news.stories import PART, RETRY_SECONDS, Teller
from groundswell.errors import Transient
from groundswell.events import Refusal
from tests.count_world import Clock, records
from tests.news_world import Topic, World, item, running
from tests.story_world import OTHER, WIRE, told


class Flaky(MemoryStories):
    """Stories that are away while told so."""

    def __init__(self):
        super().__init__(24, 1000)
        self.away = False
        self.calls: Counter[str] = Counter()

    async def place(self, items):
        self.calls["place"] += 1
        if self.away:
            raise Transient("away, as a test wanted")
        return await super().place(items)

    async def remember(self, items, places):
        self.calls["remember"] += 1
        if self.away:
            raise Transient("away, as a test wanted")
        await super().remember(items, places)


class Telling:
    def __init__(self, shared=None):
        structlog.configure(processors=[self.note], logger_factory=structlog.ReturnLoggerFactory())
        self.said = []
        self.shared, self.clock, self.health = shared or Flaky(), Clock(), Health()
        self.metrics = Metrics(CollectorRegistry())
        own = MemoryStories(24, 1000)
        self.teller = Teller(self.shared, own, self.clock, self.health, self.metrics)

    def note(self, logger, method, event):
        self.said.append(event["event"])
        return ""

    async def stories(self, *items):
        places = await self.teller.place(items)
        await asyncio.sleep(0)  # what is done beside the stream: nothing in it waits
        return [place.story for place in places]

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"groundswell_consume_{name}", labels)


async def test_while_redis_is_away_memory_goes_on_where_redis_was_and_says_so():
    world = Telling()
    assert await world.stories(told(0)) == ["news@n/0/0"]
    world.shared.away = True

    assert await world.stories(told(1), told(2, OTHER)) == ["news@n/0/0", "news@n/0/2"]

    assert world.health.ready
    assert "done without" in world.health.parts[PART]
    assert world.value("stories_shared") == 0
    assert world.value("failures_total", part=PART) == 1
    assert world.said == ["going by its own memory"]


async def test_redis_is_asked_again_every_few_seconds_and_told_what_it_missed():
    world = Telling()
    world.shared.away = True
    await world.stories(told(0), told(1, OTHER))
    await world.stories(told(2))
    assert world.shared.calls == {"place": 1}

    world.clock.seconds += RETRY_SECONDS
    await world.stories(told(3))
    assert world.shared.calls == {"place": 1, "remember": 1}
    assert world.value("stories_shared") == 0
    await world.stories(told(4))
    assert world.shared.calls == {"place": 1, "remember": 1}

    world.shared.away = False
    world.clock.seconds += RETRY_SECONDS
    assert await world.stories(told(6)) == ["news@n/0/0"]
    assert world.value("stories_shared") == 1
    await world.stories(told(7))
    assert world.shared.calls == {"place": 2, "remember": 2}

    assert (await world.shared.place([told(5, OTHER)]))[0].story == "news@n/0/1"
    assert (await world.shared.place([told(3)]))[0].why == "again"
    assert world.health.parts[PART] == "ok"
    assert world.value("stories_shared") == 1
    assert world.said == ["going by its own memory", "works"]


class Stuck(Flaky):
    """Stories that never answer what they missed, or fail in a way that nobody foresaw."""

    def __init__(self, fault=None):
        super().__init__()
        self.fault = fault
        self.closed = False

    async def remember(self, items, places):
        if self.fault:
            raise self.fault
        await asyncio.Event().wait()

    async def close(self):
        self.closed = True


async def returning(shared):
    """Return a world whose teller asks ``shared`` whether it is back."""
    world = Telling(shared)
    shared.away = True
    await world.stories(told(0))
    world.clock.seconds += RETRY_SECONDS
    await world.stories(told(1))
    return world


async def test_no_item_waits_while_redis_is_asked_again():
    world = await returning(Stuck())

    assert await world.stories(told(2)) == ["news@n/0/0"]
    await world.teller.close()

    assert world.shared.closed


async def test_a_bug_beside_the_stream_ends_the_program():
    world = await returning(Stuck(ValueError("a bug, as a test wanted")))

    with pytest.raises(ValueError, match="a bug"):
        await world.stories(told(2))


async def test_how_stories_were_found_is_counted():
    world = Telling()
    await world.stories(told(0), told(1), told(0), told(2, f"{WIRE} in Oslo"))

    counted = {why: world.value("stories_total", why=why) for why in ("new", "same", "again")}
    assert counted == {"new": 1, "same": 1, "again": 1}
    assert world.value("stories_total", why="title") == 1


async def test_opinions_leave_with_their_story_and_refusals_without():
    topic = Topic()
    topic.add(item(WIRE, id="a"), b"[]", item(f"UPDATE 1-{WIRE}", id="b"), item(OTHER, id="c"))
    async with running(World(topic)) as world:
        await world.until(lambda: len(world.settled()) == 4)

    first, refused, copy, other = world.settled()
    assert isinstance(refused, Refusal)
    assert first.story == copy.story == "news@one/0/0"
    assert other.story == "news@one/0/3"
    assert "all" in first.new_in
    assert set(copy.new_in) <= {"all", *(f"topic:{t.label}" for t in copy.topics)}
    if copy.sentiment.label == first.sentiment.label:
        assert "all" not in copy.new_in


@pytest.mark.parametrize("away", [True, False])
async def test_no_item_waits_for_stories_that_are_away(away):
    shared = Flaky()
    shared.away = away
    topic = Topic()
    topic.add(*(item(f"{WIRE} {n}", id=str(n)) for n in range(50)))
    async with running(World(topic, stories=shared)) as world:
        await world.until(lambda: len(world.settled()) == 50)

    assert all(row.story for row in world.settled())
    assert world.value("stories_shared") == (0 if away else 1)


async def test_what_is_written_down_counts_items_and_stories_apart():
    topic = Topic()
    titles = [WIRE, f"UPDATE 1-{WIRE}", f"{WIRE} - The Tally", OTHER]
    topic.add(*(item(t, id=str(n), source=f"s{n}") for n, t in enumerate(titles)))
    async with running(World(topic)) as world:
        await world.until(lambda: len(world.settled()) == 4)

    told_in = {(row.story, row.sentiment.label) for row in world.settled()}
    step = fold(PartitionState(), records(*world.writer.log[0]), 120_000)
    cells = [fields for name, fields in step.cells.items() if name[:2] == ("day", "all")]
    (tally,) = cells[0].values()

    assert sum(tally.items) + sum(tally.late_items) == 4
    assert sum(tally.stories) + sum(tally.late_stories) == len(told_in) < 4
    assert tally.distinct_sources == 4
