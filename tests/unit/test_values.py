from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell import events
from groundswell.errors import InputError
from groundswell.languages import ISO_639_1, OTHER, UNKNOWN
from groundswell.series import is_new_in, series_of
from groundswell.tasks import content_hash, parse_function
from groundswell.text import language_of


def opinion(**changes):
    fields = {
        "id": "1",
        "source": "s",
        "channel": "news",
        "published_at": datetime(2026, 3, 2, tzinfo=UTC),
        "arrived_at": datetime(2026, 3, 2, tzinfo=UTC),
        "title": "t",
        "sentiment": events.SentimentResult(
            label="neutral", probabilities={"negative": 0.0, "neutral": 1.0, "positive": 0.0}
        ),
        "topics": (events.TopicLabel(label="rates", probability=1.0),),
        "bundle": "b@1",
        "origin": events.Origin(topic="news", partition=0, offset=0, after=-1),
    }
    return events.Opinion(**{**fields, **changes})


def test_the_log_survives_a_round_trip():
    assert events.decode_log(events.encode_log(opinion())) == opinion()


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_millis_and_instant_are_inverse(milliseconds):
    assert events.millis(events.instant(milliseconds)) == milliseconds


@given(st.integers(0, 10**13), st.integers(0, 999))
def test_millis_round_down(milliseconds, micros):
    assert (
        events.millis(events.instant(milliseconds) + timedelta(microseconds=micros)) == milliseconds
    )


def test_series_of_a_text_that_was_read():
    topics = tuple(events.TopicLabel(label=x, probability=0.5) for x in ("rates", "macro", "rates"))

    assert series_of(opinion(topics=topics)) == ("all", "topic:rates", "topic:macro")


@pytest.mark.parametrize(
    ("language", "series"),
    [
        ("zh", "language:zh"),
        ("", "language:unknown"),
        ("tlh", "language:other"),
        ("x1\u202e\n:all", "language:other"),
        ("unknown", "language:other"),
    ],
)
def test_an_unread_text_counts_apart(language, series):
    assert series_of(opinion(read=False, language=language)) == (series,)


def test_the_languages_are_those_of_two_letters():
    assert len(ISO_639_1) == 183
    assert all(len(code) == 2 and code.isascii() and code.islower() for code in ISO_639_1)
    assert {"en", "zh", "fr", "yi", "zu"} <= ISO_639_1


@given(st.lists(st.text(max_size=35), max_size=60))
def test_hostile_tags_make_no_series_of_their_own(tags):
    known = {f"language:{code}" for code in (*ISO_639_1, OTHER, UNKNOWN)}
    unread = [opinion(read=False, language=language_of(tag, "x")) for tag in tags]

    assert {name for one in unread for name in series_of(one)} <= known


def test_an_item_without_a_story_is_new_everywhere():
    assert is_new_in(opinion(), "all")
    assert is_new_in(opinion(new_in=("all",)), "all")
    assert not is_new_in(opinion(new_in=("all",)), "topic:rates")


FUNCTION = b"""
name: tone
version: 1
description: d
field: tone
labels: [{name: bad, description: b}, {name: good, description: g}]
"""


def test_a_function_knows_its_labels():
    function = parse_function(FUNCTION, "f.yaml")

    assert function.label_names == ("bad", "good")
    assert content_hash(function) == content_hash(parse_function(FUNCTION + b"# words\n", "g.yaml"))
    assert content_hash(function) != content_hash(
        parse_function(FUNCTION.replace(b"name: bad", b"name: poor"), "f.yaml")
    )


@pytest.mark.parametrize(
    "source",
    [
        b"name: [",
        b"name: tone",
        FUNCTION.replace(b"name: good", b"name: bad"),
        FUNCTION.replace(b"name: good", b"name: Good!"),
        FUNCTION + b"more: 1\n",
    ],
)
def test_a_bad_function_names_its_file(source):
    with pytest.raises(InputError, match=r"f\.yaml"):
        parse_function(source, "f.yaml")
