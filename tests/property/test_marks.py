import pytest
from hypothesis import strategies as st

from consumers.news.core import marks
from tests.mutants import holds, mutant, notices

NOW = 1000


def law(module, data):
    """A mark never passes what was read and not released, never goes back, never leads the clock."""
    clock = data.draw(st.sampled_from(["wall", "records"]))
    stamps = data.draw(st.lists(st.integers(-5, 2 * NOW), max_size=8))
    arrivals = [module.arrival(stamp, clock, NOW) for stamp in stamps]
    released = data.draw(st.integers(0, len(arrivals)))
    drained_after = data.draw(st.none() | st.integers(0, len(arrivals)))
    drained = None if drained_after is None else module.Drained(NOW, drained_after - 1)
    newest = max(arrivals[:released], default=None)
    waiting = arrivals[released:]
    previous = data.draw(st.none() | st.integers(0, 100))
    at = module.mark_time(clock, newest, drained, released - 1, waiting, previous)

    if clock == "wall":
        assert all(0 <= arrived <= NOW for arrived in arrivals)
        assert [a for a, s in zip(arrivals, stamps, strict=True) if 0 <= s <= NOW] == [
            s for s in stamps if 0 <= s <= NOW
        ]
    else:
        assert arrivals == [max(0, s) for s in stamps]
    if previous is not None:
        assert at is not None
        assert at >= previous
    if at is not None and at != previous:
        assert all(at <= arrived for arrived in waiting)
    empty = clock == "wall" and drained is not None and released >= drained_after
    known = [t for t in (newest, NOW if empty else None) if t is not None]
    if not known:
        assert at == previous
    else:
        told = min([max(known), *waiting])
        assert at == max(told, previous or 0)


def test_the_law_holds():
    holds(law, marks)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("released >= drained.offset", "True"),
        ("min(told, min(waiting, default=told))", "told"),
        ("told if previous is None else max(told, previous)", "told"),
        ('clock == "wall" and drained is not None', "drained is not None"),
        ("else max(told, drained.at)", "else min(told, drained.at)"),
        ("if 0 <= timestamp <= now else now", "if 0 <= timestamp else now"),
        ("max(timestamp, 0)", "timestamp"),
    ],
)
def test_the_law_notices(old, new):
    notices(law, mutant(marks, old, new))


def test_a_replay_ends_with_the_year_9999():
    assert marks.arrival(10**18, "records", 0) == marks.LATEST
