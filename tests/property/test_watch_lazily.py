"""Deciding only what was touched or is due comes to what deciding everything comes to, bit by bit."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.watch.core.budget import log_pending, log_threshold
from consumers.watch.core.evidence import Seen
from consumers.watch.core.lazily import decide_due
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.quiet import caught_up
from consumers.watch.core.season import common
from consumers.watch.core.states import ELEVATED
from consumers.watch.core.together import decide_all, none_yet
from groundswell.errors import Bug

FIRST = 1000 * 12
NAMES = ("busy", "calm", "rare", "silent", "stopped", "new")


def parameters_of(tick):
    return Parameters(tick=tick, unlearnt_days=0.3, learning_days=0.6, cooling=30, reopen=30)


def minute_of(rng, place, surge):
    """Return what was seen; a second bundle speaks from place 250 on."""
    seen = {}
    for name, rate in zip(NAMES, (0.9, 0.3, 0.02, 0.0, 0.5, 0.4), strict=True):
        if name == "new" and place < 200:
            continue
        if name == "silent" and place == 3:
            seen[name] = Seen(1, 1, sources=(1,), bundles=(1,))
        elif name == "stopped" and place % 90 > 60:
            seen[name] = None  # type: ignore[assignment]
        elif rng.random() < rate:
            hit = name in {"busy", "calm"} and place in surge
            n = rng.randint(1, 8 if hit else 3)
            k = sum(rng.random() < (0.9 if hit else 0.15) for _ in range(n))
            late = rng.randint(0, 2) if rng.random() < 0.1 else 0
            bundles = (2,) if place > 250 else (1,)
            seen[name] = Seen(k, n, min(late, 1), late, (1, rng.randint(2, 9)), (), bundles)
    return seen


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    tick=st.sampled_from((5, 20)),
    budget=st.sampled_from((0.1, 1.0, 30.0, 3000.0)),
    lost=st.sets(st.integers(0, 400), max_size=4),
)
def test_the_lazy_decisions_are_the_eager_ones(seed, tick, budget, lost):
    parameters, rng = parameters_of(tick), random.Random(seed)
    length = 400
    surge = range(250 + seed % 50, 290 + seed % 60)
    eager = lazy = none_yet(parameters)
    schedule = said = None
    spared = 0
    for place in range(length):
        minute = FIRST + place
        seen = minute_of(rng, place, surge)
        names = {*eager.series, *seen}
        log_a = log_threshold(budget, 1.0, max(1, len(names)), tick)
        whole = decide_all(eager, minute, seen, dict.fromkeys(names, log_a), parameters, said)
        done = decide_due(
            lazy, minute, seen, log_a, parameters, None if place in lost else schedule
        )
        assert whole.state.umbrella == done.round.state.umbrella
        assert whole.state.pool == done.round.state.pool
        for name, decision in whole.decisions.items():
            if name in done.round.decisions:
                assert done.round.decisions[name] == decision
            else:
                assert not decision.transitions
                assert decision.series.machine.status not in ELEVATED
                spared += 1
        eager, lazy = whole.state, done.round.state
        said, schedule = whole.common, done.schedule
    pool = common(lazy.pool, parameters)
    for name, series in lazy.series.items():
        last = caught_up(series, lazy.baselines[name], FIRST + length - 1, pool, parameters)
        assert msgspec.msgpack.encode(last) == msgspec.msgpack.encode(eager.series[name])
        assert lazy.baselines[name] == eager.baselines[name]
    assert spared


def test_only_ticks_of_the_same_period_are_caught_up():
    parameters = parameters_of(5)
    done = decide_due(none_yet(parameters), FIRST, {"s": Seen(0, 1)}, 9.0, parameters)
    series, baseline = done.round.state.series["s"], done.round.state.baselines["s"]

    assert (
        caught_up(series, baseline, FIRST + 11, done.schedule.common, parameters).tick == FIRST + 11
    )
    for outside in (FIRST + 12, FIRST - 1):
        with pytest.raises(Bug, match="outside of period"):
            caught_up(series, baseline, outside, done.schedule.common, parameters)


def test_silence_alone_is_no_surge():
    parameters = parameters_of(20)
    seen = [{"s": Seen(place == 10, 1, sources=(1, 2))} for place in range(30)] + [{}] * 4000
    state, schedule, told, highest = none_yet(parameters), None, [], 0.0
    for place, minute in enumerate(seen):
        done = decide_due(state, FIRST + place, minute, 5.0, parameters, schedule)
        state, schedule = done.round.state, done.schedule
        if place > 100 and "s" in done.round.decisions:
            told += done.round.decisions["s"].transitions
            highest = max(highest, done.round.decisions["s"].log_evidence)

    assert highest > log_pending(5.0, 20)
    assert [t.after for t in told] == []
    assert state.series["s"].machine.status == "normal"
