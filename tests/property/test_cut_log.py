"""Law of a log that retention has cut: counting goes on, each item once, what is missing is told."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.counts.core.fold import fold
from consumers.counts.core.start import start_from
from consumers.ports import Bounds, Record
from groundswell.events import Origin, Tick, encode_log, instant

L = 120_000


def written(rng):
    """Return the offsets of a log as writers and zombies leave it: the next item, or repeats."""
    rows: list[int] = []
    fence = -1
    while len(rows) < 60:
        first = fence + 1 if rng.random() < 0.6 else rng.randrange(fence + 2)
        last = first + rng.randrange(6)
        last = last if first == fence + 1 else min(last, max(fence, first))
        rows += range(first, last + 1)
        fence = max(fence, last)
    return rows


def records(rows):
    for place, offset in enumerate(rows):
        origin = Origin(topic="news", partition=0, offset=offset, after=offset - 1)
        yield Record(0, place, 0, encode_log(Tick(arrived_at=instant(offset), origin=origin)))


def counted(held, rows, first, end):
    bounds = Bounds(None, "", first, end, "log")
    log = [record for record in records(rows) if first <= record.offset < end]
    return fold(start_from(held, bounds).state, log, L).state


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(0, 60))
def test_a_cut_log_is_counted_to_its_end(seed, stopped, cut):
    rows = written(random.Random(seed))
    stopped, cut = min(stopped, cut), max(stopped, cut)
    held = counted(None, rows, 0, stopped) if stopped else None
    if held is not None:
        assert (held.totals.ticks, held.totals.holes) == (max(rows[:stopped]) + 1, 0)
    state = counted(held, rows, cut, len(rows))
    left = rows[cut:]
    if left:
        (fence,) = state.fences
        known = -1 if held is None else held.fences[0].offset
        assert state.totals.holes == 0
        assert fence.offset == max(known, *left, -1)
        missed = left[0] if held is None else 0  # before the first record nothing is known
        assert state.totals.settled == fence.offset + 1 - missed
