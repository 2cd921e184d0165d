"""The arithmetic of the gates: the budget of looks, Holm, the sign test, intervals, the bound."""

from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.gates.core.statistics import ZETA, at_least, detectable, holm, spent, worse_p
from export.gates.measuring import lower_bound
from training.evaluation.judged import judge_single

SHARES = st.floats(0.0, 1.0)
PAIRS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=5, max_size=60
)


def judged(truth, given):
    return judge_single(np.array(truth), np.array(given), ("a", "b", "c"))


# The budget of error.


def test_the_shares_of_all_looks_make_the_budget_and_no_more():
    total, looks = 0.0, 200_000
    for look in range(1, looks + 1):
        total += spent(look, 1.0)
    tail = 2 / (looks**0.5 * ZETA)  # the integral of what is left

    assert total < 1.0
    assert total + tail == pytest.approx(1.0, abs=1e-6)


@given(st.integers(1, 10_000), SHARES)
def test_a_later_look_may_err_less(look, budget):
    assert spent(look + 1, budget) <= spent(look, budget) <= budget


def test_over_many_looks_a_worse_challenger_passes_no_more_often_than_the_budget():
    """Normal differences of a challenger that stands exactly at the margin: 40 looks, each a test."""
    draw = np.random.default_rng(7)
    noise = draw.normal(size=(4000, 40))
    bounds = [NormalDist().inv_cdf(1 - spent(look, 0.05)) for look in range(1, 41)]
    naive = (noise > NormalDist().inv_cdf(0.95)).any(axis=1).mean()
    with_budget = (noise > np.array(bounds)).any(axis=1).mean()

    assert naive > 0.8
    assert with_budget <= 0.05


# Holm, the sign test, intervals.


@given(st.dictionaries(st.text(max_size=3), SHARES, max_size=8))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p_values):
    sure = holm(p_values)

    assert sure.keys() == p_values.keys()
    for name, p in p_values.items():
        assert p <= sure[name] <= min(1.0, max(p, len(p_values) * p) + 1e-12) or any(
            other < p for other in p_values.values()
        )
        for other, q in p_values.items():
            assert sure[name] <= sure[other] or p >= q


def test_holm_by_hand():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03})

    assert found == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_the_tail_of_a_fair_coin(better, worse):
    total = better + worse
    expected = sum(comb(total, k) for k in range(worse, total + 1)) / 2**total

    assert worse_p(better, worse) == pytest.approx(min(1.0, expected))
    assert worse_p(better, worse + 1) <= worse_p(better, worse)


@pytest.mark.parametrize(
    ("share", "points", "rows"), [(0.06, 0.01, 3708), (0.06, 0.02, 926), (0.10, 0.01, 6181)]
)
def test_the_smallest_difference_is_that_of_the_published_sizes(share, points, rows):
    found = detectable(rows, round(share * rows), 0.05, 0.8)

    assert found == pytest.approx(points, rel=0.02)


@given(st.integers(1, 500), st.data())
def test_the_lower_end_of_a_share_lies_below_it_and_rises_with_it(of, data):
    hits = data.draw(st.integers(0, of))

    assert 0.0 <= at_least(hits, of) <= hits / of
    if hits < of:
        assert at_least(hits, of) < at_least(hits + 1, of)


# The bound of the difference.


@given(PAIRS, st.floats(0.001, 0.2))
def test_the_bound_lies_below_the_difference_and_falls_with_the_error(rows, error):
    truth, ours, theirs = zip(*rows, strict=True)
    mine, its = judged(truth, ours), judged(truth, theirs)

    difference, low = lower_bound(mine, its, "accuracy", error)
    _, lower = lower_bound(mine, its, "accuracy", error / 10)

    assert lower <= low + 1e-9
    assert low <= difference + 1 / len(rows) or error > 0.1
    assert -1.0 <= low <= 1.0


@given(PAIRS)
def test_a_model_beside_itself_differs_by_nothing(rows):
    truth, ours, _ = zip(*rows, strict=True)
    mine = judged(truth, ours)

    assert lower_bound(mine, mine, "macro_f1", 0.05) == (0.0, 0.0)


@given(PAIRS, st.data())
def test_one_more_right_answer_never_lowers_the_difference(rows, data):
    truth, ours, theirs = (list(part) for part in zip(*rows, strict=True))
    place = data.draw(st.integers(0, len(rows) - 1))
    before, _ = lower_bound(judged(truth, ours), judged(truth, theirs), "accuracy", 0.05)
    ours[place] = truth[place]
    after, _ = lower_bound(judged(truth, ours), judged(truth, theirs), "accuracy", 0.05)

    assert after >= before


def test_the_bound_errs_as_often_as_it_may():
    """Two models of the same skill: the bound lies above zero in some 5 % of the gold sets."""
    draw = np.random.default_rng(3)
    errs = 0
    for _ in range(300):
        truth = np.zeros(200, dtype=np.int64)
        ours, theirs = (np.where(draw.random(200) < 0.15, 1, 0) for _ in range(2))
        errs += lower_bound(judged(truth, ours), judged(truth, theirs), "accuracy", 0.05)[1] > 0

    assert 3 <= errs <= 30
