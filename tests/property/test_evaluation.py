"""What holds of every interval, calibration and curve."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.bootstrap import estimates, mcnemar, paired, resample, share
from training.evaluation.calibration import bins_of, calibrate, ece, fit_temperature, nll, softmax
from training.evaluation.coverage import risk_coverage
from training.evaluation.judged import judge_single
from training.evaluation.scores import entity_scores
from training.examples import Span

rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1)


def arrays(found):
    return (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))


@given(rows)
@settings(max_examples=40)
def test_an_interval_is_in_range_and_its_order(found):
    truth, a, _ = arrays(found)
    scores = estimates(judge_single(truth, a, "abc"), resamples=200)

    for figure in (scores.accuracy, scores.macro_f1, *scores.f1, *scores.precision, *scores.recall):
        assert 0.0 <= figure.low <= figure.high <= 1.0
        assert 0.0 <= figure.value <= 1.0


@given(rows)
@settings(max_examples=40)
def test_the_order_of_rows_changes_no_estimate(found):
    truth, a, _ = arrays(found)
    backwards, b, _ = arrays(found[::-1])

    assert estimates(judge_single(truth, a, "abc"), 100) == estimates(
        judge_single(backwards, b, "abc"), 100
    )


@given(rows)
@settings(max_examples=40)
def test_a_model_does_not_differ_from_itself_and_a_difference_turns_round(found):
    truth, a, b = (judge for judge in arrays(found))
    one, two = judge_single(truth, a, "abc"), judge_single(truth, b, "abc")

    same = paired(one, one, 100)
    there, back = paired(one, two, 100), paired(two, one, 100)

    assert (same.macro_f1.low, same.macro_f1.high, same.p) == (0.0, 0.0, 1.0)
    assert there.macro_f1.value == -back.macro_f1.value
    assert (there.better, there.worse, there.p) == (back.worse, back.better, back.p)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_each_draw_has_as_many_rows_as_there_are(values):
    flat = np.column_stack([np.ones(len(values), dtype=np.int64), values])

    drawn = resample(flat, 50)

    assert (drawn[:, 0] == len(values)).all()
    assert drawn[:, 1].min() >= len(values) * min(values)
    assert drawn[:, 1].max() <= len(values) * max(values)


@given(st.integers(0, 60), st.integers(0, 60))
def test_shares_and_tests_stay_probabilities(hits, misses):
    found = share(hits, hits + misses)

    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert 0.0 < mcnemar(hits, misses) <= 1.0


logits = st.lists(
    st.tuples(*[st.floats(-20, 20)] * 3, st.integers(0, 2)), min_size=1, max_size=60
).map(lambda found: (np.array([r[:3] for r in found]), np.array([r[3] for r in found])))


@given(logits)
@settings(max_examples=60)
def test_the_fitted_temperature_is_no_worse_than_none(found):
    scores, truth = found

    assert nll(scores, truth, fit_temperature(scores, truth)) <= nll(scores, truth) + 1e-6


@given(logits)
@settings(max_examples=40)
def test_calibration_counts_every_row_once(found):
    scores, truth = found
    bins = bins_of(softmax(scores), truth)

    assert sum(each.rows for each in bins) == len(truth)
    assert 0.0 <= ece(bins) <= 1.0
    measured = calibrate(scores, truth)
    assert measured.adopted <= (measured.fitted_nll < measured.nll)


sure = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.7, 0.9]), st.booleans()), min_size=1)


@given(sure, st.randoms(use_true_random=False))
def test_the_curve_ends_at_the_error_and_ties_have_no_order(found, draw):
    def curve(pairs):
        confidence, right = zip(*pairs, strict=True)
        return risk_coverage(np.array(confidence), np.array(right))

    ours = curve(found)
    mixed = list(found)
    draw.shuffle(mixed)

    assert np.isclose(ours.risk[-1], np.mean([not right for _, right in found]))
    assert np.allclose(curve(mixed).risk, ours.risk)
    assert 0.0 <= ours.aurc <= 1.0
    assert ours.excess >= 0.0


@given(st.lists(st.booleans(), min_size=1))
def test_no_order_is_better_than_mistakes_last(right):
    values = np.array(right)

    assert risk_coverage(values.astype(float), values).excess < 1e-12


spans = st.lists(
    st.builds(Span, st.integers(0, 3), st.integers(4, 6), st.sampled_from(["A", "B"])), max_size=4
)


@given(st.lists(st.tuples(spans, spans), max_size=6))
def test_entity_f1_is_the_same_from_both_sides(pairs):
    truth, found = [a for a, _ in pairs], [b for _, b in pairs]

    there, back = entity_scores(truth, found, "AB"), entity_scores(found, truth, "AB")

    assert there.f1 == back.f1
    assert there.micro.precision == back.micro.recall
