"""
How alike two graphs' answers are, head by head.

The figures ask whether a smaller graph says what fp32 says, not whether either is right: of a head of
whole texts the share of equal labels, of a token head the share of words with the same tag, and the F1 of
its stretches against fp32's. Most words are outside any stretch, so that F1 is the one that tells.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from export.answers import Answers, Floats
from groundswell.models.bundle import Head
from groundswell.models.scores import Probabilities, sigmoid, softmax
from groundswell.models.spans import stretches


def same_labels(head: Head, ours: Answers, theirs: Answers) -> list[bool]:
    """Return for each text whether the head gives it the same labels, or all its words the same tags."""
    if head.kind == "tokens":
        pairs = zip(ours.words[head.name], theirs.words[head.name], strict=True)
        return [bool((_best(a) == _best(b)).all()) for a, b in pairs]
    p, q = probabilities(head, ours.texts[head.name]), probabilities(head, theirs.texts[head.name])
    return [bool(same) for same in _equal(head, p, q)]


def measure(head: Head, ours: Answers, theirs: Answers) -> dict[str, float]:
    """
    Compare a head's logits with fp32's: ``agreement``, and mean and largest |difference| of probability.

    Of a token head also ``entity_f1``. Answers of no text, or no word, agree.
    """
    if head.kind == "tokens":
        mine, other = ours.words[head.name], theirs.words[head.name]
        measured = _measure(head, np.concatenate(mine), np.concatenate(other))
        return {**measured, "entity_f1": _entity_f1(head, mine, other)}
    return _measure(head, ours.texts[head.name], theirs.texts[head.name])


def probabilities(head: Head, logits: Floats) -> Probabilities:
    """Return a head's probabilities as a consumer does; ``logits`` is [texts or words, outputs]."""
    to_probabilities = sigmoid if head.kind == "several" else softmax
    return to_probabilities(logits, head.temperature)


def tags(head: Head, logits: Floats) -> list[str]:
    """Return the likeliest tag of each word; ``logits`` is [words, outputs]."""
    return [head.labels[column] for column in _best(logits)]


def drift(ours: Answers, theirs: Answers) -> dict[str, float]:
    """Return the mean and the least cosine between the two graphs' embeddings of the same text."""
    cosine = (ours.texts["embedding"] * theirs.texts["embedding"]).sum(axis=1)
    return {"mean_cosine": float(cosine.mean()), "min_cosine": float(cosine.min())}


def finite(answers: Answers) -> bool:
    """Whether no logit is NaN or infinite."""
    parts = [*answers.texts.values(), *(part for parts in answers.words.values() for part in parts)]
    return all(bool(np.isfinite(part).all()) for part in parts)


def _measure(head: Head, ours: Floats, theirs: Floats) -> dict[str, float]:
    if not len(ours):
        return {"agreement": 1.0, "mean_abs_dp": 0.0, "max_abs_dp": 0.0}
    p, q = probabilities(head, ours), probabilities(head, theirs)
    apart = np.abs(p - q)
    return {
        "agreement": float(np.mean(_equal(head, p, q))),
        "mean_abs_dp": float(apart.mean()),
        "max_abs_dp": float(apart.max()),
    }


def _equal(head: Head, p: Probabilities, q: Probabilities) -> npt.NDArray[np.bool_]:
    if head.kind == "several":
        return np.asarray(((p >= head.threshold) == (q >= head.threshold)).all(axis=1))
    return np.asarray(_best(p) == _best(q))


def _best(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    return np.asarray(scores.argmax(axis=1))


def _entity_f1(head: Head, ours: Sequence[Floats], theirs: Sequence[Floats]) -> float:
    found, asked = _stretches(head, ours), _stretches(head, theirs)
    hit = len(found & asked)
    return 2 * hit / (len(found) + len(asked)) if found or asked else 1.0


def _stretches(head: Head, words: Sequence[Floats]) -> set[tuple[int, int, int, str]]:
    return {
        (text, *stretch)
        for text, logits in enumerate(words)
        for stretch in stretches(tags(head, logits))
    }


def rounded(measured: Mapping[str, float]) -> dict[str, float]:
    """Return the figures as they are written down."""
    return {name: round(value, 5) for name, value in measured.items()}
