"""Scores agree with scikit-learn's and seqeval's; the baseline learns words."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from training.baseline import answers
from training.evaluation.entities import tags_of
from training.evaluation.scores import entity_scores, score, several_score, token_scores
from training.examples import Span

pytestmark = pytest.mark.train

OUTPUTS = ("O", "B-ORG", "I-ORG", "B-PER", "I-PER")


def test_scores_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    truth, given = draw.integers(0, 4, 200), draw.integers(0, 4, 200)

    ours = score(truth, given, 4)

    assert ours.accuracy == pytest.approx(accuracy_score(truth, given))
    assert ours.macro_f1 == pytest.approx(f1_score(truth, given, average="macro"))
    assert np.array(ours.confusion).tolist() == confusion_matrix(truth, given).tolist()


def test_several_labels_are_scored_as_scikit_learn_does():
    draw = np.random.default_rng(1)
    truth, given = draw.random((100, 5)) > 0.6, draw.random((100, 5)) > 0.5

    ours = several_score(truth, given)

    assert ours.macro_f1 == pytest.approx(f1_score(truth, given, average="macro"))
    assert ours.micro_f1 == pytest.approx(f1_score(truth, given, average="micro"))
    assert ours.accuracy == pytest.approx(accuracy_score(truth, given))


def spans_of(tags):
    from groundswell.models.spans import stretches

    return [Span(*found) for found in stretches(tags)]


def seqeval(truth, given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from seqeval.metrics import classification_report

        return classification_report(truth, given, output_dict=True, zero_division=0, **options)


def test_the_documented_example_of_seqeval():
    truth = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    given = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]

    found = entity_scores(
        [spans_of(t) for t in truth], [spans_of(t) for t in given], ["MISC", "PER"]
    )

    assert found.f1 == 0.5
    assert (found.per_label["MISC"].f1, found.per_label["PER"].f1) == (0.0, 1.0)


def test_entity_scores_are_those_of_seqeval_on_any_tags():
    draw = np.random.default_rng(2)
    for _ in range(30):
        truth, given = (
            [
                [OUTPUTS[n] for n in draw.choice(5, 12, p=[0.4, 0.2, 0.15, 0.15, 0.1])]
                for _ in range(5)
            ]
            for _ in range(2)
        )
        given = [
            [t if draw.random() < 0.7 else g for t, g in zip(*rows, strict=True)]
            for rows in zip(truth, given, strict=True)
        ]
        theirs = seqeval(truth, given)

        ours = entity_scores(
            [spans_of(tags) for tags in truth], [spans_of(tags) for tags in given], ["ORG", "PER"]
        )

        assert ours.f1 == pytest.approx(theirs["micro avg"]["f1-score"])
        assert ours.micro.precision == pytest.approx(theirs["micro avg"]["precision"])
        for name, tally in ours.per_label.items():
            assert tally.f1 == pytest.approx(theirs[name]["f1-score"])
            assert tally.support == theirs[name]["support"]


def test_token_scores_are_those_of_scikit_learn():
    truth = [list(tags_of([(n, n + 1) for n in range(6)], [Span(1, 3, "ORG"), Span(4, 5, "PER")]))]
    given = [["O", "B-ORG", "O", "O", "B-ORG", "O"]]

    ours = token_scores(truth, given, OUTPUTS)

    assert ours.micro_f1 == pytest.approx(f1_score(truth[0], given[0], average="micro"))
    by_tag = f1_score(truth[0], given[0], labels=["B-ORG", "B-PER"], average=None, zero_division=0)
    assert [ours.per_tag["B-ORG"].f1, ours.per_tag["B-PER"].f1] == pytest.approx(by_tag)


def test_the_baseline_learns_words():
    texts = [f"profit rose again {n}" for n in range(8)] + [
        f"a loss was booked {n}" for n in range(8)
    ]

    found = answers(texts, [1] * 8 + [0] * 8, ["the loss of a year", "profit rose"], 2)

    assert found is not None
    assert found.tolist() == [[True, False], [False, True]]


def test_the_baseline_gives_several_labels_each_on_its_own():
    texts = [f"oil gold {n}" for n in range(8)] + [f"oil wheat {n}" for n in range(8)]
    truths = [frozenset({0, 1})] * 8 + [frozenset({0, 2})] * 8

    found = answers(texts, truths, ["wheat", "gold"], 4)

    assert found is not None
    assert found.tolist() == [[True, False, True, False], [True, True, False, False]]


@pytest.mark.parametrize("truths", [[], [1, 1]])
def test_the_baseline_needs_a_choice(truths):
    assert answers(["a b", "b c"][: len(truths)], truths, ["a"], 2) is None
