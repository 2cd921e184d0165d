"""
All detectors on the same streams: recall and delay at matched rates of false alarms.

Ours runs on its defaults at a budget of the rate that is asked for; every other one, and a second time
ours, gets the threshold and the variant that find most surges among those within that rate, chosen with
hindsight.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from consumers.watch.core.parameters import Parameters
from tests.bench.detect import generator, sequential, windows
from tests.bench.detect.engine import Detector
from tests.bench.detect.generator import DAY, LEARN, Surge, Usual
from tests.bench.detect.scoring import Score, rate, score, starts
from tests.bench.detect.streams import Outcome, Streams, beside
from tests.bench.detect.windows import Given

RATES = {"1/7": 1 / 7, "1/30": 1 / 30}
STRATA = ((0.2, 1.0), (1.0, 10.0), (10.0, 60.0), (60.0, 200.1))
OURS = "e-detector"
LOOSER = (-5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.5)
"""Thresholds tried with hindsight for ours as well: ln A at one in 30 days, and so much more."""


class Case(NamedTuple):
    """Streams with surges, and what is usual in them."""

    streams: Streams
    surges: list[Surge]
    usual: Usual


class Tried(msgspec.Struct):
    """A detector with one variant and threshold: false alarms and surges found, by world and stratum."""

    family: str
    variant: str
    threshold: float
    false: int
    days: float
    recall: float
    recalls: list[float]
    """By seed."""
    strata: list[tuple[float, float | None]]
    """By stratum: recall, and the median delay over all surges (None: most are not found)."""
    kinds: dict[str, float]
    delay: float | None
    """Median delay of those found."""


def case(seeds: Sequence[int], *, drift: bool) -> Case:
    """Draw one world a seed, with surges."""
    rng = np.random.default_rng(list(seeds))
    usual = generator.usual(rng, len(seeds), drift=drift)
    surges = generator.surges(rng, len(usual.volume))
    return Case(generator.draw(rng, generator.inject(usual, surges)), surges, usual)


def given_of(streams: Streams, outcome: Outcome) -> Given:
    """Return what the comparators see: the test days, with our baseline."""
    first = LEARN * DAY
    period = np.arange(first, len(streams.negative)) // 60
    expected = outcome.expected[period]
    hours = streams.negative[:first].astype(float).reshape(LEARN * 24, 60, -1).sum(axis=1)
    usual = outcome.expected[: LEARN * 24] * 60
    over = (((hours - usual) ** 2 - hours) * (usual > 0))[7 * 24 :].sum(axis=0)
    stray = np.maximum(over, 0) / np.maximum((usual[7 * 24 :] ** 2).sum(axis=0), 1e-9)
    return Given(
        *(
            values.astype(np.float32)
            for values in (
                streams.negative[first:],
                streams.stories[first:],
                np.maximum(expected, 1e-6),
                outcome.usual[period],
                outcome.size[period],
                stray,
            )
        )
    )


def summary(scored: Score, drawn: Case, family: str, variant: str, threshold: float) -> Tried:
    """Sum a scored detector up."""
    found = np.isfinite(scored.delays)
    series = np.array([surge.series for surge in drawn.surges])
    kinds = np.array([surge.kind for surge in drawn.surges])
    world, volume = drawn.streams.world[series], drawn.usual.volume[series]
    strata: list[tuple[float, float | None]] = []
    for low, high in STRATA:
        inside = (volume >= low) & (volume < high)
        median = float(np.median(scored.delays[inside]))
        strata.append((float(found[inside].mean()), median if math.isfinite(median) else None))
    return Tried(
        family=family,
        variant=variant,
        threshold=threshold,
        false=int(scored.false.sum()),
        days=scored.days * len(scored.false),
        recall=float(found.mean()),
        recalls=[float(found[world == one].mean()) for one in np.unique(world)],
        strata=strata,
        kinds={kind: float(found[kinds == kind].mean()) for kind in generator.KINDS},
        delay=float(np.median(scored.delays[found])) if found.any() else None,
    )


def ours(drawn: Case, log_a: float, variant: str, parameters: Parameters) -> tuple[Tried, Outcome]:
    """Run our detector."""
    outcome = Detector(drawn.streams, parameters, log_a).run()
    return _summed(drawn, outcome, 0, log_a, variant), outcome


def looser(drawn: Case, log_as: Sequence[float], parameters: Parameters) -> list[Tried]:
    """Run our detector with several thresholds at once, each on streams and pools of its own."""
    series = len(drawn.usual.volume)
    many = beside(drawn.streams, len(log_as))
    outcome = Detector(many, parameters, np.repeat(log_as, series)).run()
    return [
        _summed(drawn, outcome, number * series, log_a, "hindsight")
        for number, log_a in enumerate(log_as)
    ]


def _summed(drawn: Case, outcome: Outcome, first: int, log_a: float, variant: str) -> Tried:
    """Sum up the alarms of the series from ``first`` on."""
    series = len(drawn.usual.volume)
    alarms = (
        (alarm.series - first, alarm.row)
        for alarm in outcome.alarms
        if not alarm.again and first <= alarm.series < first + series
    )
    return summary(score(alarms, drawn.surges, series), drawn, OURS, variant, log_a)


def everything(drawn: Case, parameters: Parameters, log: Any) -> list[Tried]:
    """Try every detector with every variant and threshold."""
    tried: list[Tried] = []
    given: Given | None = None
    for name, asked in RATES.items():
        at = math.log(DAY / asked / parameters.tick)
        done, outcome = ours(drawn, at, f"defaults, {name}", parameters)
        tried.append(done)
        given = given_of(drawn.streams, outcome)
        log(f"{OURS} {name}")
    usual = math.log(30 * DAY / parameters.tick)
    tried += looser(drawn, [usual + more for more in LOOSER], parameters)
    log(f"{OURS}, with hindsight")
    return tried + others(drawn, given, log) if given else tried


def others(drawn: Case, given: Given, log: Any) -> list[Tried]:
    """Try every comparator."""
    tried: list[Tried] = []
    for family, variant, scores in windows.windowed(given):
        tried += _thresholds(drawn, family, variant, scores)
        log(f"{family}, {variant}")
    for ratio in (2.0, 3.0):
        scores = sequential.two_states(given, ratio)
        tried += _thresholds(drawn, "two states (Kleinberg-like)", f"ρ = {ratio:g}", scores)
        log(f"two states {ratio:g}")
    for family, variant, grid, found in sequential.restarted(given):
        for threshold, alarms in zip(grid, found, strict=True):
            tried.append(_scored(drawn, family, variant, threshold, alarms, 1))
        log(f"{family}, {variant}")
    scores = sequential.bocpd(given)
    tried += _thresholds(drawn, "BOCPD, gamma–Poisson", "15 min", scores, 15)
    log("BOCPD")
    for delta in sequential.DELTAS:
        alarms = sequential.adwin(given, delta)
        tried.append(_scored(drawn, "ADWIN (river)", "15 min", delta, alarms, 1))
        log(f"ADWIN {delta:g}")
    return tried


def _thresholds(
    drawn: Case, family: str, variant: str, scores: windows.Scores, length: int = 1
) -> Iterable[Tried]:
    """Try 40 thresholds, even in the logarithm of how often they are exceeded."""
    parts = np.logspace(-5.5, -1.2, 40) * math.sqrt(length)
    for threshold in np.unique(np.quantile(scores, 1 - np.minimum(parts, 0.5))):
        alarms = (
            starts(scores >= threshold) if length == 1 else _binned(scores >= threshold, length)
        )
        yield _scored(drawn, family, variant, float(threshold), alarms, 1)


def _binned(exceeds: np.ndarray, length: int) -> list[tuple[int, int]]:
    whole = np.zeros((len(exceeds) * length, exceeds.shape[1]), bool)
    whole[length - 1 :: length] = exceeds
    return starts(whole)


def _scored(
    drawn: Case,
    family: str,
    variant: str,
    threshold: float,
    alarms: Iterable[tuple[int, int]],
    by: int,
) -> Tried:
    rows = ((series, LEARN * DAY + row * by) for series, row in alarms)
    scored = score(rows, drawn.surges, len(drawn.usual.volume))
    return summary(scored, drawn, family, variant, threshold)


def best(tried: Iterable[Tried], asked: float) -> dict[str, Tried]:
    """Return, per family, what finds most within the rate that is asked for; the soonest of equals."""
    out: dict[str, Tried] = {}
    for one in tried:
        if one.variant.startswith("defaults") or rate(one.false, one.days).rate > asked:
            continue
        held = out.get(one.family)
        key = (one.recall, -(one.delay or math.inf))
        if held is None or key > (held.recall, -(held.delay or math.inf)):
            out[one.family] = one
    return out
