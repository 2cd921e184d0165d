"""
The comparators that look at windows: rules that people deploy, and z-scores of a seasonal baseline.

All are given our own baseline where they use one (what is usual in that hour of the week, learnt online
with surges left out), since a worse one of their own would only hurt them. Each returns a score a minute
and series; the threshold is chosen afterwards, with hindsight.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Scores = NDArray[np.float32]


class Given(NamedTuple):
    """
    What comparators see of the test days, rows × series: negative and all stories, and what is usual.

    ``expected`` negative stories a minute, ``share`` usually negative, ``size`` of the negative binomial;
    ``stray`` (by series) is how far an hour's rate strays beyond chance, as a variance.
    """

    negative: NDArray[np.float32]
    stories: NDArray[np.float32]
    expected: NDArray[np.float32]
    share: NDArray[np.float32]
    size: NDArray[np.float32]
    stray: NDArray[np.float32]


def summed(values: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """Return sums over the last ``window`` rows."""
    total = np.cumsum(values, axis=0, dtype=np.float64)
    out = total.copy()
    out[window:] -= total[:-window]
    return out


def count(given: Given, window: int) -> Scores:
    """Return the negative stories of the last minutes: one number for all series."""
    return summed(given.negative, window).astype(np.float32)


def share(given: Given, window: int, least: int = 5) -> Scores:
    """Return the negative share of the last minutes, where there are enough stories."""
    n = summed(given.stories, window)
    k = summed(given.negative, window)
    return np.where(n >= least, k / np.maximum(n, 1), 0).astype(np.float32)


def ratio(given: Given, window: int, least: int = 3) -> Scores:
    """Return the last window over the one before, as ElastAlert's `spike` does."""
    now = summed(given.negative, window)
    before = np.zeros_like(now)
    before[2 * window :] = now[window:-window]  # once both windows are full
    good = (now >= least) & (before >= 1)
    return np.where(good, now / np.maximum(before, 1), 0).astype(np.float32)


def z_volume(given: Given, window: int, *, strays: bool) -> Scores:
    """Return the seasonal z-score of the volume; ``strays``: its variance knows how the rate wanders."""
    mean = summed(given.expected, window)
    spread = summed(given.expected**2 / given.size, window)
    if strays:
        spread += given.stray * mean**2
    return _z(summed(given.negative, window), mean, mean + spread)


def z_share(given: Given, window: int) -> Scores:
    """Return the z-score of the negative share against the usual one."""
    n = summed(given.stories, window)
    mean = summed(given.stories * given.share, window)
    return _z(summed(given.negative, window), mean, mean * (1 - mean / np.maximum(n, 1)))


def _z(
    seen: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64]
) -> Scores:
    # A third of a story is added to the variance: else a first story would be a score without bound.
    return ((seen - mean) / np.sqrt(variance + 1 / 3)).astype(np.float32)


def standard(given: Given) -> NDArray[np.float32]:
    """Return each minute's residual, standardised."""
    variance = given.expected + given.expected**2 / given.size
    return ((given.negative - given.expected) / np.sqrt(variance + 1e-3)).astype(np.float32)


def ewma(given: Given, half_life: int) -> Scores:
    """Return the exponentially weighted mean of standardised residuals (Roberts 1959), standardised."""
    weight = 1 - 0.5 ** (1 / half_life)
    faded = lfilter([weight], [1, weight - 1], standard(given), axis=0)
    return np.asarray(faded / np.sqrt(weight / (2 - weight)), np.float32)


def windowed(given: Given) -> Iterator[tuple[str, str, Scores]]:
    """Yield family, variant and scores of each."""
    for window in (15, 60, 180):
        yield "fixed count", f"{window} min", count(given, window)
        yield "fixed share", f"{window} min", share(given, window)
    for window in (60, 120, 240):
        yield "ratio of windows (ElastAlert)", f"{window} min", ratio(given, window)
    for half_life in (30, 120):
        yield "EWMA", f"half-life {half_life} min", ewma(given, half_life)
    for window in (30, 60, 120, 180):
        for strays in (False, True):
            name = f"{window} min{', strays' if strays else ''}"
            volume = z_volume(given, window, strays=strays)
            yield "seasonal z, volume", name, volume
            if strays:
                tone = z_share(given, window)
                yield "seasonal z, volume and share", name, np.maximum(volume, tone)
