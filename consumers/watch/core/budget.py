"""
The budget: from one setting, false alarms a day over all series, to a threshold a series.

With D_k days tolerated between two false alarms of series k, its threshold is A_k = D_k · ticks a day.
Each cycle from reset to alarm lasts at least A_k ticks on average, so that E[false alarms in T ticks] is
at most T / A_k; with Σ 1 / D_k = B all series together stay within B a day, however they depend on one
another. A series' part of the budget is its weight.
"""

import math
from collections.abc import Mapping

from groundswell.errors import Bug

DAY = 1440


def days_between(budget: float, weight: float, total: float) -> float:
    """Return D: days between false alarms of a series with ``weight`` out of ``total``."""
    if not (budget > 0 and 0 < weight <= total):
        raise Bug(f"budget {budget}, weight {weight} of {total}: each must be positive")
    return total / (budget * weight)


def log_threshold(budget: float, weight: float, total: float, tick: int) -> float:
    """Return ln A of a series; ``budget`` in false alarms a day, ``tick`` in minutes; at least 0."""
    return max(0.0, math.log(days_between(budget, weight, total) * DAY / tick))


def log_thresholds(budget: float, weights: Mapping[str, float], tick: int) -> dict[str, float]:
    """Return ln A for each series, by its weight."""
    total = sum(weights.values())
    return {name: log_threshold(budget, weight, total, tick) for name, weight in weights.items()}


def log_pending(log_a: float, tick: int) -> float:
    """Return ln A of the state ``pending``: once a day (of three ticks at least), never above A."""
    return min(log_a, math.log(max(DAY / tick, 3.0)))
