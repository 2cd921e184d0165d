"""
The generator: streams of stories, a minute a tick, from a seed; what happened in them is known exactly.

    stories      negative binomial (size 8 a minute), mean = volume · season · drift · what was injected
    season       day and night, and weekends; each series has its own mixture
    negative     binomial, odds = usual · drift · what was injected
    drift        AR(1) by the hour, half-life 12 h, sd 0.30 in log rate and 0.25 in log odds
    sources      each story is of one of twelve

Forty series make a world and share a pool, from 0.2 to 200 stories an hour. The first 28 days are to
learn from, and hold nothing injected.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.bench.detect.streams import Streams

DAY = 1440
SERIES = 40
LEARN, TEST = 28, 42
SLOWEST, FASTEST = 0.2, 200.0
SIZE = 8.0
HALF_LIFE = 12.0
"""Hours in which half of the drift is forgotten."""
DRIFT = (0.30, 0.25)
SOURCES = 12
SURGES = 10
"""Injected in each series."""
KINDS = ("×2", "×3", "×5", "×10", "ramp", "share")
RATIOS = {"×2": 2.0, "×3": 3.0, "×5": 5.0, "×10": 10.0}
RAMP = 4.0
ODDS = 3.0

Floats = NDArray[np.float64]


class Surge(NamedTuple):
    """What was injected, in rows: from ``start`` to before ``end``."""

    series: int
    kind: str
    start: int
    end: int


class Usual(NamedTuple):
    """What the streams are drawn from: means a minute and shares, rows × series; and each volume."""

    mean: Floats
    share: Floats
    volume: Floats
    world: NDArray[np.int64]


def volumes() -> Floats:
    """Return the stories an hour of a world's series, in equal ratios."""
    return SLOWEST * (FASTEST / SLOWEST) ** (np.arange(SERIES) / (SERIES - 1))


def usual(
    rng: np.random.Generator, worlds: int, *, drift: bool, of_world: Floats | None = None
) -> Usual:
    """Return what is usual in ``worlds`` worlds, with or without drift."""
    volume = np.tile(volumes() if of_world is None else of_world, worlds)
    series, rows = len(volume), (LEARN + TEST) * DAY
    minute = np.arange(rows)[:, None]
    height, phase = rng.uniform(0.3, 0.8, series), rng.normal(14, 1.5, series)
    season = 1 + height * np.cos(2 * np.pi * (minute / DAY - phase / 24))
    season *= np.where(minute // DAY % 7 >= 5, rng.uniform(0.4, 0.9, series), 1.0)
    season /= season.mean(axis=0)
    logit = math.log(0.25) + rng.normal(0, 0.35, series)
    mean = volume / 60 * season
    share = np.broadcast_to(1 / (1 + np.exp(-logit)), mean.shape)
    if drift:
        rate, odds = (_ar(rng, rows, series) * sd for sd in DRIFT)
        # The mean of the rate is kept: exp of a normal variable has mean exp(sd² / 2).
        mean = mean * np.exp(rate - DRIFT[0] ** 2 / 2)
        share = 1 / (1 + np.exp(-(logit + odds)))
    return Usual(mean, np.array(share), volume, np.repeat(np.arange(worlds), len(volume) // worlds))


def _ar(rng: np.random.Generator, rows: int, series: int) -> Floats:
    """Return a stationary AR(1) of sd 1 by the hour, drawn straight between hours."""
    keep = 0.5 ** (1 / HALF_LIFE)
    hours = rows // 60 + 2
    noise = rng.normal(0, math.sqrt(1 - keep**2), (hours, series))
    out = np.empty((hours, series))
    out[0] = rng.normal(0, 1, series)
    for hour in range(1, hours):
        out[hour] = keep * out[hour - 1] + noise[hour]
    began, part = np.arange(rows) // 60, (np.arange(rows) % 60 / 60)[:, None]
    return np.asarray(out[began] * (1 - part) + out[began + 1] * part)


def surges(rng: np.random.Generator, series: int, kinds: tuple[str, ...] = KINDS) -> list[Surge]:
    """Place surges of 2 to 8 hours, their kinds in turn, some days apart."""
    slot = TEST * DAY // SURGES
    out = []
    for one in range(series):
        for number in range(SURGES):
            start = LEARN * DAY + number * slot + int(rng.integers(DAY // 4, slot - DAY // 2))
            kind = kinds[(number + one) % len(kinds)]
            out.append(Surge(one, kind, start, start + int(rng.integers(120, 481))))
    return out


def inject(what: Usual, surges: list[Surge]) -> Usual:
    """Return what is usual with the surges in it: more negative stories, or the same with worse odds."""
    mean, share = what.mean.copy(), what.share.copy()
    for surge in surges:
        rows, s = slice(surge.start, surge.end), surge.series
        if surge.kind == "share":
            odds = ODDS * share[rows, s] / (1 - share[rows, s])
            share[rows, s] = odds / (1 + odds)
            continue
        length = surge.end - surge.start
        ratio = RATIOS.get(surge.kind) or 1 + (RAMP - 1) * np.arange(length) / length
        more = 1 + share[rows, s] * (ratio - 1)
        mean[rows, s] *= more
        share[rows, s] *= ratio / more
    return what._replace(mean=mean, share=share)


def draw(rng: np.random.Generator, what: Usual, first: int = 0) -> Streams:
    """Draw the stories; ``first`` is the tick of the first row."""
    rates = rng.gamma(SIZE, 1 / SIZE, what.mean.shape)
    rates *= what.mean
    stories = rng.poisson(rates).astype(np.uint16)
    negative = rng.binomial(stories, what.share).astype(np.uint16)
    return Streams(negative, stories, sources_of(rng, stories), what.world, first=first)


def sources_of(
    rng: np.random.Generator, stories: NDArray[np.unsignedinteger]
) -> NDArray[np.uint16]:
    """Draw which sources spoke in each tick, as bits."""
    flat = stories.ravel()
    places = np.repeat(np.arange(len(flat)), flat)
    out = np.zeros(len(flat), np.uint16)
    np.bitwise_or.at(out, places, (1 << rng.integers(0, SOURCES, len(places))).astype(np.uint16))
    return out.reshape(stories.shape)
