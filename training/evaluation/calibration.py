"""
Calibration: whether what a head calls 80 % sure is right in 8 of 10 cases.

ECE (Naeini et al. 2015, 15 bins of equal width) is of the probability of the label that was given. A
temperature (Guo et al. 2017) is fitted by the negative log-likelihood, and adopted only when, fitted on
four fifths of the rows, it lowers it on the rest and does not raise their ECE. A head of several labels is a choice of two a label.
Pure.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.evaluation.judged import Floats
from training.evaluation.scores import Bools, Ints

BINS: Final = 15
FOLDS: Final = 5
_LEAST_ROWS: Final = 20
_LEAST_WRONG: Final = 5
"""A head that is never wrong would best be infinitely sure: mistakes tell where to stop."""
_RANGE: Final = (-3.0, 3.0)
"""Of log(T): T from 0.05 to 20."""
_STEPS: Final = 50
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like confidence: the mean of it, and the share that is right."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    Calibration as served, and what a temperature would change.

    ``temperature`` is on top of the one that the model has; ``fitted_nll`` and ``fitted_ece`` are of
    rows on which it was not fitted. ``adopted`` says whether to take it; else it is 1 in effect.
    """

    rows: int
    ece: float
    nll: float
    bins: tuple[Bin, ...]
    temperature: float
    fitted_ece: float
    fitted_nll: float
    adopted: bool


def softmax(logits: npt.NDArray[Any], temperature: float = 1.0) -> Floats:
    """Return the softmax of logits / temperature over the last axis."""
    scaled = logits.astype(np.float64) / temperature
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def two_of_each(logits: npt.NDArray[Any], truth: Bools) -> tuple[Floats, Ints]:
    """Return a head of several labels as choices of two: [rows * labels, 2], and their truth."""
    flat = logits.astype(np.float64).reshape(-1)
    return np.column_stack([np.zeros_like(flat), flat]), truth.reshape(-1).astype(np.int64)


def nll(logits: npt.NDArray[Any], truth: Ints, temperature: float = 1.0) -> float:
    """Return the mean negative log-likelihood of the truth; 0 over no rows."""
    if not len(truth):
        return 0.0
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float((total - scaled[np.arange(len(truth)), truth]).mean())


def bins_of(probabilities: Floats, truth: Ints) -> tuple[Bin, ...]:
    """Return the bins that hold a row, least sure first."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(int(held.sum()), float(confidence[held].mean()), float(right[held].mean()))
        for number in range(BINS)
        if (held := place == number).any()
    )


def ece(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error: how far confidence and accuracy are apart, by rows."""
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.confidence - each.accuracy) for each in bins) / max(rows, 1)


def fit_temperature(logits: npt.NDArray[Any], truth: Ints) -> float:
    """Return the temperature of the lowest NLL, which has one minimum in 1/T: golden section on log T."""
    low, high = _RANGE
    for _ in range(_STEPS):
        width = (high - low) * _GOLDEN
        left, right = high - width, low + width
        if nll(logits, truth, float(np.exp(left))) <= nll(logits, truth, float(np.exp(right))):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def calibrate(
    logits: npt.NDArray[Any], truth: Ints, groups: Ints | None = None, seed: int = 0
) -> Calibration:
    """
    Measure calibration and fit a temperature; ``logits`` [rows, labels] are over the served temperature.

    Rows of one of ``groups`` stand in one fold. Below 20 rows or 5 mistakes nothing is adopted.
    """
    served = softmax(logits)
    bins = bins_of(served, truth)
    before = nll(logits, truth)
    owner = np.arange(len(truth)) if groups is None else groups
    temperatures = _cross_fitted(logits, truth, owner, seed)
    scaled = logits.astype(np.float64) / temperatures[:, None]
    after = nll(scaled, truth)
    error, fitted_error = ece(bins), ece(bins_of(softmax(scaled), truth))
    wrong = owner[served.argmax(axis=1) != truth]
    enough = len(np.unique(owner)) >= _LEAST_ROWS and len(np.unique(wrong)) >= _LEAST_WRONG
    return Calibration(
        rows=len(truth),
        ece=error,
        nll=before,
        bins=bins,
        temperature=fit_temperature(logits, truth),
        fitted_ece=fitted_error,
        fitted_nll=after,
        adopted=enough and after < before and fitted_error <= error,
    )


def _cross_fitted(logits: npt.NDArray[Any], truth: Ints, owner: Ints, seed: int) -> Floats:
    """Return for each row a temperature that was fitted without it."""
    draw = np.random.default_rng(seed)
    members, place = np.unique(owner, return_inverse=True)
    fold = (draw.permutation(len(members)) % FOLDS)[place]
    result = np.ones(len(truth))
    for number in range(FOLDS):
        held = fold == number
        if held.any() and not held.all():
            result[held] = fit_temperature(logits[~held], truth[~held])
    return result
