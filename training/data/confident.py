"""
Confident learning: which labels the data itself contradicts.

A model that has not seen a row says how likely each label is; a label's threshold is the mean of what it
says of the rows that bear this label; a row whose own label stays below what another, above its threshold,
gets, is suspect. C. Northcutt, L. Jiang, I. Chuang: Confident Learning, JAIR 70 (2021), equation 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.data.neighbours import words_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS: Final = 5
_FEATURES: Final = 50_000
_SMALL: Final = 2000
"""Rows up to which even a word that occurs once is a feature."""
_EPOCHS: Final = 10
_ALPHA: Final = 3e-5
"""On Financial PhraseBank this doubts 18 % of the labels of which half the annotators were sure, and 3 %
of those of which all were."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row number ``row`` bears another label than ``suggested``, which has ``probability``."""

    row: int
    suggested: int
    probability: float


def suspects(probabilities: Floats, labels: Sequence[int]) -> list[Suspect]:
    """
    Return the rows whose label is suspect, the clearest first.

    ``probabilities`` [rows, labels] must come from models that did not see their row. The rank is the
    normalised margin: the probability of the label that is suggested less that of the given one.
    """
    given = np.asarray(labels, dtype=np.int64)
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    thresholds = np.full(
        probabilities.shape[1], np.inf
    )  # a label that no row bears is never suggested
    for label in np.unique(given):
        thresholds[label] = own[given == label].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    found = confident.argmax(axis=1)
    chosen = np.flatnonzero((confident.max(axis=1) >= 0) & (found != given))
    margin = probabilities[chosen, found[chosen]] - own[chosen]
    order = chosen[np.argsort(-margin, kind="stable")]
    return [Suspect(int(r), int(found[r]), float(probabilities[r, found[r]])) for r in order]


def features_of(texts: Sequence[str]) -> Any:
    """Return TF-IDF of words and word pairs, sparse [rows, features]; it knows no label."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2 if len(texts) > _SMALL else 1,
        max_features=_FEATURES,
        tokenizer=words_of,
        token_pattern=None,
        lowercase=False,
    )
    return vectoriser.fit_transform(texts)


def cross_fit(
    features: Any,
    labels: Sequence[int],
    groups: Sequence[int],
    size: int,
    *,
    folds: int = FOLDS,
    seed: int = 1,
) -> Floats | None:
    """
    Return out-of-fold probabilities [rows, size] of logistic regression on ``features_of`` the texts.

    Rows of one group (a cluster of near-duplicates) share a fold, so that no model has seen a copy of what
    it judges. None when some fold would be fitted on fewer than two labels.
    """
    from sklearn.linear_model import SGDClassifier

    given = np.asarray(labels, dtype=np.int64)
    fold_of = _folds(groups, folds, seed)
    result = np.zeros((len(given), size))
    for fold in range(folds):
        asked = fold_of == fold
        if not asked.any():
            continue
        if len(np.unique(given[~asked])) < 2:  # noqa: PLR2004 - a choice
            return None
        # Stochastic, since rows may be many: seconds where a full solver takes minutes.
        model = SGDClassifier(
            loss="log_loss",
            alpha=_ALPHA,
            average=True,
            max_iter=_EPOCHS,
            tol=None,
            random_state=seed,
        )
        model.fit(features[~asked], given[~asked])
        result[np.ix_(asked, model.classes_)] = model.predict_proba(features[asked])
    return result


def _folds(groups: Sequence[int], folds: int, seed: int) -> Ints:
    """Deal the groups in an order that the seed draws, each to the fold that has the fewest rows."""
    names, members = np.unique(np.asarray(groups, dtype=np.int64), return_inverse=True)
    counts = np.bincount(members)
    fold_of = np.zeros(len(names), dtype=np.int64)
    sizes = np.zeros(folds, dtype=np.int64)
    for group in np.random.default_rng(seed).permutation(len(names)):
        fold_of[group] = sizes.argmin()
        sizes[fold_of[group]] += counts[group]
    result: Ints = fold_of[members]
    return result
