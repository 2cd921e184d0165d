"""Scores, intervals and comparisons, against figures worked out by hand."""

import numpy as np
import pytest

from training.evaluation.bootstrap import estimates, mcnemar, paired, share
from training.evaluation.calibration import bins_of, calibrate, ece, fit_temperature, nll
from training.evaluation.coverage import risk_coverage
from training.evaluation.entities import by_token, tags_of, units_of
from training.evaluation.judged import judge_several, judge_single, judge_spans
from training.evaluation.scores import (
    entity_scores,
    score,
    several_score,
    tally,
    token_scores,
)
from training.examples import MASKED, Example, Span, Spans

LABELS = ("ORG", "PER")


def spans(*found, known=LABELS):
    return Spans(tuple(Span(*each) for each in found), frozenset(known))


def test_a_masked_row_and_an_absent_label_cost_nothing():
    ours = score(np.array([0, 1, MASKED]), np.array([0, 1, 2]), 3)

    assert (ours.rows, ours.accuracy, ours.macro_f1) == (2, 1.0, 1.0)
    assert ours.confusion == ((1, 0, 0), (0, 1, 0), (0, 0, 0))


def test_a_head_without_rows_scores_zero():
    nothing = np.zeros((0, 2), dtype=bool)

    assert score(np.array([MASKED]), np.array([0]), 2).macro_f1 == 0.0
    assert several_score(nothing, nothing).micro_f1 == 0.0
    assert entity_scores([], [], LABELS).f1 == 0.0
    assert token_scores([], [], ("O", "B-ORG")).micro_f1 == 0.0


def test_several_labels_by_hand():
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=bool)
    given = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)

    found = several_score(truth, given)

    assert found.accuracy == pytest.approx(1 / 3)
    assert [t.f1 for t in found.per_label] == [1.0, 0.0, 0.0]
    assert found.macro_f1 == pytest.approx(0.5)  # the third label occurs nowhere
    assert found.micro_f1 == pytest.approx(2 * 2 / (3 + 3))


def test_an_entity_must_agree_in_start_end_and_label():
    truth = [spans((0, 5, "ORG"), (10, 15, "PER")).spans]
    given = [spans((0, 5, "ORG"), (10, 14, "PER"), (20, 22, "PER")).spans]

    found = entity_scores(truth, given, LABELS)

    assert found.micro == tally(1, 3, 2)
    assert found.per_label["ORG"].f1 == 1.0
    assert found.per_label["PER"] == tally(0, 2, 1)
    assert found.macro_f1 == 0.5


def test_labels_that_nobody_looked_for_are_left_out():
    truth = [spans((0, 5, "ORG")).spans]
    given = [spans((0, 5, "ORG"), (10, 14, "PER")).spans]

    assert entity_scores(truth, given, LABELS).f1 == pytest.approx(2 / 3)
    assert entity_scores(truth, given, LABELS, [frozenset({"ORG"})]).f1 == 1.0
    assert judge_spans([spans((0, 5, "ORG"), known=("ORG",))], given, LABELS).right.all()


def test_token_scores_count_outside_and_leave_out_what_is_unknown():
    truth = [["B-ORG", "I-ORG", "O", "O", ""]]
    given = [["B-ORG", "O", "O", "B-ORG", "B-ORG"]]

    found = token_scores(truth, given, ("O", "B-ORG", "I-ORG"))

    assert (found.words, found.micro_f1) == (4, 0.5)
    assert found.per_tag["B-ORG"] == tally(1, 2, 1)
    assert "O" not in found.per_tag


def test_tokens_of_the_data_are_tagged_by_what_they_touch():
    example = Example(
        id="1", text="U.S. gains", truths=(None,), fields={"tokens": ["U.S.", "gains"]}
    )
    pieces = [(0, 1), (1, 2), (2, 3), (3, 4), (5, 10)]

    assert units_of(example, pieces) == ([(0, 4), (5, 10)], True)
    assert tags_of([(0, 4), (5, 10)], [Span(0, 3, "ORG")]) == ["B-ORG", "O"]
    found = by_token(
        [example], [spans((0, 4, "ORG"))], [[Span(0, 3, "ORG")]], [pieces], ("O", "B-ORG", "I-ORG")
    )
    assert (found.own, found.tokens.micro_f1, found.entities.f1) == (1, 1.0, 1.0)


def test_two_stretches_side_by_side_stay_two():
    assert tags_of([(0, 2), (3, 5)], [Span(0, 2, "PER"), Span(3, 5, "PER")]) == ["B-PER", "B-PER"]


def test_the_forms_of_judgement_agree_with_the_plain_scores():
    draw = np.random.default_rng(3)
    truth, given = draw.integers(0, 4, 300), draw.integers(0, 4, 300)
    plain = score(truth, given, 4)

    found = estimates(judge_single(truth, given, "abcd"))

    assert found.accuracy.value == pytest.approx(plain.accuracy)
    assert found.micro_f1.value == pytest.approx(plain.accuracy)
    assert found.macro_f1.value == pytest.approx(plain.macro_f1)
    assert [f.value for f in found.f1] == pytest.approx(plain.f1)
    assert found.support == tuple(int((truth == n).sum()) for n in range(4))


def test_the_interval_of_an_accuracy_is_that_of_a_binomial():
    truth = np.zeros(400, dtype=np.int64)
    given = np.repeat([0, 1], [300, 100])

    found = estimates(judge_single(truth, given, "ab")).accuracy

    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.006)


def test_a_paired_difference_knows_that_the_rows_are_the_same():
    truth = np.tile([0, 1], 200)
    good = truth.copy()
    good[:80] = 1 - good[:80]
    worse = truth.copy()
    worse[:100] = 1 - worse[:100]

    found = paired(judge_single(truth, good, "ab"), judge_single(truth, worse, "ab"))

    assert found.accuracy.value == pytest.approx(0.05)
    assert found.accuracy.low > 0.02  # unpaired, the interval would reach below zero
    assert (found.better, found.worse) == (20, 0)
    assert found.p == pytest.approx(2 / 2**20)


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(8, 2) == mcnemar(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 1024)


def test_a_share_of_nothing_is_unknown():
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 1.0)
    assert share(0, 100).high == pytest.approx(0.037, abs=0.001)  # Wilson's, by its formula


def test_several_labels_are_right_only_as_a_whole():
    truth = np.array([[1, 0], [1, 1]], dtype=bool)
    given = np.array([[1, 0], [1, 0]], dtype=bool)

    assert judge_several(truth, given, "ab").right.tolist() == [True, False]


def test_ece_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])

    bins = bins_of(probabilities, np.array([0, 1, 0, 0]))

    assert [each.rows for each in bins] == [2, 2]
    assert ece(bins) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def overconfident(rows, temperature):
    """Logits whose truth is drawn from softmax(logits / temperature)."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 4, (rows, 3))
    exact = np.exp(logits / temperature)
    exact /= exact.sum(axis=1, keepdims=True)
    return logits, (draw.random((rows, 1)) > exact.cumsum(axis=1)).sum(axis=1)


def test_the_temperature_is_found_again_and_adopted():
    logits, truth = overconfident(3000, 2.5)

    found = calibrate(logits, truth)

    assert found.temperature == pytest.approx(2.5, rel=0.1)
    assert found.adopted
    assert found.fitted_nll < found.nll
    assert found.fitted_ece < found.ece / 2


def test_a_temperature_that_does_not_help_elsewhere_is_not_adopted():
    logits, truth = overconfident(60, 1.0)

    found = calibrate(logits, truth)

    assert nll(logits, truth, fit_temperature(logits, truth)) <= found.nll
    assert found.fitted_nll >= found.nll
    assert not found.adopted


def test_few_rows_are_never_enough_for_a_temperature():
    logits, truth = overconfident(19, 4.0)

    assert not calibrate(logits, truth).adopted


def test_risk_and_coverage_by_hand():
    found = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True]))

    assert found.risk == pytest.approx((0, 1 / 2, 1 / 3, 1 / 4))
    assert found.aurc == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert found.excess == pytest.approx(found.aurc - 1 / 16)
    assert dict(found.shown) == pytest.approx(
        {1.0: 0.75, 0.9: 0.75, 0.8: 0.75, 0.7: 2 / 3, 0.5: 0.5}
    )
