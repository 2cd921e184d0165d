import pytest
from hypothesis import strategies as st

from consumers.news.core import ring
from groundswell.errors import Bug
from tests.mutants import holds, mutant, notices


def law(module, data):
    """Released in order, each once, with the one before; safe never passes what is unfinished."""
    position = data.draw(st.integers(0, 5))
    steps = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    offsets = [position - 1 + sum(steps[: i + 1]) for i in range(len(steps))]
    order = data.draw(st.permutations(offsets))
    box = module.Ring(position)
    assert box.safe == position
    assert box.settled
    befores = [box.open(offset, 1000 + offset) for offset in offsets]
    assert befores == [position - 1, *offsets[:-1]]
    assert list(box.waiting()) == [1000 + offset for offset in offsets]

    released, finished, acknowledged = [], set(), position - 1
    for offset in order:
        box.finish(offset, str(offset))
        finished.add(offset)
        out = box.release()
        released += [r.offset for r in out]
        assert [(r.offset, r.arrived, r.value) for r in out] == [
            (r.offset, 1000 + r.offset, str(r.offset)) for r in out
        ]
        prefix = next((i for i, o in enumerate(offsets) if o not in finished), len(offsets))
        assert released == offsets[:prefix]
        assert box.released == (offsets[prefix - 1] if prefix else position - 1)
        assert len(box) == len(offsets) - prefix
        if data.draw(st.booleans()) and released:
            acknowledged = released[-1]
            box.acknowledge(acknowledged)
        assert box.safe == acknowledged + 1
        assert box.settled == (acknowledged == offsets[-1])

    assert box.release() == []
    assert box.opened == offsets[-1]
    box.acknowledge(offsets[-1])
    assert box.settled
    assert box.safe == offsets[-1] + 1


def test_the_law_holds():
    holds(law, ring)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "while self._open and self._open[0][0] in self._done",
            "if self._open[0][0] in self._done",
        ),
        ("while self._open and self._open[0][0] in self._done", "while self._open and self._done"),
        ("after, self._opened = self._opened, offset", "after, self._opened = offset - 1, offset"),
        ("self._acknowledged = offset", "self._acknowledged = self._opened"),
        ("return self._acknowledged + 1", "return self._released + 1"),
        ("self._acknowledged == self._opened", "self._released == self._opened"),
        ("self._done.pop(offset)))", "self._done.pop(max(self._done))))"),
    ],
)
def test_the_law_notices(old, new):
    notices(law, mutant(ring, old, new))


def test_broken_order_is_a_bug():
    box: ring.Ring[str] = ring.Ring(5)
    with pytest.raises(Bug, match="was read after"):
        box.open(4, 0)
    box.open(7, 0)
    with pytest.raises(Bug, match="was read after"):
        box.open(7, 0)
    with pytest.raises(Bug, match="never opened"):
        box.finish(8, "x")
    with pytest.raises(Bug, match="before it was released"):
        box.acknowledge(7)
    box.finish(7, "x")
    with pytest.raises(Bug, match="finished twice"):
        box.finish(7, "x")
