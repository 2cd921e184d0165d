"""What a model must beat: TF-IDF of words and of characters with logistic regression, on the same split."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from training.data import MASKED, Example
from training.evaluate import Score, score


def baseline(
    train: Sequence[Example], test: Sequence[Example], head: int, labels: int
) -> Score | None:
    """Score the baseline of head number ``head``; None when either part lacks labels for it."""
    known = [example for example in train if example.labels[head] != MASKED]
    asked = [example for example in test if example.labels[head] != MASKED]
    if not asked or len({example.labels[head] for example in known}) < 2:  # noqa: PLR2004 - a choice
        return None
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=100_000),
            TfidfVectorizer(
                analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_features=200_000
            ),
        ),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=300, tol=1e-3),
    )
    model.fit([e.text for e in known], [e.labels[head] for e in known])
    given = np.asarray(model.predict([e.text for e in asked]), dtype=np.int64)
    truth = np.asarray([e.labels[head] for e in asked], dtype=np.int64)
    return score(truth, given, labels)
