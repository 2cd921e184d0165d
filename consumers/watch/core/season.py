"""
The season: how much of its level a series has in each cell of the week.

Three layers, each shrunk to the one above by pseudo-weeks:

    1 ← hour of the day, on working days or at the weekend, all series
      ← cell of the week, all series (the *pool*)
        ← cell of the week, this series

A count enters as its ratio to the level, weighted by how much it can say: m / (1 + m) for m expected,
since a ratio to a small number is noise. Sums of the pool are integers in millionths, so that they do not
depend on the order of the series.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from consumers.watch.core.parameters import Parameters, cells

_MILLIONTH: Final = 1_000_000
_WORKING_DAYS: Final = 5
_SUM: Final = struct.Struct("<f")
_WEIGHT: Final = struct.Struct("<e")
_CELL: Final = _SUM.size + _WEIGHT.size


class Share(NamedTuple):
    """What one series gives to the pool at the end of a period: its ratio to its level, its counts."""

    cell: int
    ratio: float
    weight: float
    negative: int
    stories: int


class Pool(msgspec.Struct, frozen=True, array_like=True):
    """All series together: per cell Σ weight · ratio and Σ weight; negative and all stories."""

    ratios: tuple[int, ...]
    weights: tuple[int, ...]
    negative: int = 0
    stories: int = 0


class Common(NamedTuple):
    """What the pool says to each series: the season's factor in each cell, the share of negatives."""

    factors: tuple[float, ...]
    share: float


def no_pool(parameters: Parameters) -> Pool:
    """Return a pool that has seen nothing."""
    zero = (0,) * cells(parameters.period)
    return Pool(zero, zero)


def added(pool: Pool, shares: Iterable[Share], parameters: Parameters) -> Pool:
    """Add what the series saw in one period; called once a period, it also lets the old fade."""
    fading = parameters.season_fading
    ratios = [int(value * fading) for value in pool.ratios]
    weights = [int(value * fading) for value in pool.weights]
    negative, stories = int(pool.negative * fading), int(pool.stories * fading)
    for share in shares:
        ratios[share.cell] += round(share.weight * share.ratio * _MILLIONTH)
        weights[share.cell] += round(share.weight * _MILLIONTH)
        negative += share.negative * _MILLIONTH
        stories += share.stories * _MILLIONTH
    return Pool(tuple(ratios), tuple(weights), negative, stories)


def common(pool: Pool, parameters: Parameters) -> Common:
    """Return what the pool says."""
    a_day = max(1, 1440 // parameters.period)
    pseudo = parameters.pseudo_weeks
    groups: dict[tuple[int, bool], list[int]] = {}
    for cell in range(len(pool.ratios)):
        groups.setdefault((cell % a_day, cell // a_day >= _WORKING_DAYS), []).append(cell)
    factors = [1.0] * len(pool.ratios)
    for members in groups.values():
        ratio = sum(pool.ratios[cell] for cell in members) / _MILLIONTH
        weight = sum(pool.weights[cell] for cell in members) / _MILLIONTH
        group = (ratio + pseudo) / (weight + pseudo)
        for cell in members:
            factors[cell] = (pool.ratios[cell] / _MILLIONTH + pseudo * group) / (
                pool.weights[cell] / _MILLIONTH + pseudo
            )
    prior = parameters.pseudo_stories
    share = (pool.negative / _MILLIONTH + prior * parameters.prior_share) / (
        pool.stories / _MILLIONTH + prior
    )
    return Common(tuple(factors), share)


def no_season(parameters: Parameters) -> bytes:
    """Return a series' own season before it has seen anything: a float and a half float a cell."""
    return bytes(_CELL * cells(parameters.period))


def factor(season: bytes, cell: int, pooled: Sequence[float], parameters: Parameters) -> float:
    """Return a series' factor in a cell."""
    total, weight = _at(season, cell)
    pseudo = parameters.pseudo_weeks
    return (total + pseudo * pooled[cell]) / (weight + pseudo)


def learnt(season: bytes, cell: int, ratio: float, weight: float, parameters: Parameters) -> bytes:
    """Return the season with one more week in a cell, the earlier ones faded."""
    total, held = _at(season, cell)
    fading = parameters.season_fading ** cells(parameters.period)
    new = _SUM.pack(total * fading + weight * ratio) + _WEIGHT.pack(held * fading + weight)
    return season[: cell * _CELL] + new + season[(cell + 1) * _CELL :]


def _at(season: bytes, cell: int) -> tuple[float, float]:
    place = cell * _CELL
    return _SUM.unpack_from(season, place)[0], _WEIGHT.unpack_from(season, place + _SUM.size)[0]
