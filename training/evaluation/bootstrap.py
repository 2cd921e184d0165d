"""
How far a score can be trusted: bootstrap intervals, paired differences, McNemar's test.

Rows are drawn again with replacement. Rows that count alike are one cell, so that a draw is one
multinomial over the cells and one product of matrices: 2,000 draws cost a fraction of a second.
Sources: Efron and Tibshirani 1993 (percentile interval), Wilson 1927, McNemar 1947 in its exact form.
Pure: the seed is fixed, so that the same rows give the same interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb, sqrt
from typing import Final

import numpy as np

from training.evaluation.judged import Floats, Judged, Sums, scores_of
from training.evaluation.scores import Ints

RESAMPLES: Final = 2000
_CHUNK: Final = 250
_Z: Final = 1.959964
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimates:
    """The scores of some rows; the sequences are by label, in order."""

    rows: int
    accuracy: Estimate
    macro_f1: Estimate
    micro_f1: Estimate
    precision: tuple[Estimate, ...]
    recall: tuple[Estimate, ...]
    f1: tuple[Estimate, ...]
    support: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Paired:
    """
    One model against another on the same rows: the differences, this minus the other.

    ``better`` and ``worse`` count the rows that only one of them got right; ``p`` is McNemar's.
    """

    accuracy: Estimate
    macro_f1: Estimate
    micro_f1: Estimate
    better: int
    worse: int
    p: float


def resample(flat: Ints | Floats, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Return the sums over the rows of each draw, [resamples, columns]; ``flat`` is [rows, columns]."""
    patterns, counts = np.unique(flat, axis=0, return_counts=True)
    draw = np.random.default_rng(seed)
    share = counts / counts.sum()
    wide = patterns.astype(np.float64)
    parts = [
        draw.multinomial(len(flat), share, size=min(_CHUNK, resamples - start)) @ wide
        for start in range(0, resamples, _CHUNK)
    ]
    return np.concatenate(parts)


def estimates(judged: Judged, resamples: int = RESAMPLES, seed: int = 0) -> Estimates:
    """Return the scores of rows (at least one) with their intervals."""
    flat, width = judged.flat, len(judged.labels)
    whole, drawn = flat.sum(axis=0), resample(flat, resamples, seed)
    values, spread = scores_of(whole, width), scores_of(drawn, width)

    def by_label(name: str) -> tuple[Estimate, ...]:
        columns = zip(values[name], spread[name].T, strict=True)
        return tuple(estimate(float(value), column) for value, column in columns)

    return Estimates(
        rows=len(judged),
        accuracy=estimate(float(whole[-1]) / len(judged), drawn[:, -1] / len(judged)),
        macro_f1=estimate(float(values["macro_f1"]), spread["macro_f1"]),
        micro_f1=estimate(float(values["micro_f1"]), spread["micro_f1"]),
        precision=by_label("precision"),
        recall=by_label("recall"),
        f1=by_label("f1"),
        support=tuple(int(n) for n in judged.counts[:, 2].sum(axis=0)),
    )


def paired(this: Judged, other: Judged, resamples: int = RESAMPLES, seed: int = 0) -> Paired:
    """Compare two judgements of the same rows (at least one) on the same draws."""
    both = np.column_stack([this.flat, other.flat])
    width = this.flat.shape[1]
    whole, drawn = both.sum(axis=0), resample(both, resamples, seed)

    def difference(name: str) -> Estimate:
        value, spread = (
            _score(sums[..., :width], this, name) - _score(sums[..., width:], other, name)
            for sums in (whole, drawn)
        )
        return estimate(float(value), spread)

    better = int((this.right & ~other.right).sum())
    worse = int((other.right & ~this.right).sum())
    return Paired(
        accuracy=difference("accuracy"),
        macro_f1=difference("macro_f1"),
        micro_f1=difference("micro_f1"),
        better=better,
        worse=worse,
        p=mcnemar(better, worse),
    )


def _score(sums: Sums, judged: Judged, name: str) -> Floats:
    if name == "accuracy":
        return np.asarray(sums[..., -1] / len(judged))
    scores: Mapping[str, Floats] = scores_of(sums, len(judged.labels))
    return scores[name]


def estimate(value: float, drawn: Floats) -> Estimate:
    """Return ``value`` with the middle 95 % of what was drawn."""
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(value, float(low), float(high))


def mean(values: Floats, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the mean of values (at least one) with its interval."""
    drawn = resample(values.reshape(-1, 1), resamples, seed)[:, 0] / len(values)
    return estimate(float(values.mean()), drawn)


def share(hits: int, of: int) -> Estimate:
    """Return a share with Wilson's interval, which holds near 0 and 1 and for few rows as well."""
    if not of:
        return Estimate(0.0, 0.0, 1.0)
    value = hits / of
    spread = _Z * sqrt(value * (1 - value) / of + _Z**2 / (4 * of**2))
    middle, scale = value + _Z**2 / (2 * of), 1 + _Z**2 / of
    low, high = (middle - spread) / scale, (middle + spread) / scale
    return Estimate(value, max(0.0, min(low, value)), min(1.0, max(high, value)))


def mcnemar(better: int, worse: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: whether the rows that differ are a fair coin."""
    total = better + worse
    tail = sum(comb(total, k) for k in range(min(better, worse) + 1))
    return float(min(1.0, 2 * tail / 2**total))
