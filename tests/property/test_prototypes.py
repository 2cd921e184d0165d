"""Labels by similarity: proper probabilities, whatever the vectors, and heads that keep their say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from groundswell.models.prototypes import join, logits_of, probabilities_of, prototypes_of
from groundswell.models.scores import softmax
from groundswell.tasks import Function, Label

VECTORS = arrays(np.float64, (4, 5), elements=st.floats(-10, 10))
LOGITS = arrays(np.float64, (6, 4), elements=st.floats(-20, 20))


def function(names="abcd", output="single"):
    labels = tuple(Label(name=name, description=name) for name in names)
    return Function(
        name="f", version=1, description="f", field="f", output=output, labels=labels
    )  # fmt: skip


@given(VECTORS, VECTORS)
def test_probabilities_are_probabilities(texts, labels):
    logits = logits_of(texts, prototypes_of([row[None] for row in labels]))
    single = probabilities_of(function(), logits)
    several = probabilities_of(function(output="several"), logits)

    np.testing.assert_allclose(single.sum(axis=1), 1.0)
    assert ((several >= 0) & (several <= 1)).all()
    likeliest = single[np.arange(4), logits.argmax(axis=1)]
    np.testing.assert_allclose(likeliest, single.max(axis=1))


@given(VECTORS)
def test_a_text_of_a_label_resembles_that_label_most(labels):
    prototypes = prototypes_of([row[None] for row in labels])
    logits = logits_of(labels, prototypes)

    assert (np.diag(logits) >= logits.max(axis=1) - 1e-9).all()


@given(LOGITS, LOGITS)
def test_without_a_new_label_the_head_is_heard_alone(logits, said):
    theirs = softmax(said, 1.0)
    turned = [2, 0, 3, 1]
    known = [function().label_names[place] for place in turned]

    np.testing.assert_allclose(
        join(function(), logits, known, theirs[:, turned]), theirs, atol=1e-9
    )


@given(LOGITS, LOGITS)
def test_new_labels_take_their_share_and_leave_the_head_s_order(logits, said):
    theirs = softmax(said[:, :2], 1.0)
    joined = join(function(), logits, ("a", "b"), theirs)

    np.testing.assert_allclose(joined.sum(axis=1), 1.0)
    np.testing.assert_allclose(joined[:, 0] * theirs[:, 1], joined[:, 1] * theirs[:, 0], atol=1e-9)
    new = logits[:, 2:].max(axis=1) > logits[:, :2].max(axis=1)
    assert (joined[new, 2:].sum(axis=1) >= 0.5).all()


@given(LOGITS, LOGITS)
def test_of_several_labels_the_head_speaks_for_its_own(logits, said):
    several = function(output="several")
    theirs = 1 / (1 + np.exp(-said[:, :2]))
    joined = join(several, logits, ("d", "a"), theirs)

    np.testing.assert_array_equal(joined[:, [3, 0]], theirs)
    np.testing.assert_array_equal(joined[:, 1:3], probabilities_of(several, logits)[:, 1:3])
