"""
What became of each row: which labels were right, which were given, which are true.

One form for every kind of head, so that intervals, slices and comparisons are written once. Of a head of
one label each row holds one true and one given label, of a head of several any number, of a token head
the stretches, counted by label. Rule: a score is a function of the sums over rows, never of a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from training.evaluation.scores import Bools, Ints
from training.examples import Span, Spans

Sums: TypeAlias = npt.NDArray[Any]
"""[..., 3, labels]: how many were right, were given, are true."""
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """``counts`` [rows, 3, labels] as in ``Sums``; ``right`` [rows]: nothing wrong, nothing missing."""

    labels: tuple[str, ...]
    counts: Ints
    right: Bools

    def __len__(self) -> int:
        return len(self.right)

    def only(self, kept: Bools | Ints) -> "Judged":
        """Return the judgement of some rows, named by a mask or by their places."""
        return Judged(self.labels, self.counts[kept], self.right[kept])

    @property
    def flat(self) -> Ints:
        """[rows, 3 * labels + 1]: what is summed over rows; the last column is ``right``."""
        return np.column_stack([self.counts.reshape(len(self), 3 * len(self.labels)), self.right])


def judge_single(truth: Ints, given: Ints, labels: Sequence[str]) -> Judged:
    """Judge a head of one label; both arrays hold places of labels, and no row is masked."""
    counts = np.zeros((len(truth), 3, len(labels)), dtype=np.int64)
    rows = np.arange(len(truth))
    counts[rows, 1, given] = 1
    counts[rows, 2, truth] = 1
    counts[:, 0] = counts[:, 1] & counts[:, 2]
    return Judged(tuple(labels), counts, np.asarray(truth == given))


def judge_several(truth: Bools, given: Bools, labels: Sequence[str]) -> Judged:
    """Judge a head of several labels; both arrays are [rows, labels]."""
    counts = np.stack([truth & given, given, truth], axis=1).astype(np.int64)
    return Judged(tuple(labels), counts, np.asarray((truth == given).all(axis=1)))


def judge_spans(
    truth: Sequence[Spans], given: Sequence[Sequence[Span]], labels: Sequence[str]
) -> Judged:
    """Judge a token head: a stretch is right if start, end and label are; see ``Spans.known``."""
    place = {name: number for number, name in enumerate(labels)}
    counts = np.zeros((len(truth), 3, len(labels)), dtype=np.int64)
    right = np.zeros(len(truth), dtype=bool)
    for row, (true, found) in enumerate(zip(truth, given, strict=True)):
        asked = {span for span in true.spans if span.label in true.known}
        answered = {span for span in found if span.label in true.known}
        for part, spans in enumerate((asked & answered, answered, asked)):
            for span in spans:
                counts[row, part, place[span.label]] += 1
        right[row] = asked == answered
    return Judged(tuple(labels), counts, right)


def scores_of(flat: Sums, labels: int) -> Mapping[str, Floats]:
    """
    Return the scores of sums over rows; ``flat`` is [..., 3 * labels + 1], see ``Judged.flat``.

    ``macro_f1`` and ``micro_f1`` are [...]; ``precision``, ``recall`` and ``f1`` [..., labels]. What has
    no denominator is 0; macro-F1 is over the labels that occur, as in ``scores.score``.
    """
    hit, given, true = np.moveaxis(flat[..., :-1].reshape(*flat.shape[:-1], 3, labels), -2, 0)
    size = given + true
    f1 = _ratio(2 * hit, size)
    return {
        "precision": _ratio(hit, given),
        "recall": _ratio(hit, true),
        "f1": f1,
        "macro_f1": _ratio(f1.sum(axis=-1), (size > 0).sum(axis=-1)),
        "micro_f1": _ratio(2 * hit.sum(axis=-1), size.sum(axis=-1)),
    }


def _ratio(above: Sums, below: Sums) -> Floats:
    return np.asarray(above / np.maximum(below, 1), dtype=np.float64)
