"""Syndication made on purpose joins its story, and distinct texts stay apart: a sample of the benchmark."""

from random import Random

import pytest

from consumers.adapters.memory_stories import MemoryStories
from consumers.news.core.sketch import sketch_of
from tests.story_world import told
from tests.syndication import (
    Text,
    bodies,
    edited_body,
    edited_title,
    other_length,
    own_titles,
)

TEXTS = 400


def both(text, random):
    return edited_body(edited_title(text, random), random)


def asked(texts, first=0):
    return [
        told(first + n, text.title, text.body, source=text.source) for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("edit", "with_body"),
    [
        (edited_title, False),
        (edited_title, True),
        (edited_body, True),
        (both, True),
        (other_length, True),
    ],
)
def test_injected_copies_join_the_right_story_and_distinct_ones_stay_apart(edit, with_body):
    random, store = Random(5), MemoryStories(24, 10_000)
    titles = random.sample(own_titles(), TEXTS)
    whole = bodies(titles, random) if with_body else [""] * TEXTS
    texts = [Text(t, b, "Harbour Wire") for t, b in zip(titles, whole, strict=True)]

    first = store.place_now(asked(texts))
    copies = store.place_now(asked([edit(text, random) for text in texts], TEXTS))

    joined = sum(a.story == b.story for a, b in zip(first, copies, strict=True))
    assert joined >= 0.95 * TEXTS
    assert sum(place.why != "new" for place in first) < 0.01 * TEXTS


def test_filled_templates_with_other_names_and_numbers_stay_apart():
    store = MemoryStories(24, 10_000)
    names = ["Norvik", "Ostmark", "Brandt", "Lowe", "Aldermoor", "Kestrel", "Petrovale", "Voltra"]
    titles = [
        f"{name} {verb} {what} by {number} percent after review"
        for name in names
        for verb in ("raises", "cuts")
        for what in ("dividend", "outlook", "prices")
        for number in (4, 7, 12)
    ]

    places = store.place_now([told(n, title) for n, title in enumerate(titles)])

    merged = sum(place.why != "new" for place in places)
    assert len(titles) == 144
    assert merged == 0


def test_sketches_are_the_same_in_every_process_and_release():
    sketch = sketch_of(
        "Norvik didn't cut 1,200 jobs",
        "word " * 5 + "Norvik said 84 things on Monday in Oslo, 2026",
    )

    assert sketch.title.hex() == "de3b4b6775fd0508ed7825cdfd94f0b07977a3b7f8e0d8fb"
    assert sketch.kinds.hex() == "030600050100"
    assert [sketch.bands[at].hex() for at in (0, 8)] == ["7400b6f87c95", "62007dc54c14"]
    assert (sketch.size, len(sketch.body), len(sketch.bands)) == (10, 128, 20)
