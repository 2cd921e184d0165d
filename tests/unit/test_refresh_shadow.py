"""The shadow run of a refresh: how long it is waited for, and what ends it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.errors import Transient
from groundswell.models.registry import CHALLENGER, CHAMPION, Registry
from groundswell.models.registry.memory import MemoryObjects
from tests.registry_world import bundle
from training.refresh.core.reasons import HOUR_MS
from training.refresh.core.shadowed import Asked, Side, judge
from training.refresh.shadowing import LOOK_SECONDS, Shadowing, wait

ASKED = Asked(items=100, hours=2.0, margin=0.1)


@pytest.fixture
def registry(tmp_path):
    made = Registry(MemoryObjects())
    first, second = (made.publish(bundle(tmp_path, version)) for version in ("1", "2"))
    made.promote(first, None)
    made.promote(second, None, CHALLENGER)
    return made


class Stream:
    """Notes that grow by so many items at each look, and a clock that a pause moves."""

    def __init__(self, step, fails=0):
        self.step, self.fails = step, fails
        self.now, self.looks = 0, 0

    def seen(self, champion, challenger):
        assert (champion, challenger) == ("tiny@1", "tiny@2")
        self.looks += 1
        if self.looks <= self.fails:
            raise Transient("Redis is away")
        return Side(*(self.looks * part for part in self.step))

    def pause(self, seconds):
        self.now += int(seconds * 1000)

    def run(self, asked=ASKED):
        return Shadowing(asked=asked, seen=self.seen, ms=lambda: self.now, pause=self.pause)


def waited(stream, registry, asked=ASKED):
    return wait(stream.run(asked), registry, "tiny@1", registry.alias(CHALLENGER))


def test_a_challenger_that_says_much_the_same_may_be_promoted(registry):
    stream = Stream((30, 6, 7))
    verdict, why = waited(stream, registry)
    assert verdict == "good"
    assert "of 120 items" in why
    assert stream.now == 3 * LOOK_SECONDS * 1000


def test_a_challenger_that_would_move_the_whole_stream_is_held(registry):
    verdict, why = waited(Stream((100, 10, 90)), registry)
    assert verdict == "apart"
    assert "90.0% negative" in why


def test_notes_that_are_away_are_waited_for(registry):
    assert waited(Stream((100, 10, 10), fails=5), registry).verdict == "good"


@pytest.mark.parametrize("fails", [0, 10_000])
def test_where_nobody_compares_it_ends_when_the_hours_are_over(registry, fails):
    stream = Stream((0, 0, 0), fails=fails)
    verdict, why = waited(stream, registry)
    assert verdict == "wait"
    assert "0 of 100 items" in why
    assert ("Redis is away" in why) == bool(fails)
    assert stream.now == ASKED.hours * HOUR_MS


@pytest.mark.parametrize("alias", [CHAMPION, CHALLENGER])
def test_whoever_moves_an_alias_meanwhile_ends_it(registry, tmp_path, alias):
    third = registry.publish(bundle(tmp_path, "3"))
    stream, challenger = Stream((1, 0, 0)), registry.alias(CHALLENGER)

    def pause(seconds):
        registry.promote(third, registry.alias(alias), alias)

    run = replace(stream.run(), pause=pause)
    verdict, why = wait(run, registry, "tiny@1", challenger)
    assert verdict == "apart"
    assert "moved" in why


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 1000), st.floats(0, 1))
def test_only_what_lies_beyond_margin_and_chance_is_apart(old, new, asked, margin):
    items = max(old, new, asked)
    verdict, _ = judge(Side(items, old, new), Asked(asked, 1.0, margin))
    assert verdict == judge(Side(items, new, old), Asked(asked, 1.0, margin)).verdict
    if abs(new - old) <= margin * items:
        assert verdict == "good"
    if old == 0 and new == items and margin < 1:
        assert verdict == "apart"
