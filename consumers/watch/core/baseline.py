"""
The baseline: what is usual for one series, learnt from its own past.

    negative stories expected in a tick = level · season(cell of the week) · tick / period
    level    faded mean of winsorised counts, the season taken out (half-life 21 days)
    share π  beta-binomial: faded counts and 20 pseudo-stories at the pool's share
    size r   1/r = Σ((x − μ)² − x) / Σ μ² over ticks, at the high end of its error (a low quantile of r)
    wander   how far the rate and the share stray from hour to hour beyond chance; widens the margins

Winsor cap of a period: m + 3 √(m + m²/3) + 1, so that a surge lifts the level little and slowly.
Rules: a period in which the series was elevated teaches nothing; before ``unlearnt`` periods there is no
null at all; until ``learning``, and for a day after a new bundle, the margins are doubled, while what
one bundle finds more negative than another on the same items is scaled away (``rescaled``).
"""

import math
from typing import NamedTuple

import msgspec

from consumers.watch.core import season
from consumers.watch.core.evidence import Null, Seen
from consumers.watch.core.parameters import Parameters, cell_of
from consumers.watch.core.season import Common, Share


class Baseline(msgspec.Struct, frozen=True, array_like=True):
    """
    The state that changes once a period. All sums are faded.

    ``periods`` learnt; ``count`` winsorised stories over ``weight`` season factors; ``negative`` of
    ``stories`` labelled; then a numerator and a denominator each: dispersion over ticks, wandering of
    the rate and of the share over periods; and the own season.
    """

    periods: int
    count: float
    weight: float
    negative: float
    stories: float
    dispersion: tuple[float, float]
    wander_volume: tuple[float, float]
    wander_share: tuple[float, float]
    season: bytes


class Open(msgspec.Struct, frozen=True, array_like=True):
    """
    The period that is still open: its number, what was seen in it, and whether it may teach.

    ``negative`` of ``stories`` in time, ``late_negative`` of ``late``; ``expected`` negative stories;
    ``excess`` and ``square`` are Σ((x − μ)² − x) and Σ μ² over its ticks.
    """

    period: int
    ticks: int = 0
    negative: int = 0
    stories: int = 0
    late_negative: int = 0
    late: int = 0
    expected: float = 0.0
    excess: float = 0.0
    square: float = 0.0
    frozen: bool = False


class Shadow(NamedTuple):
    """What two bundles said of the same ``items``: how many are negative by the old and by the new."""

    items: int
    old: int
    new: int


def unlearnt(parameters: Parameters) -> Baseline:
    """Return the baseline of a series that was never seen."""
    none = (0.0, 0.0)
    return Baseline(0, 0.0, 0.0, 0.0, 0.0, none, none, none, season.no_season(parameters))


def share_of(baseline: Baseline, common: Common, parameters: Parameters) -> float:
    """Return π, the usual share of negative stories."""
    prior = parameters.pseudo_stories
    return (baseline.negative + prior * common.share) / (baseline.stories + prior)


def _level(baseline: Baseline) -> float:
    """Return the usual negative stories a period, one being added for safety."""
    return (baseline.count + 1) / max(baseline.weight, 1e-9)


def expected_in(baseline: Baseline, period: int, common: Common, parameters: Parameters) -> float:
    """Return the negative stories expected in a period."""
    cell = cell_of(period, parameters.period)
    return _level(baseline) * season.factor(baseline.season, cell, common.factors, parameters)


def null_of(
    baseline: Baseline, period: int, common: Common, parameters: Parameters, *, doubled: bool
) -> Null | None:
    """Return what is usual in a tick of ``period``, with margins; None while there is no baseline."""
    if baseline.periods < parameters.unlearnt:
        return None
    factor = 2.0 if doubled or baseline.periods < parameters.learning else 1.0
    expected = expected_in(baseline, period, common, parameters)
    expected *= parameters.tick / parameters.period
    usual = share_of(baseline, common, parameters)
    strays = _deviations(_level(baseline) * 60 / parameters.period, parameters)
    volume = _margin(parameters.delta_volume, strays, baseline.wander_volume, parameters) * factor
    share = _margin(parameters.delta_share, strays, baseline.wander_share, parameters) * factor
    return Null(
        mean=expected * (1 + volume),
        size=size_of(baseline, parameters),
        share=min(usual * (1 + share), 1.0),
        expected=expected,
        usual=usual,
    )


def size_of(baseline: Baseline, parameters: Parameters) -> float:
    """Return r at a low quantile, so that dispersion is rather overstated; the prior is 1/r = 1/5."""
    excess, square = baseline.dispersion
    inverse = max(0.0, (excess + 0.2) / (square + 1))
    inverse += parameters.quantile * math.sqrt(2 * square) / (square + 1)
    return min(max(1 / max(inverse, 1e-9), parameters.size_low), parameters.size_high)


def _deviations(hourly: float, parameters: Parameters) -> float:
    """Return how many deviations of its wandering a margin has, at ``hourly`` negative stories an hour."""
    return parameters.wander + parameters.wander_large * hourly / (hourly + parameters.wander_half)


def _margin(
    least: float, deviations: float, wander: tuple[float, float], parameters: Parameters
) -> float:
    """Return a margin: the least one, or so many deviations of what was seen to wander."""
    variance = max(0.0, wander[0]) / (wander[1] + 50)
    return min(max(least, deviations * math.sqrt(variance)), parameters.margin_limit)


def taken(held: Open, seen: Seen, expected: float, *, frozen: bool) -> Open:
    """Add a tick to the open period; ``expected`` negative stories, 0 while there is no baseline."""
    return Open(
        held.period,
        held.ticks + 1,
        held.negative + seen.negative,
        held.stories + seen.stories,
        held.late_negative + seen.late_negative,
        held.late + seen.late,
        held.expected + expected,
        held.excess + ((seen.negative - expected) ** 2 - seen.negative if expected else 0.0),
        held.square + expected**2,
        held.frozen or frozen,
    )


def closed(
    baseline: Baseline, held: Open, common: Common, parameters: Parameters
) -> tuple[Baseline, Share | None]:
    """End a period: return the baseline that has learnt from it, and what the pool learns (or None)."""
    if held.frozen or not held.ticks:
        return baseline, None
    part = held.ticks * parameters.tick / parameters.period
    cell = cell_of(held.period, parameters.period)
    expected = expected_in(baseline, held.period, common, parameters) * part
    count = float(held.negative)
    if baseline.periods >= parameters.unlearnt:
        count = min(count, expected + 3 * math.sqrt(expected + expected**2 / 3) + 1)
    factor = season.factor(baseline.season, cell, common.factors, parameters)
    fading = parameters.fading
    n, k = held.stories + held.late, held.negative + held.late_negative
    share = share_of(baseline, common, parameters)
    learnt = msgspec.structs.replace(
        baseline,
        periods=baseline.periods + 1,
        count=baseline.count * fading + count,
        weight=baseline.weight * fading + factor * part,
        negative=baseline.negative * fading + k,
        stories=baseline.stories * fading + n,
    )
    if not held.expected:
        return learnt, None
    level = expected / (factor * part) if factor else 0.0
    usual = level * part
    weight = usual / (1 + usual)
    ratio = count / usual if usual else 1.0
    learnt = msgspec.structs.replace(
        learnt,
        dispersion=_faded(baseline.dispersion, held.excess, held.square, fading),
        wander_volume=_strayed(
            baseline.wander_volume,
            (held.negative - held.expected) ** 2 - held.negative,
            held.expected**2,
            fading,
        ),
        wander_share=_strayed(
            baseline.wander_share,
            (k - n * share) ** 2 - n * share * (1 - share),
            n * (n - 1) * share**2,
            fading,
        ),
        season=season.learnt(baseline.season, cell, ratio, weight, parameters),
    )
    return learnt, Share(cell, ratio, weight, k, n)


def _faded(held: tuple[float, float], top: float, bottom: float, by: float) -> tuple[float, float]:
    return held[0] * by + top, held[1] * by + bottom


def _strayed(
    held: tuple[float, float], top: float, bottom: float, by: float
) -> tuple[float, float]:
    """Add a period's squared straying beyond chance, over ``bottom``; large periods count alike."""
    return _faded(held, top / (1 + bottom), bottom / (1 + bottom), by)


def rescaled(baseline: Baseline, shadow: Shadow, parameters: Parameters) -> Baseline:
    """
    Return the baseline for another bundle: level and share times the ratio of both negative shares.

    Each share is shrunk to their mean by the pseudo-stories, so that few shadowed items change little.
    """
    prior = parameters.pseudo_stories
    mean = (shadow.old + shadow.new) / (2 * shadow.items) if shadow.items else 0.0
    if not mean:
        return baseline
    ratio = (shadow.new + prior * mean) / (shadow.old + prior * mean)
    return msgspec.structs.replace(
        baseline,
        count=baseline.count * ratio,
        negative=min(baseline.negative * ratio, baseline.stories),
    )
