"""
Market-wide stress: one umbrella alert in place of many.

e-d-BH over the series (Dandapanthula and Ramdas, arXiv 2501.04130, after the e-BH of Wang and Ramdas):

    m* = max m such that m series have M_k ≥ c · A_k / m        c = 5

It bounds false discoveries relative to patience, under any dependence. With weighted thresholds it is the
weighted form. An umbrella rises when m* reaches a least number of series and a least part of all; its
members' own alerts are then inhibited by it, not removed. It ends when m* has stayed below half of that for
half an hour.

Σ M_k / A_k is itself an e-detector, and an umbrella needs c of it: when nothing is wrong, umbrellas add at
most a c-th of the budget. Where ticks are long A is small, and c = 1 would raise one whenever many series
hold a little evidence, as they always do.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from consumers.watch.core.parameters import Parameters

LEVEL: Final = 5.0
LEAST: Final = 5
PART: Final = 0.3


class Umbrella(msgspec.Struct, frozen=True, array_like=True):
    """The state: up since a tick (-1: down), the series under it, sorted, and how long it is fading."""

    since: int = -1
    members: tuple[str, ...] = ()
    fading: int = 0


def e_d_bh(excess: Mapping[str, float]) -> tuple[str, ...]:
    """Return the series that e-d-BH selects; ``excess`` is ln M − ln A of each."""
    ranked = sorted(excess, key=lambda name: (-excess[name], name))
    for m in range(len(ranked), 0, -1):
        if excess[ranked[m - 1]] >= math.log(LEVEL / m):
            return tuple(sorted(ranked[:m]))
    return ()


def least_of(series: int) -> int:
    """Return how many of ``series`` must stand out together."""
    return max(LEAST, math.ceil(PART * series))


def umbrella_of(
    before: Umbrella, tick: int, excess: Mapping[str, float], series: int, parameters: Parameters
) -> Umbrella:
    """
    Return the umbrella after a decided tick.

    ``series`` is how many have a baseline; in ``excess`` those may be left out whose excess is below
    ln(``LEVEL`` / series), since no m selects them.
    """
    selected = e_d_bh(excess)
    least = least_of(series)
    if before.since < 0:
        return Umbrella(tick, selected) if len(selected) >= least else Umbrella()
    if 2 * len(selected) >= least:
        return Umbrella(before.since, selected)
    if before.fading < parameters.ticks(parameters.calm_for):
        return Umbrella(before.since, before.members, before.fading + 1)
    return Umbrella()
