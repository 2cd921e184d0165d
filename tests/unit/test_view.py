from consumers.counts.core import view
from consumers.counts.core.cells import ZERO, Tally
from consumers.counts.core.state import PartitionState, Totals

CELLS = {
    10: Tally((1, 2, 3, *(0,) * 9), 1_500_000),
    11: Tally((2, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0), 500_000),
    20: Tally((9, *(0,) * 11)),
}


def test_cells_of_a_range_are_added_up():
    total = view.added(CELLS, 10, 11)

    assert total.items == (3, 2, 3)
    assert view.tones(total) == (4, 2, 4)
    assert view.added(CELLS, 30, 40) == ZERO


def test_the_totals_of_partitions_are_added_up():
    one = PartitionState(mark=5, totals=Totals(counted=3, refused=(("a", 1),), lost=1))
    two = PartitionState(mark=7, totals=Totals(counted=4, refused=(("a", 1), ("b", 2)), ticks=1))
    total = view.overall([one, two, PartitionState()])

    assert (total.counted, total.refused, total.settled) == (7, (("a", 2), ("b", 2)), 13)
    assert view.read_until([one, two, PartitionState()]) == 5
    assert view.read_until([]) is None
