"""
How soon surges of a known size are found, at an exact volume and over strata; and what makes it slow.

The ``floor`` is about what a detector would need that knows the ratio and the usual rate, and has no
margin: ln(A · I) / I, with I = λ(ρ ln ρ − ρ + 1) the information a minute in λ negative stories a minute
(after Lorden 1971). Nothing finds it sooner at this rate of false alarms.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from consumers.watch.core.parameters import Parameters
from tests.bench.detect import generator
from tests.bench.detect.compare import STRATA
from tests.bench.detect.engine import Detector
from tests.bench.detect.generator import RATIOS
from tests.bench.detect.nulls import LOG_A, Null
from tests.bench.detect.scoring import Rate, Score, rate, score

VOLUMES = (10.0, 30.0, 60.0, 150.0)
KINDS = ("×3", "×5", "×10")
SHARE = 0.2
POOLED = (*STRATA, (10.0, 200.1), (30.0, 200.1))
"""Strata, and all from 10 and from 30 stories an hour on."""


class Delay(msgspec.Struct):
    """Minutes until surges of a kind are found, at volumes from ``low`` to ``high``; None: never."""

    low: float
    high: float
    kind: str
    drift: bool
    found: float
    median: float | None
    ninth: float | None
    """The ninth decile."""
    floor: float | None
    surges: int


class Variant(msgspec.Struct):
    """What other parameters would do, at exact volumes: false alarms between surges, and delays."""

    name: str
    nulls: list[Null]
    delays: list[Delay]


FIXED = {"wander": 0.0, "wander_large": 0.0}
"""Margins that do not follow what a series was seen to wander by."""

VARIANTS: Mapping[str, Mapping[str, float]] = {
    "defaults": {},
    "without gates": {"stories": 0, "sources": 0},
    "no margins at all": {"delta_volume": 0.0, "delta_share": 0.0, **FIXED},
    "fixed margins 0.5 and 0.25": {"delta_volume": 0.5, "delta_share": 0.25, **FIXED},
    "two deviations for all": {"wander": 2.0, "wander_large": 0.0},
    "two and a half for all": {"wander": 2.5, "wander_large": 0.0},
}


def floor(volume: float, ratio: float) -> float | None:
    """Return the least minutes for a surge of negative stories at ``volume`` stories an hour."""
    information = volume * SHARE / 60 * (ratio * math.log(ratio) - ratio + 1)
    needed = LOG_A + math.log(information)
    return needed / information if needed > 0 else None


def delays(seeds: Sequence[int], parameters: Parameters, log: Any) -> list[Delay]:
    """Measure at exact volumes, then over strata, without and with drift."""
    out = []
    for drift in (False, True):
        out += exactly(seeds, parameters, drift=drift)[0]
        log(f"exact volumes, {'drift' if drift else 'clean'}")
        took = _took(seeds, parameters, generator.volumes(), drift=drift)[0]
        out += [_delay(took, *stratum, kind, drift=drift) for stratum in POOLED for kind in KINDS]
        log(f"strata, {'drift' if drift else 'clean'}")
    return out


def exactly(
    seeds: Sequence[int], parameters: Parameters, *, drift: bool
) -> tuple[list[Delay], list[Rate]]:
    """Measure at exact volumes: delays, and false alarms between surges by volume."""
    volumes = np.repeat(np.array(VOLUMES), generator.SERIES // len(VOLUMES))
    took, scored = _took(seeds, parameters, volumes, drift=drift)
    found = [_delay(took, v, v, kind, drift=drift) for v in VOLUMES for kind in KINDS]
    false = scored.false.reshape(len(seeds), len(VOLUMES), -1)
    days = scored.days * false.shape[0] * false.shape[2]
    return found, [rate(int(n), days) for n in false.sum(axis=(0, 2))]


Took = list[tuple[float, str, float]]
"""Volume, kind and delay of each surge."""


def _took(
    seeds: Sequence[int], parameters: Parameters, volumes: np.ndarray, *, drift: bool
) -> tuple[Took, Score]:
    rng = np.random.default_rng([*seeds, 9])
    usual = generator.usual(rng, len(seeds), drift=drift, of_world=volumes)
    surges = generator.surges(rng, len(usual.volume), KINDS)
    outcome = Detector(
        generator.draw(rng, generator.inject(usual, surges)), parameters, LOG_A
    ).run()
    alarms = [(alarm.series, alarm.row) for alarm in outcome.alarms if not alarm.again]
    scored = score(alarms, surges, len(usual.volume))
    return [
        (float(usual.volume[surge.series]), surge.kind, float(delay))
        for surge, delay in zip(surges, scored.delays, strict=True)
    ], scored


def _delay(took: Took, low: float, high: float, kind: str, *, drift: bool) -> Delay:
    of = np.array([d for v, k, d in took if k == kind and low <= v <= high])
    median, ninth = (_finite(np.quantile(of, q, method="higher")) for q in (0.5, 0.9))
    least = floor(low, RATIOS[kind]) if low == high else None
    found = float(np.isfinite(of).mean())
    return Delay(low, high, kind, drift, found, median, ninth, least, len(of))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def variants(seeds: Sequence[int], parameters: Parameters, log: Any) -> list[Variant]:
    """Measure what other parameters would do."""
    out = []
    for name, changes in VARIANTS.items():
        changed = msgspec.structs.replace(parameters, **changes)
        rates, took = [], []
        for case in ("clean", "drift"):
            found, false = exactly(seeds, changed, drift=case == "drift")
            rates.append(Null(case, false))
            took += found
        out.append(Variant(name, rates, took))
        log(name)
    return out
