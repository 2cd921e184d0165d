import pytest
from hypothesis import strategies as st

from consumers.news.core import start
from consumers.ports import Bounds
from tests.mutants import holds, mutant, notices


def law(module, data):
    """What is skipped is exactly what is gone, and it is said; no position outside the log."""
    beginning = data.draw(st.integers(0, 20))
    end = beginning + data.draw(st.integers(0, 20))
    committed = data.draw(st.none() | st.integers(0, 45))
    old, new = (data.draw(st.sampled_from(["", "a", "b"])) for _ in range(2))
    decided = module.decide_start(Bounds(committed, old, beginning, end, new))

    if committed is None:
        lost = decided.gap.items if decided.gap else 0
        assert (decided.position, decided.reason, lost) == (beginning, "new", beginning)
    elif old and new and old != new:
        lost = decided.gap.items if decided.gap else 0
        assert (decided.position, decided.reason, lost) == (beginning, "recreated", beginning)
    elif committed > end:
        assert decided == (None, None, "beyond_end")
    elif committed < beginning:
        assert decided.reason == "overtaken"
        assert decided.position == beginning
        assert decided.gap == (committed - 1, beginning - 1)
        assert decided.gap.items == beginning - committed
    else:
        assert decided == (committed, None, "resumed")


def test_the_law_holds():
    holds(law, start)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("committed > bounds.end", "committed >= bounds.end"),
        ("if committed < beginning", "if committed <= beginning"),
        ("Lost(committed - 1, beginning - 1)", "Lost(committed, beginning - 1)"),
        ("Lost(committed - 1, beginning - 1)", "None"),
        ("Lost(-1, beginning - 1) if beginning > 0 else None", "None"),
        ("known = bounds.topic_id and bounds.committed_topic_id", "known = True"),
        ("bounds.topic_id != bounds.committed_topic_id", "False"),
        ("return Start(committed, None", "return Start(bounds.end, None"),
        ("return self.offset - self.after", "return self.offset - self.after - 1"),
    ],
)
def test_the_law_notices(old, new):
    notices(law, mutant(start, old, new))
