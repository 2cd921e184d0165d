"""Properties of the decisions about bundles: what is tried, what is pinned, what is rolled back."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumers.news.core.judging import Limits, Tally, judge
from consumers.news.core.swap import (
    ATTEMPTS,
    Round,
    Target,
    condemned,
    failed,
    in_share,
    next_step,
    times_as_long,
    too_slow,
)

NAMES = st.sampled_from(["a", "b", "c"])
TARGETS = st.builds(Target, NAMES, st.integers(1, 3))
LIMITS = Limits(seconds=600, items=200, slower=2.0, mix=0.25)


@st.composite
def tallies(draw, least=0, most=3000):
    tones = draw(st.tuples(*[st.integers(0, most)] * 3))
    refused, broke = draw(st.integers(0, most)), draw(st.integers(0, most))
    items = sum(tones) + refused + broke
    assume(items >= least)
    tokens = items * draw(st.integers(1, 64))
    return Tally(items, refused, broke, tokens, tokens * draw(st.floats(1e-5, 1e-2)), *tones)


def times(tally, factor):
    return Tally(*(part * factor for part in tally))


@given(NAMES, st.lists(st.tuples(TARGETS, st.booleans()), max_size=40))
def test_a_target_is_taken_twice_at_most_and_never_when_it_is_in_use(serving, story):
    failures, tried, now = None, {}, 0.0  # type: ignore[var-annotated]
    last = None
    for target, good in story:
        now += 10
        if target != last:
            tried = {}
        last = target
        step = next_step(serving, target, failures, now)
        if step.action != "take":
            assert step.reason
            continue
        assert target.bundle != serving
        tried[target] = tried.get(target, 0) + 1
        assert tried[target] <= ATTEMPTS
        if good:
            serving = target.bundle
        else:
            failures = failed(failures, target, "broken", now, 5)


@given(TARGETS, st.floats(0, 100), st.floats(0.1, 100), st.floats(0, 300))
def test_a_failed_target_waits_its_pause_then_is_tried_once_more(target, at, pause, later):
    once = failed(None, target, "away", at, pause)
    step = next_step("serving", target, once, at + later)
    assert step.action == ("wait" if at + later < at + pause else "take")
    twice = failed(once, target, "away", at + pause, pause)
    assert twice.pinned
    assert next_step("serving", target, twice, at + 1e6).action == "stay"
    moved = target._replace(generation=target.generation + 1)
    assert next_step("serving", moved, twice, at).action == "take"


@given(TARGETS)
def test_what_was_found_bad_in_service_is_left_alone_until_the_alias_moves(target):
    found = condemned(target, "worse")
    assert next_step("before", target, found, 1e9).action == "stay"
    assert "worse" in next_step("before", target, found, 1e9).reason
    assert next_step("before", None, found, 0.0).action == "stay"


SECONDS = st.floats(1e-4, 10)
LOAD = st.floats(1, 1000)


@given(SECONDS, SECONDS, st.floats(1, 10), st.integers(1, 15))
def test_slow_is_a_factor(old, new, limit, count):
    rounds = [Round(old, new)] * count
    assert (too_slow(rounds, limit) is None) == (new / old <= limit)
    assert times_as_long(rounds) == new / old


@given(SECONDS, SECONDS, st.lists(st.tuples(LOAD, LOAD), max_size=2), st.integers(3, 9))
def test_load_that_hits_some_rounds_makes_no_bundle_look_slower(old, new, loaded, count):
    rounds = [Round(old, new)] * count + [Round(old * a, new * b) for a, b in loaded]
    assert times_as_long(rounds) <= new / old


@given(SECONDS, st.floats(1, 50), st.lists(LOAD, min_size=1, max_size=9))
def test_load_that_hits_both_alike_hides_nothing(old, factor, loads):
    rounds = [Round(old * load, old * factor * load) for load in loads]
    assert times_as_long(rounds) == pytest.approx(factor)


@given(st.integers(0, 64), st.integers(0, 2**40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_the_smaller_one(partition, offset, one, other):
    small, large = sorted((one, other))
    assert not in_share(partition, offset, 0.0)
    assert in_share(partition, offset, 1.0)
    assert in_share(partition, offset, large) or not in_share(partition, offset, small)


def test_a_share_is_about_that_share_of_the_items():
    hits = sum(in_share(3, offset, 0.1) for offset in range(20_000))
    assert 1800 < hits < 2200


@given(tallies(least=1), st.integers(1, 4), st.floats(0, 1200))
def test_what_behaves_as_before_is_never_rolled_back(before, factor, elapsed):
    judgement = judge(before, times(before, factor), elapsed, LIMITS)
    assert judgement.verdict == ("keep" if elapsed >= LIMITS.seconds else "wait")


@given(tallies(), tallies(most=60), st.floats(0, 1200))
def test_too_few_items_condemn_nobody(before, after, elapsed):
    assume(min(before.items, after.items) < LIMITS.items)
    assert judge(before, after, elapsed, LIMITS).verdict != "roll back"


@given(tallies(least=200), tallies(least=200), st.floats(0, 1200))
def test_a_window_ends(before, after, elapsed):
    judgement = judge(before, after, elapsed, LIMITS)
    assert judgement.reason
    assert (judgement.verdict == "wait") <= (elapsed < LIMITS.seconds)


BEFORE = Tally(1000, 5, 0, 20_000, 10.0, 200, 600, 195)


def after(**changes):
    return BEFORE._replace(**changes)


def test_each_fault_is_told_by_its_own_reason():
    refusing = after(refused=105, neutral=500)
    failing = after(failed=60, neutral=540)
    slow = after(seconds=25.0)
    other = after(negative=700, neutral=200, positive=95)
    for tally, word in (
        (refusing, "refused"),
        (failing, "failed"),
        (slow, "times"),
        (other, "mix"),
    ):
        judgement = judge(BEFORE, tally, 10.0, LIMITS)
        assert judgement.verdict == "roll back"
        assert word in judgement.reason


def test_a_little_more_of_anything_is_no_reason():
    slightly = after(refused=15, failed=5, seconds=15.0, negative=300, neutral=500, positive=185)
    assert judge(BEFORE, slightly, 10.0, LIMITS).verdict == "wait"
    assert judge(BEFORE, slightly, 601.0, LIMITS).verdict == "keep"


@given(st.integers(0, 900))
def test_a_mix_that_moves_further_is_condemned_sooner(moved):
    tally = after(neutral=995 - moved, negative=moved, positive=0)
    further = after(neutral=995 - moved - 95, negative=moved + 95, positive=0)
    if judge(BEFORE, tally, 1.0, LIMITS).verdict == "roll back" and moved > 200:
        assert judge(BEFORE, further, 1.0, LIMITS).verdict == "roll back"
