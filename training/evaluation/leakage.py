"""Rows that the model has all but seen: near-duplicates of what it was trained on."""

from collections.abc import Sequence

import numpy as np

from training.data.neighbours import SIMILAR, clusters, shingles, similarity
from training.evaluation.bootstrap import estimates
from training.evaluation.figures import Neighbours
from training.evaluation.judged import Judged
from training.evaluation.scores import Bools
from training.examples import Example


def neighbours_of(
    train: Sequence[Example], examples: Sequence[Example], judged: Judged, notes: list[str]
) -> Neighbours | None:
    """Score rows with and without a near-duplicate in ``train`` apart; None, with a note, without it."""
    if not train:
        notes.append("near-duplicates of the training rows: not known without them (--train-data)")
        return None
    near = near_to([e.text for e in train], [e.text for e in examples])
    return Neighbours(
        similar=SIMILAR,
        near=int(near.sum()),
        rows=len(near),
        near_scores=estimates(judged.only(near)) if near.any() else None,
        other_scores=estimates(judged.only(~near)) if not near.all() else None,
    )


def near_to(train: Sequence[str], texts: Sequence[str]) -> Bools:
    """Return which of ``texts`` have a near-duplicate in ``train``, bool [texts]."""
    cluster = clusters([*train, *texts])
    members: dict[int, list[frozenset[int]]] = {}
    for text, number in zip(train, cluster, strict=False):
        members.setdefault(number, []).append(shingles(text))
    near = np.zeros(len(texts), dtype=bool)
    for place, (text, number) in enumerate(zip(texts, cluster[len(train) :], strict=True)):
        own = shingles(text) if number in members else frozenset()
        near[place] = any(similarity(own, other) >= SIMILAR for other in members.get(number, ()))
    return near
