"""
Scoring: alarms against what was injected.

Rules: an alarm that begins within a surge finds it, the first one alone; one that begins outside of every
surge, and later than ``GRACE`` after its end, is false; what lies between counts for nothing. No point of
a surge but its alarm counts (no point adjustment). Alarms closer than two hours are one, of every detector.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from tests.bench.detect.generator import DAY, LEARN, TEST, Surge

GRACE = 240
"""Minutes after a surge in which an alarm counts for nothing: what it left behind is fading."""

MERGED = 120


class Score(NamedTuple):
    """False alarms over series-days, by series; per surge the delay in minutes (infinite: not found)."""

    false: np.ndarray
    days: float
    delays: np.ndarray


class Rate(NamedTuple):
    """False alarms a series-day with a 95 % interval (exact, Poisson)."""

    false: int
    days: float
    rate: float
    low: float
    high: float


def score(alarms: Iterable[tuple[int, int]], surges: Sequence[Surge], series: int) -> Score:
    """Score alarms (series, row) from the test days."""
    delays = np.full(len(surges), math.inf)
    false = np.zeros(series, int)
    by_series: dict[int, list[tuple[int, Surge]]] = {}
    for number, surge in enumerate(surges):
        by_series.setdefault(surge.series, []).append((number, surge))
    days = float(TEST)
    for one, row in alarms:
        if row < LEARN * DAY:
            continue
        for number, surge in by_series.get(one, ()):
            if surge.start <= row < surge.end:
                delays[number] = min(delays[number], row - surge.start + 1)
                break
            if surge.end <= row < surge.end + GRACE:
                break
        else:
            false[one] += 1
    covered = sum(surge.end - surge.start + GRACE for surge in surges) / DAY
    return Score(false, days - covered / series, delays)


def rate(false: int, days: float) -> Rate:
    """Return the rate with its interval."""
    low = chi2.ppf(0.025, 2 * false) / 2 / days if false else 0.0
    high = chi2.ppf(0.975, 2 * false + 2) / 2 / days
    return Rate(false, days, false / days, float(low), float(high))


def starts(exceeds: np.ndarray, first_row: int = 0) -> list[tuple[int, int]]:
    """Return (series, row) of each alarm of a detector that exceeds its threshold in ``exceeds``."""
    series, rows = np.nonzero(exceeds.T)
    new = np.ones(len(rows), bool)
    new[1:] = (np.diff(series) != 0) | (np.diff(rows) > MERGED)
    return list(zip(series[new].tolist(), (rows[new] + first_row).tolist(), strict=True))
