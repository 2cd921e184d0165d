"""
The comparators that carry a state: CUSUM, Page–Hinkley, two states, BOCPD, ADWIN.

Written anew from the papers, over all series at once, but for ADWIN, which is that of `river`. CUSUM and
Page–Hinkley begin anew at each alarm; so that their threshold can be chosen with hindsight, they run for
a whole grid of thresholds.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammaln

from tests.bench.detect.scoring import MERGED
from tests.bench.detect.windows import Given, Scores, standard

GRID = (2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 45, 70, 110)
Found = list[tuple[int, int]]


def restarting(gains: NDArray[np.float32], grid: Sequence[float]) -> list[Found]:
    """
    Run C ← max(0, C + gain), anew from 0 after each C ≥ threshold, for each threshold of ``grid``.

    Returns (series, row) of the alarms; one within two hours of another is the same (Page 1954).
    """
    limit = np.array(grid, np.float32)[:, None]
    held = np.zeros((len(grid), gains.shape[1]), np.float32)
    last = np.full(held.shape, -MERGED - 1)
    found: list[Found] = [[] for _ in grid]
    for row, gain in enumerate(gains):
        held += gain
        np.maximum(held, 0, out=held)
        over = held >= limit
        if over.any():
            for which, series in zip(*np.nonzero(over), strict=True):
                if row - last[which, series] > MERGED:
                    found[which].append((int(series), row))
                last[which, series] = row
            held[over] = 0
    return found


def cusum(given: Given, ratio: float) -> NDArray[np.float32]:
    """Return the log likelihood ratio of a Poisson mean times ``ratio``."""
    gain = given.negative * np.float32(math.log(ratio)) - np.float32(ratio - 1) * given.expected
    return np.asarray(gain, np.float32)


def bernoulli(given: Given, ratio: float) -> NDArray[np.float32]:
    """Return the log likelihood ratio of odds times ``ratio``."""
    cost = np.log1p(given.share * (ratio - 1))
    return np.asarray(given.negative * math.log(ratio) - given.stories * cost, np.float32)


def page_hinkley(given: Given, slack: float) -> NDArray[np.float32]:
    """Return the increments of Page–Hinkley on standardised residuals; ``slack`` is its δ."""
    return np.asarray(standard(given) - slack, np.float32)


def restarted(given: Given) -> Iterator[tuple[str, str, Sequence[float], list[Found]]]:
    """Yield family, variant, grid and the alarms by threshold."""
    for ratio in (2.0, 3.0):
        yield "CUSUM, volume", f"ρ = {ratio:g}", GRID, restarting(cusum(given, ratio), GRID)
    yield "CUSUM, share", "ρ = 3", GRID, restarting(bernoulli(given, 3.0), GRID)
    for slack in (0.1, 0.25, 0.5):
        gains = page_hinkley(given, slack)
        yield "Page–Hinkley", f"δ = {slack:g}", GRID, restarting(gains, GRID)


def two_states(given: Given, ratio: float, every: float = 7 * 1440, last: float = 240) -> Scores:
    """
    Return ln odds of being in a burst: a filter of two states (after Kleinberg 2002).

    The burst multiplies the rate by ``ratio``, begins every ``every`` minutes and lasts ``last``.
    """
    gains = cusum(given, ratio)
    begin, end = 1 / every, 1 / last
    odds = np.full(gains.shape[1], begin / end)
    out = np.empty_like(gains)
    for row, factor in enumerate(np.exp(np.clip(gains.astype(float), -50, 50))):
        odds = (begin + (1 - end) * odds) / (1 - begin + end * odds) * factor
        odds = np.clip(odds, 1e-30, 1e30)
        out[row] = np.log(odds)
    return out


def binned(values: NDArray[np.float32], length: int) -> NDArray[np.float64]:
    """Return sums of ``length`` rows each."""
    whole = values[: len(values) // length * length].astype(float)
    return np.asarray(whole.reshape(-1, length, values.shape[1]).sum(axis=1))


def bocpd(given: Given, length: int = 15, runs: int = 96, prior: float = 4.0) -> Scores:
    """
    Return ln odds that the rate is above 1.5 times the usual (Adams and MacKay 2007), every bin.

    x ~ Poisson(θ · usual), θ ~ Gamma(prior, prior) drawn anew at each change; one change in three days.
    Run lengths beyond ``runs`` bins are kept as one.
    """
    seen, usual = binned(given.negative, length), binned(given.expected, length)
    hazard = length / (3 * 1440)
    shape = np.full((runs, seen.shape[1]), prior)
    pace = shape.copy()
    weight = np.zeros_like(shape)
    weight[0] = 1.0
    out = np.empty(seen.shape, np.float32)
    for row, (x, mean) in enumerate(zip(seen, usual, strict=True)):
        chance = mean / (pace + mean)
        log_fit = (
            gammaln(shape + x) - gammaln(shape) - gammaln(x + 1)
            + shape * np.log1p(-chance) + x * np.log(np.maximum(chance, 1e-12))
        )  # fmt: skip
        grown = weight * np.exp(log_fit - log_fit.max(axis=0))
        fresh = grown.sum(axis=0) * hazard
        shape, pace = shape + x, pace + mean
        weight[-1] = (grown[-1] + grown[-2]) * (1 - hazard)
        weight[1:-1] = grown[:-2] * (1 - hazard)
        weight[0] = fresh
        weight /= weight.sum(axis=0)
        shape[1:], pace[1:] = shape[:-1].copy(), pace[:-1].copy()
        shape[0], pace[0] = prior, prior
        above = (weight * gammaincc(shape, 1.5 * pace)).sum(axis=0)
        out[row] = np.log(above + 1e-12) - np.log1p(1e-12 - above)
    return out


def adwin(given: Given, delta: float, length: int = 15) -> Found:
    """
    Return the alarms of ADWIN (Bifet and Gavaldà 2007, as in `river`) on residuals of ``length`` minutes.

    Only changes upwards count. Raises ``ImportError`` where river is not installed.
    """
    from river.drift import ADWIN

    seen, usual = binned(given.negative, length), binned(given.expected, length)
    residuals = (seen - usual) / np.sqrt(usual + 1 / 3)
    found: Found = []
    for series, values in enumerate(residuals.T.tolist()):
        detector: Any = ADWIN(delta=delta, clock=1)
        last = -MERGED - 1
        mean = 0.0
        for place, value in enumerate(values):
            detector.update(value)
            row = (place + 1) * length - 1
            if detector.drift_detected and detector.estimation > mean:
                if row - last > MERGED:
                    found.append((series, row))
                last = row
            mean = detector.estimation
    return found


DELTAS = (0.5, 0.1, 0.02, 0.002, 2e-4, 1e-5, 1e-7, 1e-10)
