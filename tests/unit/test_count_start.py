import msgspec
import pytest

from consumers.counts.core.start import start_from
from consumers.counts.core.state import Fence, PartitionState
from consumers.ports import Bounds

HELD = PartitionState(log_id="a", position=50, fences=(Fence("news", "n", 0, 7),))


def bounds(beginning=0, end=100, committed=None, topic_id="a"):
    return Bounds(committed, topic_id if committed is not None else "", beginning, end, topic_id)


def test_nothing_held_begins_at_the_beginning():
    state, findings = start_from(None, bounds(beginning=30))

    assert (state.log_id, state.position, findings) == ("a", 30, ())


@pytest.mark.parametrize("known", [bounds(), bounds(committed=10), bounds(beginning=50)])
def test_the_position_held_goes_before_the_group_s(known):
    assert start_from(HELD, known) == (HELD, ())


def test_an_identity_is_taken_over_by_a_state_that_has_none():
    held = msgspec.structs.replace(HELD, log_id="")

    assert start_from(held, bounds()).state == HELD
    assert start_from(HELD, bounds(topic_id="")).state == HELD


def test_a_log_made_anew_is_read_from_its_beginning_with_the_fences_kept():
    state, (finding,) = start_from(HELD, bounds(topic_id="b", beginning=3))

    assert (state.log_id, state.position, state.fences) == ("b", 3, HELD.fences)
    assert state.totals.log_recreated == 1
    assert finding.kind == "log_recreated"
    assert "identity a, now b" in finding.detail


def test_a_position_behind_the_beginning_is_named_and_counted():
    state, (finding,) = start_from(HELD, bounds(beginning=80))

    assert (state.position, state.totals.log_lost) == (80, 30)
    assert (finding.kind, finding.amount) == ("log_lost", 30)


def test_a_position_beyond_the_end_is_believed_until_the_reader_was_refused():
    assert start_from(HELD, bounds(end=40)) == (HELD, ())

    state, (finding,) = start_from(HELD, bounds(end=40, committed=50))
    assert (state.position, finding.kind) == (0, "log_recreated")
    assert "it ends at 40" in finding.detail
