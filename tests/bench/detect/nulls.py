"""
When nothing is wrong: false alarms against the budget, by stratum of volume.

    edge       the rate and the share stand at the margin itself, dispersion as declared: the bound's worst
               case. Evidence alone, without baseline and gates, begun anew at each alarm
    clean      the generator without drift; all is learnt online
    drift      with drift
    ×0.8       all rates a fifth lower from the day when learning ends
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from consumers.watch.core.parameters import Parameters
from tests.bench.detect import generator
from tests.bench.detect.compare import STRATA
from tests.bench.detect.engine import Detector
from tests.bench.detect.generator import DAY, LEARN, TEST
from tests.bench.detect.scoring import Rate, rate, score

LOG_A = math.log(30 * DAY)
EDGE_SERIES, EDGE_DAYS = 300, 40


class Null(msgspec.Struct):
    """False alarms of a case by stratum."""

    case: str
    rates: list[Rate]


def nulls(seeds: Sequence[int], parameters: Parameters, log: Any) -> list[Null]:
    """Measure every case."""
    out = [edge(parameters)]
    log("edge")
    for case in ("clean", "drift", "×0.8"):
        out.append(learnt(case, seeds, parameters))
        log(case)
    return out


def learnt(case: str, seeds: Sequence[int], parameters: Parameters) -> Null:
    """Measure one case in which everything is learnt online."""
    rng = np.random.default_rng([*seeds, 7])
    usual = generator.usual(rng, len(seeds), drift=case == "drift")
    if case == "×0.8":
        usual.mean[LEARN * DAY :] *= 0.8
    outcome = Detector(generator.draw(rng, usual), parameters, LOG_A).run()
    alarms = [(alarm.series, alarm.row) for alarm in outcome.alarms if not alarm.again]
    false = score(alarms, [], len(usual.volume)).false
    return Null(case, by_stratum(false, usual.volume))


def by_stratum(false: np.ndarray, volume: np.ndarray) -> list[Rate]:
    rates = []
    for low, high in STRATA:
        inside = (volume >= low) & (volume < high)
        rates.append(rate(int(false[inside].sum()), float(TEST * inside.sum())))
    return rates


def edge(parameters: Parameters, share: float = 0.2) -> Null:
    """Run the evidence on streams that stand at the margin."""
    rng = np.random.default_rng(11)
    per_hour = np.array([math.sqrt(low * high) for low, high in STRATA])
    mean = np.repeat(per_hour, EDGE_SERIES) / 60
    ratios = np.array(parameters.ratios)[:, None]
    negative = mean * share
    cost = np.log((generator.SIZE + negative) / (generator.SIZE + ratios * negative))
    gain, lump = np.log(ratios) + cost, generator.SIZE * cost
    share_cost = np.log1p(share * (ratios - 1))
    held = np.zeros((2 * len(ratios), len(mean)))
    false = np.zeros(len(mean), int)
    for _ in range(EDGE_DAYS * DAY // 60):
        rates = rng.gamma(generator.SIZE, 1 / generator.SIZE, (60, len(mean))) * mean
        stories = rng.poisson(rates)
        negatives = rng.binomial(stories, share)
        for n, k in zip(stories, negatives, strict=True):
            half = len(ratios)
            held[:half] = np.exp(k * gain + lump) * (held[:half] + 1)
            grown = np.exp(k * np.log(ratios) - n * share_cost) * (held[half:] + 1)
            np.copyto(held[half:], grown, where=n > 0)
            fired = held.mean(axis=0) >= math.exp(LOG_A)
            if fired.any():
                false += fired
                held[:, fired] = 0
    sums = false.reshape(len(STRATA), -1).sum(axis=1)
    return Null("edge", [rate(int(s), float(EDGE_DAYS * EDGE_SERIES)) for s in sums])
