"""Scores agree with scikit-learn's, and masked rows do not count."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tests.train_world import NAMES, SENTIMENT, SUBJECTS
from training.baseline import baseline
from training.data import MASKED
from training.encode import Tokens, Word
from training.evaluate import metrics_of, spans_of
from training.evaluation.scores import score
from training.examples import Example, Span, Spans

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


def tokens(*words):
    at, found = 0, []
    for place, word in enumerate(words, start=1):
        found.append(Word(at, at + len(word), place))
        at += len(word) + 1
    return Tokens([2, *range(5, 5 + len(words)), 3], [0] * (len(words) + 2), tuple(found))


def logits(width, *places):
    return np.eye(width, dtype=np.float32)[list(places)]


def test_metrics_are_over_the_rows_that_have_a_truth():
    rows = [tokens("a")] * 3

    found = metrics_of(SENTIMENT, rows, logits(3, 0, 1, 2), [0, 2, None])

    assert found == {"rows": 2.0, "accuracy": 0.5, "macro_f1": 1 / 3, "micro_f1": 0.5}
    assert metrics_of(SENTIMENT, rows, logits(3, 0, 1, 2), [None] * 3) == {}


def test_metrics_of_several_labels_count_each():
    said = np.array([[1.0, -1.0, 2.0], [-1.0, 1.0, -1.0], [1.0, 1.0, 1.0]], dtype=np.float32)

    found = metrics_of(SUBJECTS, [tokens("a")] * 3, said, [frozenset({0, 2}), frozenset({0}), None])

    assert found["rows"] == 2.0
    assert found["accuracy"] == 0.5
    # Two hits of three found and three there.
    assert found["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))


def test_stretches_are_read_off_the_words():
    row = tokens("Norvane", "opens", "its", "plant")

    assert spans_of(NAMES.outputs, row, logits(5, 3, 4, 0, 2)) == (
        Span(0, 13, "UP"),
        # An inside without a beginning opens a stretch.
        Span(18, 23, "DOWN"),
    )


def test_a_stretch_of_a_label_that_nobody_looked_for_is_no_fault():
    row = tokens("Norvane", "opens")
    said = [logits(5, 3, 1)]
    up = (Span(0, 7, "UP"),)

    partly = metrics_of(NAMES, [row], said, [Spans(up, frozenset({"UP"}))])
    wholly = metrics_of(NAMES, [row], said, [Spans(up, frozenset({"UP", "DOWN"}))])

    assert partly["entity_f1"] == 1.0
    assert wholly["entity_f1"] == pytest.approx(2 / 3)


def _example(text, truth):
    return Example(id=text, text=text, truths=(truth,))


def test_the_baseline_learns_words():
    good = [_example(f"profit rose again {n}", 1) for n in range(10)]
    bad = [_example(f"a loss was booked {n}", 0) for n in range(10)]

    found = baseline([*good[:8], *bad[:8]], [*good[8:], *bad[8:]], 0, 2)

    assert found
    assert found.accuracy == 1.0


def test_the_baseline_needs_two_labels_and_a_test_row():
    rows = [_example("a b", 1), _example("b c", 1)]

    assert baseline(rows, rows, 0, 2) is None
    assert baseline(rows, [_example("a", None)], 0, 2) is None
