"""
Market-wide stress: one umbrella alert in place of many.

e-d-BH over the series (Dandapanthula and Ramdas, arXiv 2501.04130, after the e-BH of Wang and Ramdas):

    m* = max m such that m series have M_k ≥ A_k / m

It bounds false discoveries relative to patience, under any dependence. With weighted thresholds it is the
weighted form. An umbrella rises when m* reaches a least number of series and a least part of all; its
members' own alerts are then inhibited by it, not removed. It ends when m* falls below half of that.

Σ M_k / A_k is itself an e-detector whose threshold is 1: when nothing is wrong, umbrellas come at most
as often as the budget allows once more.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

LEAST: Final = 5
PART: Final = 0.3


class Umbrella(msgspec.Struct, frozen=True, array_like=True):
    """The state: up since a tick (-1: down), and the series under it, sorted."""

    since: int = -1
    members: tuple[str, ...] = ()


def e_d_bh(excess: Mapping[str, float]) -> tuple[str, ...]:
    """Return the series that e-d-BH selects; ``excess`` is ln M − ln A of each."""
    ranked = sorted(excess, key=lambda name: (-excess[name], name))
    for m in range(len(ranked), 0, -1):
        if excess[ranked[m - 1]] >= -math.log(m):
            return tuple(sorted(ranked[:m]))
    return ()


def least_of(series: int) -> int:
    """Return how many of ``series`` must stand out together."""
    return max(LEAST, math.ceil(PART * series))


def umbrella_of(before: Umbrella, tick: int, excess: Mapping[str, float]) -> Umbrella:
    """Return the umbrella after a decided tick."""
    selected = e_d_bh(excess)
    least = least_of(len(excess))
    if len(selected) >= least:
        return Umbrella(tick if before.since < 0 else before.since, selected)
    if before.since >= 0 and 2 * len(selected) >= least:
        return Umbrella(before.since, selected)
    return Umbrella()
