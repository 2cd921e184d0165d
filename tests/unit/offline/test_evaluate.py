"""Scores agree with scikit-learn's, and masked rows do not count."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from training.baseline import baseline
from training.data import MASKED, Example
from training.evaluate import dev_score, score

pytestmark = pytest.mark.train


def test_scores_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    truth, given = draw.integers(0, 4, 200), draw.integers(0, 4, 200)

    ours = score(truth, given, 4)

    assert ours.accuracy == pytest.approx(accuracy_score(truth, given))
    assert ours.macro_f1 == pytest.approx(f1_score(truth, given, average="macro"))
    assert np.array(ours.confusion).tolist() == confusion_matrix(truth, given).tolist()


def test_masked_rows_and_absent_labels_do_not_count():
    ours = score(np.array([0, 1, MASKED]), np.array([0, 1, 2]), 3)

    assert (ours.rows, ours.accuracy, ours.macro_f1) == (2, 1.0, 1.0)


def test_a_head_without_rows_scores_zero():
    assert score(np.array([MASKED]), np.array([0]), 2).macro_f1 == 0.0


def test_the_dev_score_is_the_mean_over_labelled_heads():
    logits = [
        np.eye(n, dtype=np.float32)[rows] for n, rows in ((2, [0, 1]), (3, [0, 0]), (2, [1, 1]))
    ]
    truth = np.array([[0, 1, MASKED], [1, 2, MASKED]])

    assert dev_score(logits, truth) == pytest.approx(0.5)


def test_the_baseline_learns_words():
    good = [Example(f"profit rose again {n}", (1,)) for n in range(10)]
    bad = [Example(f"a loss was booked {n}", (0,)) for n in range(10)]

    found = baseline([*good[:8], *bad[:8]], [*good[8:], *bad[8:]], 0, 2)

    assert found
    assert found.accuracy == 1.0


def test_the_baseline_needs_two_labels_and_a_test_row():
    rows = [Example("a b", (1,)), Example("b c", (1,))]

    assert baseline(rows, rows, 0, 2) is None
    assert baseline(rows, [Example("a", (MASKED,))], 0, 2) is None
