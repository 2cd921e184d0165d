"""
The baselines of many series at once: `consumers.watch.core.baseline` and `.season`, in arrays.

Series stand side by side; each belongs to a *world* whose series share one pool. Formulas, roundings (a
season is kept in 32 and 16 bits, a pool in millionths) and the order of learning are those of the core:
`tests/property/test_bench_detect_engine.py` holds both against each other.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.parameters import Parameters, cell_of, cells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_MILLIONTH = 1_000_000
_WORKING_DAYS = 5


class Nulls(NamedTuple):
    """What is usual in a tick, per series: see `Null`. ``known`` says whether there is a baseline."""

    known: Bools
    mean: Floats
    size: Floats
    share: Floats
    expected: Floats
    usual: Floats


class Held:
    """The open period of each series: see `Open`."""

    def __init__(self, series: int) -> None:
        self.ticks = np.zeros(series, np.int64)
        self.negative, self.stories = np.zeros(series), np.zeros(series)
        self.late_negative, self.late = np.zeros(series), np.zeros(series)
        self.expected, self.excess, self.square = (np.zeros(series) for _ in range(3))
        self.frozen = np.zeros(series, bool)


class Pools:
    """The pool of each world, and what it says: factors of the cells, share of negatives."""

    def __init__(self, worlds: int, parameters: Parameters) -> None:
        self._parameters = parameters
        places = cells(parameters.period)
        self._ratios = np.zeros((worlds, places), np.int64)
        self._weights = np.zeros((worlds, places), np.int64)
        self._negative, self._stories = np.zeros(worlds, np.int64), np.zeros(worlds, np.int64)
        a_day = max(1, 1440 // parameters.period)
        where = np.arange(places)
        groups = where % a_day * 2 + (where // a_day >= _WORKING_DAYS)
        self._groups = np.unique(groups, return_inverse=True)[1]
        self.said()

    def said(self) -> None:
        """Work out ``factors`` and ``share`` from what was added: `common`."""
        pseudo, prior = self._parameters.pseudo_weeks, self._parameters.pseudo_stories
        groups = np.zeros((len(self._ratios), self._groups.max() + 1, 2))
        for which, sums in enumerate((self._ratios, self._weights)):
            for cell, group in enumerate(self._groups):
                groups[:, group, which] += sums[:, cell]
        groups /= _MILLIONTH
        group = (groups[..., 0] + pseudo) / (groups[..., 1] + pseudo)
        self.factors = (self._ratios / _MILLIONTH + pseudo * group[:, self._groups]) / (
            self._weights / _MILLIONTH + pseudo
        )
        self.share = (self._negative / _MILLIONTH + prior * self._parameters.prior_share) / (
            self._stories / _MILLIONTH + prior
        )

    def add(self, world: Ints, cell: int, ratio: Floats, weight: Floats, kn: Floats) -> None:
        """Take in what series of ``world`` saw in a period, ``kn`` being (negative, stories): `added`."""
        fading = self._parameters.season_fading
        there = np.unique(world)
        for sums in (self._ratios, self._weights, self._negative, self._stories):
            sums[there] = np.trunc(sums[there] * fading).astype(np.int64)
        units = (weight * ratio, weight, kn[0], kn[1])
        sums_of = (
            self._ratios[:, cell], self._weights[:, cell], self._negative, self._stories,
        )  # fmt: skip
        for sums, unit in zip(sums_of, units, strict=True):
            np.add.at(sums, world, np.rint(unit * _MILLIONTH).astype(np.int64))
        self.said()


class Baselines:
    """The learnt state of every series: see `Baseline`."""

    def __init__(self, world: Ints, parameters: Parameters) -> None:
        self._parameters = parameters
        self._world = world
        self.pools = Pools(int(world.max()) + 1, parameters)
        series = len(world)
        self.periods = np.zeros(series, np.int64)
        self.count, self.weight = np.zeros(series), np.zeros(series)
        self.negative, self.stories = np.zeros(series), np.zeros(series)
        self.dispersion, self.wander_volume, self.wander_share = (
            np.zeros((2, series)) for _ in range(3)
        )
        self._taught: tuple[Ints, int, Floats, Floats, Floats] | None = None
        self._own = np.zeros((series, cells(parameters.period)), np.float32)
        self._own_weight = np.zeros((series, cells(parameters.period)), np.float16)

    def share(self) -> Floats:
        """Return π of each series."""
        prior = self._parameters.pseudo_stories
        common = self.pools.share[self._world]
        return np.asarray((self.negative + prior * common) / (self.stories + prior))

    def _factor(self, cell: int) -> Floats:
        pseudo = self._parameters.pseudo_weeks
        pooled = self.pools.factors[self._world, cell]
        own, weight = self._own[:, cell].astype(float), self._own_weight[:, cell].astype(float)
        return np.asarray((own + pseudo * pooled) / (weight + pseudo))

    def _level(self) -> Floats:
        return np.asarray((self.count + 1) / np.maximum(self.weight, 1e-9))

    def _expected(self, cell: int) -> Floats:
        return np.asarray(self._level() * self._factor(cell))

    def nulls(self, period: int, doubled: Bools) -> Nulls:
        """Return what is usual in a tick of ``period``, with margins: `null_of`."""
        p = self._parameters
        factor = np.where(doubled | (self.periods < p.learning), 2.0, 1.0)
        expected = self._expected(cell_of(period, p.period)) * (p.tick / p.period)
        usual = self.share()
        hourly = self._level() * 60 / p.period
        strays = p.wander + p.wander_large * hourly / (hourly + p.wander_half)
        volume = self._margin(p.delta_volume, strays, self.wander_volume) * factor
        share = self._margin(p.delta_share, strays, self.wander_share) * factor
        known = self.periods >= p.unlearnt
        return Nulls(
            known=known,
            mean=expected * (1 + volume),
            size=self._size(),
            share=np.minimum(usual * (1 + share), 1.0),
            expected=np.where(known, expected, 0.0),
            usual=usual,
        )

    def _margin(self, least: float, deviations: Floats, wander: Floats) -> Floats:
        p = self._parameters
        deviation = np.sqrt(np.maximum(0.0, wander[0]) / (wander[1] + 50))
        return np.asarray(np.minimum(np.maximum(least, deviations * deviation), p.margin_limit))

    def _size(self) -> Floats:
        p = self._parameters
        excess, square = self.dispersion
        inverse = np.maximum(0.0, (excess + 0.2) / (square + 1))
        inverse += p.quantile * np.sqrt(2 * square) / (square + 1)
        return np.clip(1 / np.maximum(inverse, 1e-9), p.size_low, p.size_high)

    def close(self, period: int, held: Held) -> None:
        """End a period: series and pools learn from it (`closed`)."""
        p = self._parameters
        all_ = ~held.frozen & (held.ticks > 0)
        if not all_.any():
            return
        cell = cell_of(period, p.period)
        factor, share = self._factor(cell), self.share()
        part = held.ticks * p.tick / p.period
        expected = self._expected(cell) * part
        cap = expected + 3 * np.sqrt(expected + expected**2 / 3) + 1
        count = np.where(self.periods >= p.unlearnt, np.minimum(held.negative, cap), held.negative)
        n, k = held.stories + held.late, held.negative + held.late_negative
        fading = p.fading
        _put(self.periods, self.periods + 1, all_)
        _put(self.count, self.count * fading + count, all_)
        _put(self.weight, self.weight * fading + factor * part, all_)
        _put(self.negative, self.negative * fading + k, all_)
        _put(self.stories, self.stories * fading + n, all_)
        taught = all_ & (held.expected != 0)
        if not taught.any():
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            usual = np.where(factor > 0, expected / (factor * part), 0.0) * part
            ratio = np.where(usual > 0, count / usual, 1.0)
        weight = usual / (1 + usual)
        self._strayed(self.dispersion, held.excess, held.square, taught, plain=True)
        over = (held.negative - held.expected) ** 2 - held.negative
        self._strayed(self.wander_volume, over, held.expected**2, taught)
        over = (k - n * share) ** 2 - n * share * (1 - share)
        self._strayed(self.wander_share, over, n * (n - 1) * share**2, taught)
        self._learn_season(cell, ratio, weight, taught)
        kn = np.stack((k, n))[:, taught]
        self._taught = (self._world[taught], cell, ratio[taught], weight[taught], kn)

    def settle(self) -> bool:
        """Give the pools what the last period taught, after its tick is decided; say if there was any."""
        if self._taught is None:
            return False
        self.pools.add(*self._taught)
        self._taught = None
        return True

    def _strayed(
        self, sums: Floats, top: Floats, bottom: Floats, taught: Bools, *, plain: bool = False
    ) -> None:
        by = 1.0 if plain else 1 + bottom
        fading = self._parameters.fading
        _put(sums[0], sums[0] * fading + top / by, taught)
        _put(sums[1], sums[1] * fading + bottom / by, taught)

    def _learn_season(self, cell: int, ratio: Floats, weight: Floats, taught: Bools) -> None:
        fading = self._parameters.season_fading ** cells(self._parameters.period)
        own, held = self._own[:, cell].astype(float), self._own_weight[:, cell].astype(float)
        _put(self._own[:, cell], (own * fading + weight * ratio).astype(np.float32), taught)
        _put(self._own_weight[:, cell], (held * fading + weight).astype(np.float16), taught)

    def rescale(self, shadow: Shadow, which: Bools) -> None:
        """Scale the series ``which`` for another bundle: `rescaled`."""
        prior = self._parameters.pseudo_stories
        mean = (shadow.old + shadow.new) / (2 * shadow.items) if shadow.items else 0.0
        if not mean:
            return
        ratio = (shadow.new + prior * mean) / (shadow.old + prior * mean)
        _put(self.count, self.count * ratio, which)
        _put(self.negative, np.minimum(self.negative * ratio, self.stories), which)


def _put(into: NDArray[np.generic], values: NDArray[np.generic], where: Bools) -> None:
    np.copyto(into, values, where=where)
