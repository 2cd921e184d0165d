"""What a model must beat: TF-IDF of words and of characters with logistic regression, on the same split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from training.evaluation.scores import Bools, Ints, Score, score
from training.examples import Example, Truth


def baseline(
    train: Sequence[Example], test: Sequence[Example], head: int, labels: int
) -> Score | None:
    """Score the baseline of head number ``head``, which gives one label; None when a part lacks labels."""
    known = [example for example in train if example.truths[head] is not None]
    asked = [example for example in test if example.truths[head] is not None]
    if not asked:
        return None
    given = answers(
        [e.text for e in known], [e.truths[head] for e in known], [e.text for e in asked], labels
    )
    if given is None:
        return None
    truth = np.asarray([e.truths[head] for e in asked], dtype=np.int64)
    return score(truth, given.argmax(axis=1), labels)


def answers(
    texts: Sequence[str], truths: Sequence[Truth], asked: Sequence[str], labels: int
) -> Bools | None:
    """
    Train on texts with the places of their labels, one (int) or several (frozenset) each.

    Returns which labels it gives to each text of ``asked``, [asked, labels]; None when there is nothing
    to choose between.
    """
    if not texts or len(set(truths)) < 2:  # noqa: PLR2004 - a choice
        return None
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=100_000),
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_features=200_000
        ),
    )
    known, new = features.fit_transform(texts), features.transform(asked)
    result = np.zeros((len(asked), labels), dtype=bool)
    if isinstance(truths[0], int):
        result[np.arange(len(asked)), _fitted(known, truths, new)] = True
        return result
    for label in range(labels):
        has = [isinstance(truth, frozenset) and label in truth for truth in truths]
        result[:, label] = all(has) or (any(has) and _fitted(known, has, new) == 1)
    return result


def _fitted(known: Any, truth: Sequence[Any], new: Any) -> Ints:
    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=300, tol=1e-3)
    return np.asarray(model.fit(known, [int(one) for one in truth]).predict(new), dtype=np.int64)
