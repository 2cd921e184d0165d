"""
The test statistics. Each is given the units and many divisions of them, and answers for every division.

``window`` is bool [divisions, units]: which units are the window; the rest is the reference. Both parts
hold two units at least. A statistic is larger where the parts are less alike.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from groundswell.drift.observed import Bools, Floats

MOST_CONDITION: Final = 20.0
"""Of the confusion matrix: above it, small errors of the shares become large ones of the estimate."""
FEWEST_OF_A_LABEL: Final = 10
"""Rows of each label in the confusion matrix, below which it tells too little."""


def mmd(embedding: Floats, window: Bools) -> Floats:
    """
    Return the squared maximum mean discrepancy (Gretton et al. 2012, eq. 3: without the diagonal).

    The kernel is Gaussian; its width is the median distance of the units. The diagonal is left out, so
    that the expectation is zero where both parts come from one distribution.
    """
    squared = np.maximum(0.0, 2.0 - 2.0 * (embedding @ embedding.T))
    upper = squared[np.triu_indices(len(squared), 1)]
    width = float(np.median(upper)) or 1.0
    kernel = np.exp(-squared / width)
    np.fill_diagonal(kernel, 0.0)
    inside = window.astype(np.float64)
    outside = 1.0 - inside
    n, m = inside.sum(axis=1), outside.sum(axis=1)
    ours = inside @ kernel
    within = (ours * inside).sum(axis=1) / (n * (n - 1))
    across = (ours * outside).sum(axis=1) / (n * m)
    rest = ((outside @ kernel) * outside).sum(axis=1) / (m * (m - 1))
    return np.asarray(within + rest - 2.0 * across)


def ks(values: Floats, window: Bools) -> Floats:
    """Return the Kolmogorov–Smirnov statistic: the largest difference of the two distribution functions."""
    order = np.argsort(values, kind="stable")
    inside = window[:, order].astype(np.float64)
    outside = 1.0 - inside
    apart = np.cumsum(inside, axis=1) / inside.sum(axis=1, keepdims=True)
    apart -= np.cumsum(outside, axis=1) / outside.sum(axis=1, keepdims=True)
    # Between equal values the functions have not jumped yet.
    ends = np.append(np.diff(values[order]) > 0, True)
    return np.asarray(np.abs(apart[:, ends]).max(axis=1))


def largest_ks(probabilities: Floats, window: Bools) -> Floats:
    """Return the largest of the statistics of the columns: one a label."""
    return np.asarray(np.max([ks(column, window) for column in probabilities.T], axis=0))


def difference(values: Floats, window: Bools) -> Floats:
    """Return how far the means of the two parts are apart."""
    inside = window.astype(np.float64)
    outside = 1.0 - inside
    ours = inside @ values / inside.sum(axis=1)
    return np.asarray(np.abs(ours - outside @ values / outside.sum(axis=1)))


def of_kinds(kinds: Sequence[str], window: Bools) -> Floats:
    """Return the total variation distance of the shares of kinds, such as scripts."""
    names = sorted(set(kinds))
    is_one = np.array([[kind == name for name in names] for kind in kinds], dtype=np.float64)
    inside = window.astype(np.float64)
    outside = 1.0 - inside
    ours = inside @ is_one / inside.sum(axis=1, keepdims=True)
    theirs = outside @ is_one / outside.sum(axis=1, keepdims=True)
    return np.asarray(np.abs(ours - theirs).sum(axis=1) / 2)


def condition(confusion: Floats) -> float:
    """
    Return the condition number of a confusion matrix of counts, [predicted, true]; infinite if it cannot be used.

    Each true label must have ``FEWEST_OF_A_LABEL`` rows.
    """
    totals = confusion.sum(axis=0)
    if not totals.size or totals.min() < FEWEST_OF_A_LABEL:
        return float("inf")
    return float(np.linalg.cond(confusion / totals))


def true_shares(confusion: Floats, predicted: Floats) -> Floats:
    """
    Estimate the shares of the true labels from those of the predicted ones (BBSE, Lipton et al. 2018).

    ``predicted`` [divisions, labels]. Solves C q = mu, where column k of C holds how rows of label k are
    answered; shares below zero become zero, and the rest is brought to one.
    """
    answered = confusion / confusion.sum(axis=0)
    found = np.maximum(0.0, np.linalg.solve(answered, predicted.T).T)
    total = found.sum(axis=1, keepdims=True)
    even = np.full_like(found, 1.0 / found.shape[1])
    return np.asarray(np.divide(found, total, out=even, where=total > 0))


def label_shift(confusion: Floats, probabilities: Floats, window: Bools) -> Floats:
    """Return how far the estimated shares of the true labels of the two parts are apart, from 0 to 1."""
    labels = np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    inside = window.astype(np.float64)
    outside = 1.0 - inside
    ours = true_shares(confusion, inside @ labels / inside.sum(axis=1, keepdims=True))
    theirs = true_shares(confusion, outside @ labels / outside.sum(axis=1, keepdims=True))
    return np.asarray(np.abs(ours - theirs).sum(axis=1) / 2)
