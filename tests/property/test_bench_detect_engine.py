"""The detector of the benchmark, in arrays, decides what the core decides, with the same evidence."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="needs the extra `train`")

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.states import LIVE
from consumers.watch.core.together import decide_all, none_yet
from tests.bench.detect.engine import (
    FIRING,
    MOST,
    PENDING,
    QUIET,
    RECOVERING,
    RESOLVED,
    Detector,
)
from tests.bench.detect.streams import Streams, beside

CODES = {
    "learning": QUIET,
    "normal": QUIET,
    "pending": PENDING,
    "firing": FIRING,
    "recovering": RECOVERING,
    "resolved": RESOLVED,
}
LOG_A = 7.0
TOP = math.log(MOST / 10)
TICKS = 420
SERIES = 6


def streams_of(seed: int) -> Streams:
    """Make streams with surges, gaps, late stories, few sources and a new bundle; two worlds."""
    rng = np.random.default_rng(seed)
    shape = (TICKS, SERIES)
    rate = rng.choice([0.05, 0.5, 2.0], SERIES) * np.ones(shape)
    share = rng.uniform(0.05, 0.5, SERIES) * np.ones(shape)
    for _ in range(3):
        start, which = rng.integers(120, TICKS - 20), rng.integers(SERIES)
        rate[start : start + 20, which] *= rng.choice([1, 4, 8])
        share[start : start + 20, which] = rng.uniform(0.3, 0.95)
    stories = rng.poisson(rate)
    late = rng.poisson(rate / 10)
    sources = np.zeros(shape, np.uint16)
    for _ in range(3):
        sources |= np.where(rng.random(shape) < 0.5, 1 << rng.integers(0, 5, shape), 0).astype(
            np.uint16
        )
    absent = np.zeros(shape, bool)
    absent[200:210, rng.integers(SERIES)] = True
    spoken = (stories + late > 0) & ~absent
    at = int(rng.integers(150, 250))
    return Streams(
        np.where(absent, 0, rng.binomial(stories, share)),
        np.where(absent, 0, stories),
        np.where(spoken, sources | 1, 0).astype(np.uint16),
        np.array([0, 0, 0, 1, 1, 1]),
        np.where(absent, 0, rng.binomial(late, share)),
        np.where(absent, 0, late),
        absent,
        {at: Shadow(30, 6, 12) if seed % 2 else None},
        first=int(rng.integers(0, 5000)),
    )


def by_the_core(streams: Streams, world: int, parameters: Parameters):
    """Decide one world with the core; yields for each tick what was decided of each series."""
    members = np.flatnonzero(streams.world == world)
    assert streams.late is not None
    assert streams.late_negative is not None
    assert streams.absent is not None
    state, said = none_yet(parameters), None
    at, shadow = next(iter(streams.bundles.items()))
    for row in range(TICKS):
        tick = streams.first + row
        seen = {}
        for s in members:
            mask = int(streams.sources[row, s])
            hashes = tuple(bit for bit in range(16) if mask >> bit & 1)
            late = (int(streams.late_negative[row, s]), int(streams.late[row, s]))
            counts = (int(streams.negative[row, s]), int(streams.stories[row, s]))
            bundles = (1,) if tick < at else (2,)
            seen[f"s{s}"] = (
                None if streams.absent[row, s] else Seen(*counts, *late, hashes, (), bundles)
            )
        # The bundle is told of in a tick that has data of every series.
        done = decide_all(state, tick, seen, dict.fromkeys(seen, LOG_A), parameters, said, shadow)
        state, said = done.state, done.common
        yield row, {s: done.decisions[f"s{s}"] for s in members}


@given(st.integers(0, 10_000), st.sampled_from([10, 20, 60]))
@example(232, 60)  # data stop while an alert recovers
@settings(max_examples=12, deadline=None)
def test_arrays_decide_as_the_core(seed, tick):
    streams = streams_of(seed)
    at = next(iter(streams.bundles))
    streams.bundles = {streams.first + at: streams.bundles[at]}
    assert streams.absent is not None
    streams.absent[at] = False
    parameters = Parameters(tick=tick, learning_days=3.0)
    outcome = Detector(streams, parameters, LOG_A, trace=True).run()
    assert outcome.traced is not None
    log_evidence, status = outcome.traced
    fired = {(alarm.series, alarm.row): alarm for alarm in outcome.alarms}
    found = {}
    for world in (0, 1):
        for row, decisions in by_the_core(streams, world, parameters):
            for s, decision in decisions.items():
                machine = decision.series.machine
                where = f"series {s}, row {row}"
                assert CODES[machine.status] == status[row, s], where
                # The arrays hold no more than MOST, lest they overflow; both must then be up there.
                assert min(decision.log_evidence, log_evidence[row, s]) > TOP or math.isclose(
                    decision.log_evidence, log_evidence[row, s], rel_tol=1e-7, abs_tol=1e-7
                ), where
                for told in decision.transitions:
                    if told.after == "firing" and told.before not in LIVE:
                        assert decision.effect is not None
                        found[s, row] = (
                            decision.effect.onset,
                            decision.effect.kind,
                            bool(machine.episode.reopened),
                        )
    assert {key: tuple(alarm[2:]) for key, alarm in fired.items()} == found


@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_several_thresholds_at_once_decide_as_each_alone(seed):
    streams = streams_of(seed)
    parameters = Parameters(tick=20, learning_days=3.0)
    thresholds = (2.0, LOG_A, 4.0)
    many = beside(streams, len(thresholds))
    together = Detector(many, parameters, np.repeat(thresholds, SERIES)).run().alarms

    for number, log_a in enumerate(thresholds):
        first = number * SERIES
        ours = [a for a in together if first <= a.series < first + SERIES]
        alone = Detector(streams, parameters, log_a).run().alarms
        assert [a._replace(series=a.series - first) for a in ours] == alone
