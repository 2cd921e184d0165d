"""Silence: found where a feed stops, not where it is quiet as ever, and forgotten when it returns."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.watch.core.evidence import Seen
from consumers.watch.core.silence import FORGOTTEN, LEAST, SHORTEST, limit_of
from consumers.watch.core.silences import MOST, key_of, silences

START = 20_000 * 1440
DAYS = 10


def spoken(rng, minute, per_minute):
    """Return whether a feed speaks: a third as often at night."""
    night = minute // 60 % 24 < 7
    return rng.random() < per_minute * (0.3 if night else 1.0)


def run(feed, *, left_out=(), names=None, rhythms=None, first=START):
    """Feed minutes of what was seen; return the rhythms and what was told, as (minute, key, what)."""
    rhythms, told = rhythms or {}, []
    for place, seen in enumerate(feed):
        out = silences(rhythms, first + place, seen, names or {}, left_out)
        told += [(first + place, key, "raised") for key in out.raised]
        told += [(first + place, key, why) for key, why in out.ended.items()]
        rhythms = out.rhythms
    return rhythms, told


def feed_of(seed, minutes, per_minute, stopped=range(0)):
    rng = random.Random(seed)
    feed = []
    for minute in range(START, START + minutes):
        spoke = spoken(rng, minute, per_minute) and minute - START not in stopped
        feed.append({"topic:rates": Seen(0, 1, sources=(7,))} if spoke else {})
    return feed


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), per_minute=st.floats(0.005, 0.9))
def test_a_feed_that_is_quiet_as_ever_raises_nothing(seed, per_minute):
    _, told = run(feed_of(seed, DAYS * 1440, per_minute))

    assert told == []


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), per_minute=st.floats(0.05, 0.9), hour=st.integers(8, 14))
def test_a_feed_that_stops_is_told_once_and_ends_when_it_speaks(seed, per_minute, hour):
    begin = 8 * 1440 + hour * 60
    rhythms, told = run(feed_of(seed, DAYS * 1440, per_minute, range(begin, begin + 600)))
    told = [entry for entry in told if entry[1] == "topic:rates"]

    assert [what for _, _, what in told] == ["raised", "it speaks again"]
    assert begin + SHORTEST - 2 <= told[0][0] - START <= begin + 540
    assert told[1][0] - START >= begin + 600
    assert rhythms["topic:rates"].raised == -1
    assert limit_of(rhythms["topic:rates"]) <= 1.5 * max(LEAST, 2 * 40)


def test_the_hours_of_an_outage_are_not_learnt():
    begin = 8 * 1440 + 600
    feed = feed_of(3, DAYS * 1440, 0.5, range(begin, begin + 600))
    whole, _ = run(feed_of(3, DAYS * 1440, 0.5))
    cut, _ = run(feed)

    usual = whole["topic:rates"].hours
    assert usual - 12 <= cut["topic:rates"].hours <= usual - 9


def test_two_days_are_learnt_before_anything_is_said():
    assert run([*feed_of(1, 1440, 0.9), *[{}] * 300])[1] == []
    assert run([*feed_of(1, 3 * 1440, 0.9), *[{}] * 300])[1]


def test_nothing_is_raised_while_a_partition_stands_still():
    feed = [*feed_of(1, 3 * 1440, 0.9), *[{}] * 300]

    assert run(feed, left_out=(1,))[1] == []


def test_sources_are_named_where_the_name_is_known():
    feed = [*feed_of(1, 3 * 1440, 0.9), *[{}] * 300]
    known, _ = run(feed, names={7: "wire"})
    unknown, _ = run(feed)

    assert known[key_of(7)].series == "source:wire"
    assert unknown[key_of(7)].series == "source:00000007"


def test_entities_may_be_silent():
    feed = [{"entity:acme": Seen(0, 1)}] * (3 * 1440) + [{}] * 600

    assert run(feed) == ({}, [])


def test_what_is_silent_for_a_week_is_forgotten():
    rhythms, told = run([*feed_of(1, 3 * 1440, 0.9), *[{}] * (FORGOTTEN + 10)])

    assert rhythms == {}
    assert [what for _, key, what in told if key == "topic:rates"] == [
        "raised",
        "silent for a week: no longer expected",
    ]


@pytest.mark.parametrize("sources", [MOST + 50])
def test_memory_is_bounded(sources):
    feed = [{"all": Seen(0, 1, sources=(n,))} for n in range(sources)]
    rhythms, _ = run(feed)

    assert len(rhythms) == MOST
    assert key_of(0) not in rhythms
    assert "all" in rhythms


def test_a_feed_that_comes_in_bursts_is_seldom_taken_for_silent():
    rng, feed, following = random.Random(4), [], START
    for minute in range(START, START + 40 * 1440):
        feed.append({"topic:rates": Seen(0, 1)} if minute >= following else {})
        if minute >= following:
            following = minute + (1 if rng.random() < 0.8 else round(rng.expovariate(1 / 40)))

    raised = [minute for minute, _, what in run(feed)[1] if what == "raised"]
    assert len(raised) <= 3
