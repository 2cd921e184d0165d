"""The laws of the fold, over any log: repeats, holes, refusals, gaps, marks, nonsense."""

import random

from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.cells import ZERO, Tally, merge
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import CellHash
from consumers.counts.core.state import PartitionState, Totals
from tests.count_world import T0, L, gap, mark, random_opinion, records, refusal, tick

NEW = PartitionState()


def any_log(seed, length=40):
    """Return rows with jumps forwards and backwards, of two identities of the source."""
    rng = random.Random(seed)
    rows, offset = [], 0
    for _ in range(length):
        offset = max(0, offset + rng.choice([1, 1, 1, 1, 1, 1, 0, -1, -3, 2, 5]))
        after = offset - rng.choice([1, 1, 1, 1, 2, 4])
        identity = rng.choice(["n"] * 9 + ["m", ""])
        rows.append(
            rng.choice(
                [
                    *[random_opinion(rng, offset, after=after, topic_id=identity)] * 6,
                    refusal(offset, after=after, reason=rng.choice("ab"), topic_id=identity),
                    gap(offset, after, topic_id=identity),
                    tick(offset, T0 + offset * 20_000, after=after),
                    mark(T0 + offset * 20_000, offset, topic_id=identity),
                    b"nonsense",
                ]
            )
        )
    return records(*rows)


def added(*steps):
    """Add up the cells of steps."""
    total: dict[tuple[CellHash, int], Tally] = {}
    for step in steps:
        for name, fields in step.cells.items():
            for field, tally in fields.items():
                total[name, field] = merge(total.get((name, field), ZERO), tally)
    return total


SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(0, 40))
def test_cutting_a_batch_anywhere_gives_the_same(seed, cut):
    log = any_log(seed)
    whole = fold(NEW, log, L)
    first = fold(NEW, log[:cut], L)
    second = fold(first.state, log[cut:], L)

    assert second.state == whole.state
    assert added(first, second) == added(whole)
    assert first.arrivals + second.arrivals == whole.arrivals


@given(SEEDS, st.integers(0, 40))
def test_delivering_a_prefix_again_changes_nothing(seed, cut):
    log = any_log(seed)
    state = fold(NEW, log, L).state
    again = fold(state, log[:cut], L)

    assert again.state == state
    assert again.cells == {}


@given(SEEDS, st.integers(1, 40))
def test_what_a_zombie_writes_again_is_dropped(seed, length):
    rng = random.Random(seed)
    rows = [random_opinion(rng, n) for n in range(length)]
    start = rng.randrange(length)
    zombie = rows[start : start + rng.randrange(1, 10)]
    state = fold(NEW, records(*rows), L).state
    step = fold(state, records(*zombie, first=state.position), L)

    assert step.cells == {}
    assert step.state.fences == state.fences
    assert step.state.totals.repeats == len(zombie)


@given(SEEDS)
def test_neither_fence_nor_mark_nor_total_ever_falls(seed):
    state = NEW
    for record in any_log(seed):
        after = fold(state, [record], L).state
        fences = {(f.topic, f.topic_id, f.partition): f.offset for f in after.fences}
        for fence in state.fences:
            key = (fence.topic, fence.topic_id, fence.partition)
            # Only a topic that had no identity may have got one.
            assert key in fences or not fence.topic_id
            assert fences.get(key, fence.offset) >= fence.offset
        assert after.mark >= state.mark
        assert after.position == state.position + 1
        for field in Totals.__struct_fields__:
            assert (
                getattr(after.totals, field) >= getattr(state.totals, field) or field == "refused"
            )
        assert after.totals.settled >= state.totals.settled
        state = after


@given(SEEDS)
def test_every_item_of_a_series_stands_once_at_each_level(seed):
    step = fold(NEW, any_log(seed), L)
    for level in ("minute", "hour", "day"):
        items = sum(
            sum(t.items) + sum(t.late_items)
            for name, fields in step.cells.items()
            if name.level == level and not name.series.startswith("topic:")
            for t in fields.values()
        )
        assert items == step.state.totals.counted
