import asyncio

import pytest

from consumers.counts.core.cells import Tally
from consumers.counts.core.state import PartitionState, Totals
from consumers.up.look import look, row_of
from consumers.up.top import Watcher
from groundswell.errors import Transient


def tally(*tones, late=(0, 0, 0)):
    return Tally(counts=(*tones, *tones, *late, *late))


class Counts:
    """Answers from what it was given; ``away`` makes every question fail."""

    def __init__(self, states, cells):
        self.held, self.by_series, self.away = states, cells, False

    async def states(self):
        if self.away:
            raise Transient("the store is away")
        return self.held

    async def series(self):
        return {name: max(minutes) for name, minutes in self.by_series.items()}

    async def cells(self, series, level, first, last):
        assert level == "minute"
        return {
            name: {m: t for m, t in self.by_series[name].items() if first <= m <= last}
            for name in series
        }

    async def bundles(self):
        return {}


class Clock:
    def __init__(self, *times):
        self.times = list(times)

    def now(self):
        return 0.0

    def wall(self):
        return self.times.pop(0)


STATES = {
    0: PartitionState(mark=90_000, totals=Totals(counted=5, refused=(("no_text", 2),), lost=1)),
    1: PartitionState(mark=70_000, totals=Totals(counted=3)),
}
CELLS = {
    "topic:a": {100: tally(1, 2, 0), 103: tally(0, 0, 1)},
    "all": {103: tally(2, 2, 2, late=(1, 0, 0)), 40: tally(9, 9, 9)},
}


def test_a_look_adds_up_the_window_that_ends_at_the_newest_minute():
    picture = asyncio.run(look(Counts(STATES, CELLS), 10, 100_000, (99_000, 5)))  # type: ignore[arg-type]

    assert [(r.series, *r.tones, r.late, r.stories) for r in picture.rows] == [
        ("all", 3, 2, 2, 1, 7),
        ("topic:a", 1, 2, 1, 0, 4),
    ]
    assert (picture.counted, picture.refused, picture.lost) == (8, 2, 1)
    assert picture.lag == 30.0
    assert picture.rate == 5.0


def test_before_anything_was_counted_nothing_is_claimed():
    picture = asyncio.run(look(Counts({}, {}), 10, 100_000, None))  # type: ignore[arg-type]

    assert (picture.rows, picture.rate, picture.lag, picture.counted) == ((), None, None, 0)


def test_minutes_are_drawn_oldest_first():
    row = row_of("x", {7: tally(1, 0, 0), 5: tally(0, 2, 0, late=(0, 1, 0))}, 7)

    assert row.minutes[-3:] == (3, 0, 1)
    assert set(row.minutes[:-3]) == {0}


def test_a_store_that_is_away_keeps_the_last_picture_and_says_so():
    counts = Counts(STATES, CELLS)
    watcher = Watcher(counts, 10, Clock(100_000, 101_000, 102_000))  # type: ignore[arg-type]

    first = asyncio.run(watcher.look())
    counts.away = True
    second = asyncio.run(watcher.look())
    counts.away = False
    third = asyncio.run(watcher.look())

    assert (first.note, second.note, third.note) == ("", "the store is away", "")
    assert second.rows == first.rows
    assert (first.rate, second.rate, third.rate) == (None, None, 0.0)


def test_an_empty_store_asks_whether_count_runs():
    watcher = Watcher(Counts({}, {}), 10, Clock(1))  # type: ignore[arg-type]

    assert "groundswell count" in asyncio.run(watcher.look()).note


def test_a_rate_never_falls_below_nothing():
    picture = asyncio.run(look(Counts(STATES, CELLS), 10, 100_000, (99_000, 50)))  # type: ignore[arg-type]

    assert picture.rate == pytest.approx(0.0)
