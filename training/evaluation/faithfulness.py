"""
Faithfulness of explanations: whether the words that are said to matter do.

Comprehensiveness (DeYoung et al. 2020, ERASER): how much the probability of the predicted label falls
when the fifth of the words that speak for it most is deleted, against as many words at random. Deleting
words makes texts that nobody writes, so the figure compares ways to explain; it is no truth in itself.
Pure: the caller asks the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from training.evaluation.bootstrap import Estimate, mean
from training.evaluation.entities import Units
from training.evaluation.judged import Floats

SHARE: Final = 0.2
LEAST_WORDS: Final = 5
"""Shorter texts have no fifth of their words."""
DRAWS: Final = 5


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Means over ``rows`` of the fall of the predicted label's probability, and of their difference."""

    rows: int
    top: Estimate
    random: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is left of a text without its top words, and without as many at random, drawn some times."""

    place: int
    top: str
    random: tuple[str, ...]


def deletions(
    texts: Sequence[str], words: Sequence[Units], weights: Sequence[Floats], seed: int = 0
) -> list[Deleted]:
    """Return what to ask; ``weights`` [words] say how much each speaks for the predicted label."""
    draw = np.random.default_rng(seed)
    found = []
    for place, (text, units, weight) in enumerate(zip(texts, words, weights, strict=True)):
        if len(units) < LEAST_WORDS:
            continue
        count = ceil(SHARE * len(units))
        top = np.argsort(-weight, kind="stable")[:count]
        others = (draw.choice(len(units), count, replace=False) for _ in range(DRAWS))
        found.append(
            Deleted(
                place,
                without(text, units, {int(n) for n in top}),
                tuple(without(text, units, {int(n) for n in chosen}) for chosen in others),
            )
        )
    return found


def without(text: str, units: Units, gone: set[int]) -> str:
    """Return the text without some of its words, blanks folded."""
    kept, at = [], 0
    for place in sorted(gone):
        start, end = units[place]
        kept.append(text[at:start])
        at = end
    return " ".join("".join([*kept, text[at:]]).split())


def faithfulness(before: Floats, top: Floats, random: Floats) -> Faithfulness:
    """
    Compare probabilities of the labels that were predicted at first.

    ``before`` and ``top`` are [rows] (at least one), ``random`` [rows, draws].
    """
    fall, chance = before - top, before - random.mean(axis=1)
    return Faithfulness(len(before), mean(fall), mean(chance), mean(fall - chance))
