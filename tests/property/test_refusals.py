import pytest
from hypothesis import strategies as st

from consumers.news.core import refusals
from tests.mutants import holds, mutant, notices


def law(module, data):
    """It trips exactly when too much of the last window was refused, never on a short stream."""
    share = data.draw(st.sampled_from([0.1, 0.5, 1.0]))
    window = data.draw(st.sampled_from([1, 10, 60]))
    likely = data.draw(st.sampled_from([0.05, 0.5, 0.9]))
    random = data.draw(st.randoms(use_true_random=False))
    limit = module.RefusalLimit(share, window)
    seen = []
    for _ in range(150):
        seen.append(random.random() < likely)
        limit.note(refused=seen[-1])
        recent = seen[-window:]
        enough = len(seen) >= min(window, 50)
        expected = enough and sum(recent) > share * len(recent)
        assert (limit.exceeded() is not None) == expected


def test_the_law_holds():
    holds(law, refusals, examples=100)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self._refused <= self._share * seen", "self._refused < self._share * seen"),
        ("self._refused -= self._recent[0]", "pass"),
        ("min(window, FEWEST)", "window"),
        ("min(window, FEWEST)", "1"),
        ("self._refused += refused", "self._refused += 1"),
    ],
)
def test_the_law_notices(old, new):
    notices(law, mutant(refusals, old, new))


def test_it_says_what_to_do():
    limit = refusals.RefusalLimit(0.5, 2)
    limit.note(refused=True)
    assert limit.exceeded() is None
    limit.note(refused=True)

    why = limit.exceeded()
    assert why is not None
    assert why.startswith("2 of the last 2 items were refused, more than refusal_share = 0.5")
