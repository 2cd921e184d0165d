"""
Whether a challenger that ran in shadow may be promoted: whether the stream would look much as before.

Compared is the share that champion and challenger call negative, of the same items. A difference counts
beyond a margin and beyond ``Z`` standard errors of two independent shares, which is more than two shares
of the same items vary.
"""

from math import sqrt
from typing import Final, Literal, NamedTuple, TypeAlias

Z: Final = 4.0

Verdict: TypeAlias = Literal["wait", "good", "apart"]


class Side(NamedTuple):
    """Items that both labelled, and how many of them the champion and the challenger called negative."""

    items: int = 0
    old: int = 0
    new: int = 0


class Asked(NamedTuple):
    """So many items are to be compared, within so many hours; the shares may differ by ``margin``."""

    items: int
    hours: float
    margin: float


class Judged(NamedTuple):
    """What to do, and why."""

    verdict: Verdict
    why: str


def judge(seen: Side, asked: Asked) -> Judged:
    """Decide on what the shadow runs of all consumers have seen so far."""
    if seen.items < asked.items:
        return Judged("wait", f"{seen.items} of {asked.items} items were compared in shadow")
    old, new = seen.old / seen.items, seen.new / seen.items
    chance = Z * sqrt((old * (1 - old) + new * (1 - new)) / seen.items)
    told = (
        f"of {seen.items} items in shadow it calls {new:.1%} negative, the champion {old:.1%} "
        f"(allowed are {asked.margin:.0%} apart, and {chance:.1%} for chance)"
    )
    return Judged("apart" if abs(new - old) > asked.margin + chance else "good", told)
