"""The laws of stories, over random items; each law notices a planted mistake."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.adapters import memory_stories
from consumers.news.core import alike, minhash, stories
from consumers.news.core.sketch import sketch_of
from groundswell.series import story_of
from tests.mutants import holds, mutant, notices
from tests.story_world import BODY, HOUR, OTHER, T0, WIRE, told

TITLES = (
    WIRE,
    f"UPDATE 1-{WIRE} (The Tally)",
    f"{WIRE} in early trade",
    WIRE.replace("ten", "two"),
    WIRE.replace("Norvik", "Aldermoor"),
    OTHER,
    "Oil slips",
    "",
)
SERIES = ("all", "topic:deals", "topic:rates")


def item(data, offset):
    return told(
        offset,
        data.draw(st.sampled_from(TITLES)),
        data.draw(st.sampled_from(["", BODY])),
        at=T0 + offset * 2 * HOUR,
        tone=data.draw(st.sampled_from(["negative", "positive"])),
        series=tuple(data.draw(st.lists(st.sampled_from(SERIES), min_size=1, unique=True))),
    )


def items(data, most=30):
    return [item(data, n) for n in range(data.draw(st.integers(0, most)))]


def each_story_is_told_once_in_each_series_and_tone(module, data):
    asked = items(data)
    places = module.MemoryStories(24, 1000).place_now(asked)

    told_in = Counter(
        (place.story, series, one.tone)
        for one, place in zip(asked, places, strict=True)
        for series in place.new_in
    )
    stands_in = {
        (place.story, series, one.tone)
        for one, place in zip(asked, places, strict=True)
        for series in one.series
    }
    assert set(told_in) == stands_in
    assert set(told_in.values()) <= {1}


def asking_any_of_it_again_changes_nothing(module, data):
    asked = items(data, 11)  # within a day: what is older may be forgotten
    store, other = module.MemoryStories(24, 1000), module.MemoryStories(24, 1000)
    places = store.place_now(asked)
    for one, place in zip(asked, places, strict=True):
        assert other.place_now([one])[0][:2] == place[:2]
        for earlier in data.draw(st.lists(st.integers(0, one.origin.offset), max_size=3)):
            again = other.place_now([asked[earlier]])[0]
            assert again[:2] == places[earlier][:2]


def a_story_is_named_for_its_first_item_and_open_for_a_day(module, data):
    asked = items(data)
    places = module.MemoryStories(24, 1000).place_now(asked)
    first: dict[str, stories.Told] = {}
    for one, place in zip(asked, places, strict=True):
        began = first.setdefault(place.story, one)
        assert place.story == story_of(began.origin)
        assert one.arrived - began.arrived < 24 * HOUR


def what_is_held_is_bounded(module, data):
    store = module.MemoryStories(24, 5)
    asked = items(data)
    for one in asked:
        if data.draw(st.booleans()):
            store.place_now([one])
        else:
            store.remember_now([one], [stories.Place(data.draw(st.sampled_from("abcdefgh")), ())])
        again = data.draw(st.sampled_from(asked))
        store.place_now([again._replace(tone="neutral")])
        samples, tones, answers = store.held
        assert samples <= 5
        assert answers <= 5
        assert tones <= samples


PLANTED = [
    (each_story_is_told_once_in_each_series_and_tone, "told.update(tags)", "pass"),
    (asking_any_of_it_again_changes_nothing, "before = self._answers.get(key)", "before = None"),
    (
        a_story_is_named_for_its_first_item_and_open_for_a_day,
        "hours * HOUR_MS",
        "hours * HOUR_MS * 2",
    ),
    (what_is_held_is_bounded, "len(self._samples) <= self._kept and", ""),
]


@pytest.mark.parametrize(
    ("law", "old", "new"), PLANTED, ids=[law.__name__ for law, _, _ in PLANTED]
)
def test_the_laws_hold_and_notice_a_mistake(law, old, new):
    holds(law, memory_stories, examples=60)
    notices(law, mutant(memory_stories, old, new))


VOCABULARY = """
Norvik Brandt Lowe not rises falls up 12 13 charter of for gas bank the dividend 涨 跌
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(*[st.lists(WORDS, max_size=10).map(" ".join)] * 2, *[st.sampled_from(["", BODY])] * 2)
def test_likeness_is_symmetric_and_total(a, b, first, second):
    one, two = sketch_of(a, first), sketch_of(b, second)

    assert alike.likeness(one, two)[:2] == alike.likeness(two, one)[:2]
    assert not one.title or alike.likeness(one, one).one


@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=12))
def test_any_text_has_a_sketch_and_the_same_one_again(title, body, source):
    sketch = sketch_of(title, body, source, [title[:5]])

    assert sketch == sketch_of(title, body, source, [title[:5]])
    assert len(sketch.title) == 4 * len(sketch.kinds)
    value = stories.encode_sample(stories.Sample("s", 1, sketch))
    assert stories.decode_sample(value).sketch.title == sketch.title


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_signatures_estimate_how_alike_sets_are(seed, share):
    rng = random.Random(seed)
    size = 400
    common = {rng.randrange(2**32) for _ in range(int(size * share))}
    one, two = ({*common, *(rng.randrange(2**32) for _ in range(size - len(common)))} for _ in "ab")
    true = len(one & two) / len(one | two)

    got = minhash.resemblance(minhash.long_signature(one), minhash.long_signature(two))

    assert abs(got - true) <= 5 * (true * (1 - true) / minhash.BINS) ** 0.5 + 0.05


@given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=20), st.randoms())
def test_bands_do_not_know_the_order_of_words(words, rng):
    shuffled = rng.sample(words, len(words))

    bands = minhash.short_bands(minhash.short_signature(words))

    assert bands == minhash.short_bands(minhash.short_signature(shuffled))
    assert len(set(bands)) == minhash.PLACES // minhash.ROWS


@given(st.permutations(range(4)))
def test_the_order_of_the_candidates_does_not_matter(order):
    titles = (WIRE, f"{WIRE} in trade", f"{WIRE} today and more", OTHER)
    samples = [stories.Sample(f"s{n}", T0 + n, sketch_of(t, "")) for n, t in enumerate(titles)]

    decision = stories.decide(told(9), [samples[n] for n in order], 24 * HOUR)

    assert decision == stories.decide(told(9), samples, 24 * HOUR)
    assert decision.story == "s0"
