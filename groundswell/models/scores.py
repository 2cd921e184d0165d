"""From the logits of a graph to probabilities: of whole texts, and of the words in them."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundswell.models.tokens import Row

Probabilities: TypeAlias = NDArray[np.float64]
"""Shape [texts, labels], or [words, outputs] for one text; rows sum to one but for ``several`` heads."""

Contributions: TypeAlias = NDArray[np.float32]
"""Shape [tokens, labels]: what each token of one text adds to the logits of a head."""

_LEAST_LOG: Final = -745.0
"""Of the least number above zero: the logarithm that stands for that of zero."""


class Scores(NamedTuple):
    """
    What the model says of a batch, rows in the order of the batch.

    ``heads`` holds [texts, labels] for each head that speaks of whole texts, ``words`` for each head of
    kind ``tokens`` an array [words, outputs] per text. ``broken`` holds the rows for which it answered
    NaN or infinity. ``embedding``, [texts, width], is None unless it was asked for; so is
    ``contributions``, of each text what its tokens add to the logits of the explained head.
    """

    heads: Mapping[str, Probabilities]
    broken: frozenset[int]
    words: Mapping[str, list[Probabilities]]
    embedding: NDArray[np.float64] | None = None
    contributions: list[Contributions] | None = None


def apart(scores: Scores, count: int) -> list[Scores]:
    """Return the scores of each of ``count`` texts alone."""
    return [
        Scores(
            {name: rows[place : place + 1] for name, rows in scores.heads.items()},
            frozenset({0} if place in scores.broken else ()),
            {name: rows[place : place + 1] for name, rows in scores.words.items()},
            None if scores.embedding is None else scores.embedding[place : place + 1],
            None if scores.contributions is None else scores.contributions[place : place + 1],
        )
        for place in range(count)
    ]


def together(parts: Sequence[Scores]) -> Scores:
    """Return the scores of single texts (see ``apart``, at least one) as those of a batch."""
    first = parts[0]
    vectors = [part.embedding for part in parts if part.embedding is not None]
    adds = [one for part in parts for one in part.contributions or ()]
    return Scores(
        {name: np.concatenate([part.heads[name] for part in parts]) for name in first.heads},
        frozenset(place for place, part in enumerate(parts) if part.broken),
        {name: [part.words[name][0] for part in parts] for name in first.words},
        np.concatenate(vectors) if vectors else None,
        None if first.contributions is None else adds,
    )


def softmax(logits: NDArray[Any], temperature: float) -> Probabilities:
    """Return the softmax of logits / temperature over the last of two axes."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = logits.astype(np.float64) / temperature
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def sigmoid(logits: NDArray[Any], temperature: float) -> Probabilities:
    """Return 1 / (1 + exp(-logits / temperature))."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-logits.astype(np.float64) / temperature)))


def at_temperature(
    probabilities: Probabilities, now: float, wanted: float, *, several: bool
) -> Probabilities:
    """Return what probabilities at the temperature ``now`` would be at the one that is ``wanted``."""
    if now == wanted:
        return probabilities
    with np.errstate(divide="ignore"):
        # Of logits only the differences matter, and those the probabilities still tell.
        logits = np.maximum(np.log(probabilities), _LEAST_LOG)
        if several:
            logits -= np.maximum(np.log1p(-probabilities), _LEAST_LOG)
    return (sigmoid if several else softmax)(logits * now, wanted)


def of_words(
    logits: NDArray[Any], rows: Sequence[Row], temperature: float, fine: NDArray[np.bool_]
) -> list[Probabilities]:
    """
    Return for each row the probabilities of its words' tags, read at each word's first token.

    ``logits`` has shape [rows, tokens, outputs]. Clears the places in ``fine`` of rows that are not
    finite there (what stands at padding means nothing).
    """
    places = [row.words.places if row.words else [] for row in rows]
    counts = [len(part) for part in places]
    texts = np.repeat(np.arange(len(rows)), counts)
    flat = logits[texts, np.fromiter(chain.from_iterable(places), np.int64, sum(counts))]
    fine[texts[~np.isfinite(flat).all(axis=1)]] = False
    return np.split(softmax(flat, temperature), np.cumsum(counts)[:-1])
