"""
Scores of what a head said against the truth: of one label, of several, of stretches, of words.

Rules: plain numpy, no model, no files. A score over no rows is 0.0 and says ``rows`` 0.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from groundswell.tasks import OUTSIDE
from training.examples import MASKED, Span

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Score:
    """
    The scores of one head over ``rows`` labelled rows.

    ``confusion[i][j]`` counts rows of label i that were given label j; ``f1`` is per label, in order.
    """

    rows: int
    accuracy: float
    macro_f1: float
    f1: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Precision, recall and F1 of one label (or of all together) with the number of true ones."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class SeveralScore:
    """
    The scores of a head that gives any number of labels; ``per_label`` in the order of the labels.

    ``accuracy`` is the share of rows whose whole set of labels is right.
    """

    rows: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    per_label: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class EntityScore:
    """Scores of stretches: one counts as found only if start, end and label are all right."""

    rows: int
    micro: Tally
    macro_f1: float
    per_label: Mapping[str, Tally]

    @property
    def f1(self) -> float:
        """F1 over the stretches of all labels together: what is called entity F1."""
        return self.micro.f1


@dataclass(frozen=True, slots=True)
class TokenScore:
    """
    Scores of words' tags.

    ``micro_f1`` counts O like any tag, as token classifiers are sometimes reported; every word has one
    tag, so it equals the share of words that are right, and most words are O.
    """

    words: int
    micro_f1: float
    per_tag: Mapping[str, Tally]


def score(truth: Ints, given: Ints, labels: int) -> Score:
    """
    Score one head; rows whose truth is ``MASKED`` are left out.

    Macro-F1 is the mean over the labels that occur in the truth or in what was given, so that a label
    which a small test part does not hold costs nothing.
    """
    kept = truth != MASKED
    confusion = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(confusion, (truth[kept], given[kept]), 1)
    hit = np.diag(confusion)
    size = confusion.sum(axis=0) + confusion.sum(axis=1)
    f1 = 2 * hit / np.maximum(size, 1)
    rows = int(kept.sum())
    return Score(
        rows=rows,
        accuracy=float(hit.sum() / max(rows, 1)),
        macro_f1=float(f1[size > 0].mean()) if rows else 0.0,
        f1=tuple(float(value) for value in f1),
        confusion=tuple(tuple(int(n) for n in line) for line in confusion),
    )


def several_score(truth: Bools, given: Bools) -> SeveralScore:
    """
    Score a head of several labels; both arrays are [rows, labels].

    Macro-F1 is over the labels that occur in the truth or in what was given, as in ``score``.
    """
    hit = (truth & given).sum(axis=0)
    tallies = tuple(
        tally(int(h), int(g), int(t))
        for h, g, t in zip(hit, given.sum(axis=0), truth.sum(axis=0), strict=True)
    )
    seen: Bools = np.asarray((truth | given).any(axis=0))
    return SeveralScore(
        rows=len(truth),
        accuracy=float((truth == given).all(axis=1).mean()) if len(truth) else 0.0,
        macro_f1=_mean(t.f1 for t, occurs in zip(tallies, seen, strict=True) if occurs),
        micro_f1=tally(int(hit.sum()), int(given.sum()), int(truth.sum())).f1,
        per_label=tallies,
    )


def entity_scores(
    truth: Sequence[Sequence[Span]],
    given: Sequence[Sequence[Span]],
    labels: Sequence[str],
    known: Sequence[frozenset[str]] | None = None,
) -> EntityScore:
    """
    Score the stretches of each row, as seqeval does by default on the same BIO tags.

    ``known`` names for each row the labels that its markers looked for: stretches of other labels are
    left out on both sides, since nobody knows whether they are right.
    """
    hit: Counter[str] = Counter()
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for place, (true_row, given_row) in enumerate(zip(truth, given, strict=True)):
        judged = frozenset(labels) if known is None else known[place]
        true_spans = {span for span in true_row if span.label in judged}
        given_spans = {span for span in given_row if span.label in judged}
        asked.update(span.label for span in true_spans)
        found.update(span.label for span in given_spans)
        hit.update(span.label for span in true_spans & given_spans)
    per_label = {name: tally(hit[name], found[name], asked[name]) for name in labels}
    return EntityScore(
        rows=len(truth),
        micro=tally(hit.total(), found.total(), asked.total()),
        macro_f1=_mean(t.f1 for name, t in per_label.items() if found[name] or asked[name]),
        per_label=per_label,
    )


def token_scores(
    truth: Iterable[Sequence[str]], given: Iterable[Sequence[str]], outputs: Sequence[str]
) -> TokenScore:
    """
    Score the tags of each row's words; ``outputs`` are the head's tags, O among them.

    A word whose true tag is "" is left out.
    """
    hit: Counter[str] = Counter()
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for true_row, given_row in zip(truth, given, strict=True):
        for true_tag, given_tag in zip(true_row, given_row, strict=True):
            if true_tag:
                asked[true_tag] += 1
                found[given_tag] += 1
                hit[true_tag] += true_tag == given_tag
    return TokenScore(
        words=asked.total(),
        micro_f1=hit.total() / max(asked.total(), 1),
        per_tag={tag: tally(hit[tag], found[tag], asked[tag]) for tag in outputs if tag != OUTSIDE},
    )


def tally(hit: int, given: int, true: int) -> Tally:
    """Return precision, recall and F1 from how many were right, were given, and are true."""
    return Tally(
        precision=hit / given if given else 0.0,
        recall=hit / true if true else 0.0,
        f1=2 * hit / (given + true) if given + true else 0.0,
        support=true,
    )


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept) if kept else 0.0
