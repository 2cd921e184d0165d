"""The contract of `watch`'s view of the counts, over the twin and over the counts in memory and in Valkey."""

import itertools
from dataclasses import dataclass, field

import pytest

from consumers.adapters.count_view import CountsView
from consumers.adapters.memory_counts import MemoryCounts
from consumers.adapters.redis_counts import open_counts, retention_of
from consumers.counts.core.cells import hash_of
from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from consumers.watch.core.evidence import Seen
from groundswell.settings import Settings
from tests.count_world import T0, L, mark, opinion, records
from tests.watch_loop_world import Counts

MINUTE = T0 // 60_000
_NAMES = itertools.count()
SHARDS = 2


@dataclass
class Items:
    """Puts opinions of two partitions where the view under test reads them."""

    view: CountsView
    counts: object = None
    states: dict = field(default_factory=dict)  # type: ignore[type-arg]
    next: dict = field(default_factory=dict)  # type: ignore[type-arg]

    async def put(self, *rows, partition=0):
        """Count ``rows``, which are made by functions of a source offset."""
        first = self.next.get(partition, 0)
        self.next[partition] = first + len(rows)
        made = [row(first + n) for n, row in enumerate(rows)]
        before = self.states.get(partition, PartitionState())
        step = fold(before, records(*made, first=first, partition=partition), L)
        expected = before if partition in self.states else None
        assert await self.counts.step(partition, expected, step) is None  # type: ignore[attr-defined]
        self.states[partition] = step.state


def item(**fields):
    """Make an item at minute ``at``, counted from the world's first."""
    minute = fields.pop("at", 0)
    partition = fields.get("partition", 0)
    return lambda offset: opinion(
        offset, at=T0 + minute * 60_000 + offset, **{"partition": partition, **fields}
    )


@pytest.fixture(params=["memory", "valkey"])
async def items(request):
    prefix = f"view{next(_NAMES)}"
    if request.param == "memory":
        counts = MemoryCounts(SHARDS, retention_of(Settings()))
    else:
        url = request.getfixturevalue("valkey_url")
        counts = open_counts(Settings(redis_url=url, redis_prefix=prefix, redis_shards=SHARDS))  # type: ignore[assignment]
    await counts.prepare()
    yield Items(CountsView(counts), counts)
    await counts.close()


async def test_nothing_counted_is_nothing_seen(items):
    assert await items.view.marks() == {}
    assert await items.view.touched(0) == {}
    assert await items.view.seen([], 0, 10) == {}
    assert await items.view.stories("all", 0, 10, 5) == ()
    assert await items.view.bundles() == {}


async def test_marks_stand_by_partition(items):
    await items.put(item(), lambda n: mark(T0 + 5, n - 1))
    await items.put(item(partition=1), partition=1)

    assert await items.view.marks() == {0: T0 + 5, 1: 0}


async def test_shards_are_added_up(items):
    await items.put(item(story="a"), item(label="neutral", story="b"))
    await items.put(item(partition=1, story="c", source="other"), partition=1)

    seen = await items.view.seen(["all", "topic:rates"], MINUTE, MINUTE)

    held = seen[MINUTE]["all"]
    assert (held.negative, held.stories, held.late) == (2, 3, 0)
    assert set(held.sources) == {hash_of("wire"), hash_of("other")}
    assert held.bundles == (hash_of("b@1"),)
    assert seen[MINUTE]["topic:rates"] == held
    assert await items.view.bundles() == {hash_of("b@1"): "b@1"}


async def test_copies_are_not_stories_and_late_ones_stand_apart(items):
    late = item(at=9, published=T0, story="late")
    await items.put(item(story="a"), item(story="a", new_in=()), late)

    seen = await items.view.seen(["all"], MINUTE, MINUTE + 9)

    assert (seen[MINUTE]["all"].negative, seen[MINUTE]["all"].stories) == (1, 1)
    held = seen[MINUTE + 9]["all"]
    assert (held.negative, held.stories, held.late_negative, held.late) == (0, 0, 1, 1)


async def test_only_the_minutes_asked_for_are_seen(items):
    await items.put(item(), item(at=1), item(at=2))

    assert set(await items.view.seen(["all"], MINUTE + 1, MINUTE + 1)) == {MINUTE + 1}


async def test_a_story_has_the_words_of_its_first_item(items):
    first, copy = item(words=("default", "bonds")), item(story="a", new_in=(), words=("late",))
    await items.put(item(story="a", words=("default", "bonds")), copy, first)

    stories = await items.view.stories("all", MINUTE, MINUTE, 5)

    assert [(story.copies, story.words) for story in stories] == [
        (2, ("default", "bonds")),
        (1, ("default", "bonds")),
    ]


async def test_sources_have_their_names(items):
    assert await items.view.sources() == {}

    await items.put(item(source="Harbour Wire"), item(source="The Tally", label="neutral"))
    await items.put(item(partition=1, source="Harbour Wire"), partition=1)

    names = ("Harbour Wire", "The Tally")
    assert await items.view.sources() == {hash_of(name): name for name in names}


async def test_touched_names_the_series_with_their_newest_minute(items):
    await items.put(item(topics=("credit",)), item(at=3))

    assert await items.view.touched(MINUTE) == {
        "all": MINUTE + 3,
        "topic:credit": MINUTE,
        "topic:rates": MINUTE + 3,
    }
    assert set(await items.view.touched(MINUTE + 1)) == {"all", "topic:rates"}


async def test_a_story_is_shown_once_with_its_copies_and_sources(items):
    await items.put(
        item(story="a", negative=0.8, source="one", url="https://x.test/1"),
        item(story="a", new_in=(), negative=0.99, source="two"),
        item(story="a", new_in=(), negative=0.9, source="two", at=7),
        item(story="b", negative=0.9),
        item(story="c", label="positive", negative=0.1),
    )

    first, second = await items.view.stories("topic:rates", MINUTE, MINUTE, 5)

    assert (first.story, first.negative, first.copies) == ("b", 0.9, 1)
    assert (second.story, second.negative, second.copies, second.sources) == ("a", 0.8, 3, 2)
    assert (second.source, second.url, second.minute) == ("one", "https://x.test/1", MINUTE)
    assert second.topics == ("rates",)


async def test_stories_that_began_outside_the_span_are_left_out(items):
    await items.put(item(story="a"), item(story="a", new_in=(), at=2), item(story="b", at=4))

    assert [s.story for s in await items.view.stories("all", MINUTE, MINUTE + 3, 5)] == ["a"]
    assert await items.view.stories("all", MINUTE + 1, MINUTE + 3, 5) == ()


async def test_the_surest_come_first_and_of_equals_the_oldest(items):
    await items.put(item(story="z"), item(story="y", at=1), item(story="x", at=1, negative=0.7))

    found = await items.view.stories("all", MINUTE, MINUTE + 1, 2)

    assert [s.story for s in found] == ["x", "z"]


async def test_who_lags_by_hours_sees_what_a_minute_was_about(items):
    """A surge of six stories a minute: looked at at once, an hour late, and four hours late."""
    sure = {n: 0.6 + n % 37 / 100 for n in range(90)}
    for n, negative in sure.items():
        await items.put(item(story=f"s{n}", negative=negative, at=n // 6))
    surest = sorted(sure, key=lambda n: (-sure[n], n))[:5]

    async def shown():
        return [s.story for s in await items.view.stories("all", MINUTE, MINUTE + 14, 5)]

    assert await shown() == [f"s{n}" for n in surest]
    for minute in range(15, 60):
        await items.put(*[item(negative=0.99, at=minute) for _ in range(8)], partition=0)
    assert await shown() == [f"s{n}" for n in surest]
    for minute in range(60, 240):
        await items.put(*[item(negative=0.99, at=minute) for _ in range(3)])
    found = await items.view.stories("all", MINUTE, MINUTE + 14, 50)
    assert len(found) == 15
    assert found[0].story == f"s{surest[0]}"


async def test_the_twin_of_the_loop_answers_as_the_counts_do(items):
    """What the tests of the loop are fed has the forms of what is counted."""
    await items.put(item(story="a"), lambda n: mark(T0 + 180_000, n - 1))
    seen = await items.view.seen(["all"], MINUTE, MINUTE + 1)
    twin = Counts({MINUTE: {"all": seen[MINUTE]["all"]}}, {0: T0 + 180_000})

    assert await twin.marks() == await items.view.marks()
    assert await twin.touched(MINUTE) == {
        n: m for n, m in (await items.view.touched(MINUTE)).items() if n == "all"
    }
    held = {m: s for m, s in (await twin.seen(["all"], MINUTE, MINUTE + 1)).items() if s}
    assert held == seen
    assert isinstance(held[MINUTE]["all"], Seen)


async def test_a_story_has_the_language_of_its_first_item(items):
    await items.put(item(story="a", language="zh-CN"), item(story="a", new_in=(), language="en"))
    await items.put(item())

    stories = await items.view.stories("all", MINUTE, MINUTE, 5)

    assert [(story.copies, story.language) for story in stories] == [(2, "zh-CN"), (1, "")]
