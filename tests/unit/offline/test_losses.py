"""The loss of each kind of head, by hand; what a row does not tell costs nothing."""

import math

import numpy as np
import pytest
import torch

from tests.train_world import NAMES, SENTIMENT, SUBJECTS, function
from training.encode import Tokens, Word
from training.examples import MASKED, Span, Spans
from training.losses import Target, class_weights, divergence, loss_sum, tags_of, target, totals

pytestmark = pytest.mark.train

BOTH = frozenset({"UP", "DOWN"})
ROW = Tokens([2, 7, 8, 9, 3], [0] * 5, (Word(0, 3, 1), Word(4, 9, 2), Word(10, 12, 3)))
SHORT = Tokens([2, 7, 3], [0] * 3, (Word(0, 3, 1),))


def log_softmax(row):
    row = np.array(row, dtype=np.float64)
    return row - math.log(np.exp(row).sum())


def test_one_label_with_smoothing_and_weights():
    logits = [[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [9.0, 9.0, 9.0]]
    weights, smoothing = [0.5, 1.0, 2.0], 0.1
    truth = target(SENTIMENT, [SHORT] * 3, [0, 2, None])
    known = 0.0
    for row, label in zip(logits[:2], (0, 2), strict=True):
        log = log_softmax(row)
        known -= 0.9 * weights[label] * log[label]
        known -= 0.1 / 3 * sum(w * each for w, each in zip(weights, log, strict=True))

    found = loss_sum("single", torch.tensor(logits), truth, smoothing, torch.tensor(weights))

    assert truth.count == 2
    assert float(found) == pytest.approx(known, rel=1e-5)


def test_several_labels_are_choices_of_their_own():
    logits = [[1.0, -2.0, 0.5], [3.0, 0.0, 0.0], [7.0, 7.0, 7.0]]
    truth = target(SUBJECTS, [SHORT] * 3, [frozenset({0, 2}), frozenset(), None])
    hits = [[1, 0, 1], [0, 0, 0]]
    known = sum(
        -math.log(1 / (1 + math.exp(-x if hit else x))) / 3
        for row, line in zip(logits, hits, strict=False)
        for x, hit in zip(row, line, strict=True)
    )

    assert truth.count == 2
    assert float(loss_sum("several", torch.tensor(logits), truth, 0.3)) == pytest.approx(known)


def test_tokens_count_words_alone():
    logits = torch.arange(25.0).reshape(1, 5, 5).sin()
    truth = target(NAMES, [ROW], [Spans((Span(4, 12, "UP"),), BOTH)])
    known = -sum(
        log_softmax(logits[0, place].tolist())[tag] for place, tag in ((1, 0), (2, 3), (3, 4))
    )

    assert truth.count == 3
    assert truth.values.tolist() == [[MASKED, 0, 3, 4, MASKED]]
    assert float(loss_sum("tokens", logits, truth, 0.0)) == pytest.approx(known, rel=1e-5)


def test_outside_costs_nothing_for_labels_that_nobody_looked_for():
    # Only UP was looked for: a word outside may be O, or (B or I of) DOWN.
    truth = target(NAMES, [ROW], [Spans((), frozenset({"UP"}))])
    down = torch.full((1, 5, 5), -40.0)
    down[:, :, 1] = 40.0
    up = torch.full((1, 5, 5), -40.0)
    up[:, :, 3] = 40.0

    assert float(loss_sum("tokens", down, truth, 0.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(loss_sum("tokens", up, truth, 0.0)) > 100.0


def test_rows_without_tags_and_padding_cost_nothing():
    truth = target(NAMES, [SHORT, ROW], [Spans((), BOTH), None])

    assert truth.values.tolist() == [[MASKED, 0, MASKED, MASKED, MASKED], [MASKED] * 5]
    assert truth.count == 1


def test_a_row_without_a_word_is_no_label():
    truth = target(NAMES, [Tokens([2, 3], [0, 0], ())], [Spans((), BOTH)])

    assert truth.count == 0


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([], ["O", "O", "O"]),
        ([(0, 3, "UP")], ["B-UP", "O", "O"]),
        ([(0, 9, "UP")], ["B-UP", "I-UP", "O"]),
        # Two stretches side by side are two.
        ([(0, 3, "UP"), (4, 9, "UP")], ["B-UP", "B-UP", "O"]),
        # A word of which a stretch holds only a part belongs to it.
        ([(5, 6, "DOWN")], ["O", "B-DOWN", "O"]),
        # A stretch of a blank holds no word.
        ([(3, 4, "UP"), (10, 12, "DOWN")], ["O", "O", "B-DOWN"]),
    ],
)
def test_tags_of_words(spans, tags):
    truth = Spans(tuple(Span(*span) for span in spans), BOTH)

    assert [NAMES.outputs[place] for place in tags_of(ROW.words, truth, NAMES.outputs)] == tags


def test_weights_of_classes_have_mean_one_and_favour_the_rare():
    truths = [0] * 6 + [1] * 3 + [None] * 5

    balanced = class_weights(SENTIMENT, truths, "balanced")
    root = class_weights(SENTIMENT, truths, "sqrt")

    assert balanced is not None
    assert root is not None
    assert balanced.tolist() == pytest.approx([0.75, 1.5, 1.5])
    assert float(6 * root[0] + 3 * root[1]) == pytest.approx(9.0)
    assert float(root[1] / root[0]) == pytest.approx(math.sqrt(2))
    assert class_weights(SENTIMENT, truths, "none") is None
    assert class_weights(SUBJECTS, [frozenset({0})], "balanced") is None


def test_divergence_by_hand_and_zero_for_equal_passes():
    first, second = [1.0, 0.0, -1.0], [0.0, 0.5, 0.0]
    p, q = np.exp(log_softmax(first)), np.exp(log_softmax(second))
    known = 0.5 * ((p * np.log(p / q)).sum() + (q * np.log(q / p)).sum())
    logits = torch.tensor([first, [5.0, 5.0, 0.0], second, [0.0, 5.0, 5.0]])
    mask = torch.tensor([True, False])

    assert float(divergence("single", logits, mask)) == pytest.approx(known, rel=1e-5)
    assert float(divergence("single", logits[:2].repeat(2, 1), mask)) == 0.0


def test_divergence_of_several_is_a_mean_of_choices():
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    p, q = 1 / (1 + math.exp(-2.0)), 0.5
    known = 0.25 * sum((a - b) * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)))

    assert float(divergence("several", logits, torch.tensor([True]))) == pytest.approx(known)


def test_a_head_without_labels_counts_one_so_that_nothing_is_divided_by_zero():
    assert totals({"a": Target(torch.tensor([MASKED]), 0), "b": Target(torch.tensor([1]), 7)}) == {
        "a": 1,
        "b": 7,
    }


def test_an_order_of_labels_is_trained_as_one_label():
    ordered = function("grade", "low", "high", output="ordered")

    assert target(ordered, [SHORT] * 2, [1, None]).values.tolist() == [1, MASKED]
