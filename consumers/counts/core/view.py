"""
Reading the counts: sums over cells and states.

Rule: whatever a screen shows is one of these sums, so that it can be recomputed.
"""

from collections.abc import Iterable, Mapping

from consumers.counts.core.cells import ZERO, Tally, merge
from consumers.counts.core.state import PartitionState, Totals


def added(cells: Mapping[int, Tally], first: int, last: int) -> Tally:
    """Add up the cells of the buckets ``first`` to ``last``, both included."""
    total = ZERO
    for bucket, tally in cells.items():
        if first <= bucket <= last:
            total = merge(total, tally)
    return total


def tones(tally: Tally) -> tuple[int, int, int]:
    """Return negative, neutral and positive items, late ones included."""
    negative, neutral, positive = (
        now + late for now, late in zip(tally.items, tally.late_items, strict=True)
    )
    return negative, neutral, positive


def overall(states: Iterable[PartitionState]) -> Totals:
    """Add up the totals of partitions."""
    totals = [state.totals for state in states]
    refused: dict[str, int] = {}
    for reason, number in (pair for t in totals for pair in t.refused):
        refused[reason] = refused.get(reason, 0) + number
    numbers = {
        name: sum(getattr(t, name) for t in totals)
        for name in Totals.__struct_fields__
        if name != "refused"
    }
    return Totals(refused=tuple(sorted(refused.items())), **numbers)


def read_until(states: Iterable[PartitionState]) -> int | None:
    """Return the oldest mark (ms): all that arrived before it is counted; None without marks."""
    return min((state.mark for state in states if state.mark), default=None)
