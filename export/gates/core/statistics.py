"""
The arithmetic of the gates: error spent by looks, Holm's correction, exact tests, intervals of shares.

Sources: alpha spending (Lan and DeMets 1983) with a sequence whose sum is finite, so that looks may go on
without end; Holm 1979; Connor 1987 for the size of a paired comparison; Wilson 1927.
"""

from collections.abc import Mapping
from math import comb, sqrt
from statistics import NormalDist
from typing import Final

EXPONENT: Final = 1.5
ZETA: Final = 2.612375348685488
"""The sum of ``k ** -EXPONENT`` over all k."""
_ONE_SIDED: Final = 1.6448536


def spent(look: int, budget: float) -> float:
    """
    Return the error that the ``look``-th look (from 1) may make, of a ``budget`` for all looks ever.

    The shares ``k^-1.5 / zeta(1.5)`` sum to 1: by the union bound the chance that any of the looks errs
    is at most the budget, however the looks depend on one another.
    """
    return float(budget * look**-EXPONENT / ZETA)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p-values corrected for their number: one at or below α is significant at α of the family."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p))
        adjusted[name] = highest
    return adjusted


def worse_p(better: int, worse: int) -> float:
    """
    Return the one-sided p-value of the exact sign test that one model is no worse than the other.

    ``better`` and ``worse`` count the rows that only this, or only the other model got right.
    """
    total = better + worse
    tail = sum(comb(total, k) for k in range(worse, total + 1))
    return float(min(1.0, tail / 2**total))


def detectable(rows: int, discordant: int, error: float, power: float) -> float:
    """
    Return the smallest difference of accuracy that a paired comparison of ``rows`` shows.

    ``discordant`` rows are answered rightly by one of the two models; with none the share is unknown, and
    one row is taken. ``(z(1 - error) + z(power)) * sqrt(share / rows)``.
    """
    normal = NormalDist()
    share = max(1, discordant) / rows
    return (normal.inv_cdf(1 - error) + normal.inv_cdf(power)) * sqrt(share / rows)


def at_least(hits: int, of: int) -> float:
    """Return the lower end of Wilson's one-sided 95 % interval of a share; 0 of nothing."""
    if not of:
        return 0.0
    share, square = hits / of, _ONE_SIDED**2
    spread = _ONE_SIDED * sqrt(share * (1 - share) / of + square / (4 * of**2))
    return max(0.0, min(share, (share + square / (2 * of) - spread) / (1 + square / of)))
