"""
Labels by similarity: what a text resembles, of descriptions and examples of each label.

A prototypical classifier (Snell et al., 2017): a label's prototype is the mean of the unit vectors of
its texts; a text's logit for it is their cosine over a temperature, plus what the function's lexicon
says. No training, so that a label works as soon as it is described. Pure numpy; whoever has a model
embeds the texts.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundswell.errors import InputError
from groundswell.models.scores import Probabilities, sigmoid, softmax
from groundswell.tasks import Function

TEMPERATURE: Final = 0.15
"""Cosines over this are logits: near the best likelihood by tone and by topic, 3 to 32 examples a label."""
SEVERAL: Final = 0.8
"""Of several labels those hold that are 4 times as likely as the average other one."""

_CJK: Final = "\u2e80"
"""From here on scripts do not part their words by blanks."""

_LEAST: Final = 1e-12

Vectors: TypeAlias = NDArray[np.float64]
"""Shape [texts, width], or [labels, width]."""


def label_texts(function: Function, languages: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """
    Return each label's texts: its description and its examples, in the languages (at least one).

    Raises ``InputError`` for token labels, which no whole text resembles.
    """
    if function.output == "tokens":
        raise InputError(
            f"{function.name}: stretches of text cannot be found by similarity; train a model for them"
        )
    return tuple(
        tuple(
            dict.fromkeys(
                [
                    *(label.described(language) for language in languages),
                    *(text for language in languages for text in label.exemplars(language)),
                ]
            )
        )
        for label in function.labels
    )


def prototypes_of(groups: Sequence[NDArray[Any]]) -> Vectors:
    """Return the unit prototype of each label from the vectors of its texts, [texts, width] each."""
    return _unit(np.array([_unit(group).mean(axis=0) for group in groups]))


def lexicon_prior(function: Function, texts: Sequence[str]) -> NDArray[np.float64]:
    """
    Return what the function's lexicon adds to the logits: log(1 + matches), [texts, labels].

    Case does not count; a word must stand whole, but for scripts without blanks.
    """
    prior = np.zeros((len(texts), len(function.labels)))
    folded = [text.casefold() for text in texts]
    for column, name in enumerate(function.label_names):
        words = function.lexicon.get(name, ())
        if words:
            pattern = re.compile("|".join(_whole(word) for word in sorted(words, key=len)[::-1]))
            prior[:, column] = [np.log1p(len(pattern.findall(text))) for text in folded]
    return prior


def logits_of(
    embeddings: NDArray[Any],
    prototypes: Vectors,
    prior: NDArray[np.float64] | None = None,
    temperature: float = TEMPERATURE,
) -> NDArray[np.float64]:
    """Return cosine / temperature + prior, [texts, labels]; a vector of zeros resembles nothing."""
    cosines = _unit(embeddings) @ prototypes.T
    return np.asarray(cosines / temperature + (0.0 if prior is None else prior))


def probabilities_of(function: Function, logits: NDArray[np.float64]) -> Probabilities:
    """
    Return the probabilities of the function's labels, [texts, labels].

    Of several labels each is compared with the average of the others, and 0.5 says that it is as likely.
    """
    if function.output != "several":
        return softmax(logits, 1.0)
    with np.errstate(invalid="ignore"):
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        others = (weights.sum(axis=1, keepdims=True) - weights) / (weights.shape[1] - 1)
        return sigmoid(
            np.log(np.maximum(weights, _LEAST)) - np.log(np.maximum(others, _LEAST)), 1.0
        )


def join(
    function: Function,
    logits: NDArray[np.float64],
    known: Sequence[str],
    said: Probabilities,
) -> Probabilities:
    """
    Put the labels that a trained head does not know beside those that it does, [texts, labels].

    ``known`` names the columns of ``said``, the head's probabilities. One label: the share of each new
    one is its softmax among the new ones and the known one that the text resembles most, and the head's
    answer is divided over the rest. Several: the head speaks for the labels that it knows.
    """
    columns = {name: column for column, name in enumerate(known)}
    trained = [place for place, name in enumerate(function.label_names) if name in columns]
    new = [place for place, name in enumerate(function.label_names) if name not in columns]
    if not trained:
        return probabilities_of(function, logits)
    theirs = said[:, [columns[function.label_names[place]] for place in trained]]
    if function.output == "several":
        joined = probabilities_of(function, logits)
        joined[:, trained] = theirs
        return joined
    nearest = logits[:, trained].max(axis=1, keepdims=True)
    shares = softmax(np.hstack([nearest, logits[:, new]]), 1.0)
    joined = np.empty_like(logits)
    joined[:, new] = shares[:, 1:]
    joined[:, trained] = (
        shares[:, :1] * theirs / np.maximum(theirs.sum(axis=1, keepdims=True), _LEAST)
    )
    return joined


def _unit(vectors: NDArray[Any]) -> Vectors:
    wide = np.asarray(vectors, dtype=np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), _LEAST))


def _whole(word: str) -> str:
    folded = word.casefold()
    quoted = re.escape(folded)
    if any(c >= _CJK for c in folded):
        return quoted
    return rf"(?<!\w){quoted}(?!\w)"
