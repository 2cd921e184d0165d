"""
From the tags of words to stretches of text.

Tags are BIO: ``B-X`` opens a stretch of label X, ``I-X`` goes on with it, ``O`` is outside. An ``I-X``
that follows no X opens a stretch: a model that missed the beginning still saw the name. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from groundswell.models.scores import Probabilities
from groundswell.models.tokens import Words
from groundswell.tasks import OUTSIDE


class Span(NamedTuple):
    """
    A stretch of the text: ``start`` and ``end`` (excluded) count characters.

    ``probability`` is the mean, over its words, of the probability of the tag that each was given: how
    sure the model is of a word of it, not of the whole.
    """

    start: int
    end: int
    label: str
    probability: float


def stretches(tags: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches in order: first word, the word after the last, label."""
    first, open_label, at = 0, "", 0
    for at, tag in enumerate(tags, 1):
        part, _, label = tag.partition("-")
        if part == "I" and label == open_label:
            continue
        if open_label:
            yield first, at - 1, open_label
        first, open_label = at - 1, label
    if open_label:
        yield first, at, open_label


def spans_of(outputs: Sequence[str], probabilities: Probabilities, words: Words) -> list[Span]:
    """
    Decode the likeliest tags of a text's words; from its first word's start to its last word's end each.

    ``outputs`` names the columns of ``probabilities``, which has shape [words, outputs].
    """
    if not len(probabilities):
        return []
    best = probabilities.argmax(axis=1).tolist()
    tags = [outputs[column] for column in best]
    if tags.count(OUTSIDE) == len(tags):
        return []
    sure = probabilities.max(axis=1).tolist()
    return [
        Span(
            words.starts[first], words.ends[stop - 1], label, sum(sure[first:stop]) / (stop - first)
        )
        for first, stop, label in stretches(tags)
    ]
