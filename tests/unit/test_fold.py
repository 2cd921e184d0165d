import pytest

from consumers.counts.core.cells import Tally, hash_of
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import CellHash, Level
from consumers.counts.core.state import Fence, PartitionState, decode_state, encode_state
from consumers.counts.core.step import Retention
from groundswell.errors import CannotContinue
from tests.count_world import T0, L, gap, mark, opinion, records, refusal, tick

MINUTE = T0 // 60_000
NEW = PartitionState()


def folded(*rows, state=NEW):
    return fold(state, records(*rows, first=state.position), L)


def kinds(step):
    return {finding.kind: finding.amount for finding in step.findings}


def test_an_opinion_counts_at_three_levels_of_each_of_its_series():
    step = folded(opinion(0, label="positive", negative=0.25, topics=("rates", "credit")))
    tally = Tally((0, 0, 1, 0, 0, 1, *(0,) * 6), 250_000, (hash_of("b@1"),), (hash_of("wire"),))

    places: list[tuple[Level, int, int]] = [
        ("minute", MINUTE // 60, MINUTE % 60),
        ("hour", MINUTE // 1440, MINUTE // 60 % 24),
        ("day", 2026, 5),
    ]

    assert step.cells == {
        CellHash(level, series, window): {field: tally}
        for series in ("all", "topic:rates", "topic:credit")
        for level, window, field in places
    }
    assert step.touched == dict.fromkeys(("all", "topic:rates", "topic:credit"), MINUTE)
    assert step.bundles == {hash_of("b@1"): "b@1"}
    assert step.arrivals == (T0,)


def test_a_late_opinion_stands_apart():
    step = folded(opinion(0, published=T0 - L - 1))
    (cell,) = step.cells[CellHash("minute", "all", MINUTE // 60)].values()

    assert (cell.items, cell.stories) == ((0, 0, 0), (0, 0, 0))
    assert (cell.late_items, cell.late_stories) == ((1, 0, 0), (1, 0, 0))
    assert step.state.totals.late == 1


def test_a_story_counts_only_where_it_is_new():
    step = folded(opinion(0, new_in=("topic:rates",)))
    cells = {n.series: c for n, f in step.cells.items() if n.level == "day" for c in f.values()}

    assert cells["all"].stories == (0, 0, 0)
    assert cells["topic:rates"].stories == (1, 0, 0)


def test_a_text_that_nobody_could_read_counts_in_its_language_alone():
    step = folded(opinion(0, read=False, language="fr"))

    assert set(step.touched) == {"language:fr"}
    assert (step.state.totals.counted, step.state.totals.unread) == (1, 1)


def test_repeats_are_dropped_and_holes_wait():
    step = folded(opinion(0), opinion(1), opinion(1), opinion(5), opinion(0), opinion(2))

    assert step.state.fences == (Fence("news", "n", 0, 2),)
    assert step.state.totals.counted == 3
    assert (step.state.totals.repeats, step.state.totals.holes) == (2, 1)
    assert kinds(step) == {"hole": 1}


def test_a_refusal_and_a_tick_and_a_gap_move_the_fence():
    step = folded(opinion(0), refusal(1), tick(2, T0 + 5000), gap(9, 2), opinion(10))
    totals = step.state.totals

    assert (totals.counted, totals.refused, totals.ticks, totals.lost) == (
        2,
        (("no_text", 1),),
        1,
        7,
    )
    assert totals.settled == 11
    assert step.state.mark == T0 + 5000
    assert kinds(step) == {"lost": 7}


def test_a_gap_that_overlaps_what_has_counted_loses_only_the_rest():
    step = folded(opinion(0), opinion(1), opinion(2), gap(9, 0))

    assert step.state.totals.lost == 7


def test_a_mark_is_believed_only_without_a_hole():
    ahead = folded(opinion(0), mark(T0 + 1000, 3))
    believed = folded(opinion(0), mark(T0 + 1000, 0), mark(T0 + 500, 0))

    assert ahead.state.mark == 0
    assert believed.state.mark == T0 + 1000
    assert folded(mark(T0, 7)).state.mark == T0  # nothing is known yet


def test_a_topic_made_anew_starts_a_fence_of_its_own_and_is_named():
    step = folded(opinion(7), opinion(0, topic_id="m", after=-1), opinion(1, topic_id="m"))

    assert step.state.totals.counted == 3
    assert [f.topic_id for f in step.state.fences] == ["n", "m"]
    assert kinds(step) == {"recreated": 1}


def test_a_topic_without_an_identity_goes_by_the_newest_that_is_known():
    step = folded(opinion(7), opinion(7, topic_id=""), opinion(8, topic_id=""))

    assert step.state.fences == (Fence("news", "n", 0, 8),)
    assert (step.state.totals.counted, step.state.totals.repeats) == (2, 1)


def test_a_first_identity_takes_the_fence_over():
    step = folded(opinion(7, topic_id=""), opinion(7), opinion(8))

    assert step.state.fences == (Fence("news", "n", 0, 8),)
    assert (step.state.totals.counted, step.state.totals.repeats) == (2, 1)
    assert step.findings == ()


@pytest.mark.parametrize("value", [b"", b"{", b'{"kind":"other"}', b"\xff", b"[" * 5000])
def test_what_is_no_message_is_counted_and_passed(value):
    step = folded(opinion(0), value, opinion(1))

    assert (step.state.position, step.state.totals.unreadable) == (3, 1)
    assert step.state.totals.counted == 2
    assert kinds(step) == {"unreadable": 1}


def test_records_below_the_position_are_passed_over():
    state = folded(opinion(0), opinion(1)).state
    step = fold(state, records(opinion(0), opinion(1), opinion(2)), L)

    assert step.state.totals.counted == 3
    assert step.state.totals.repeats == 0


def test_equal_states_have_equal_bytes_and_come_back():
    state = folded(opinion(0), refusal(1), mark(T0, 1)).state

    assert decode_state(encode_state(state)) == state
    assert encode_state(decode_state(encode_state(state))) == encode_state(state)


@pytest.mark.parametrize("blob", [b"no", encode_state(NEW)[:-1] + b"\xcd\x00\x01"])
def test_a_state_of_another_release_is_refused(blob):
    with pytest.raises(CannotContinue, match="release that wrote it"):
        decode_state(blob)


def test_nothing_is_too_old_without_a_mark():
    kept = Retention(60, 1440, 2880)

    assert kept.expired_before(0) == {"minute": 0, "hour": 0, "day": 0}
    assert kept.expired_before(3000 * 60_000) == {"minute": 2940, "hour": 1560, "day": 120}
