"""Units out of a random generator: texts of kinds, whose shares, embeddings and stories can be chosen."""

import numpy as np

from groundswell.drift.observed import Units

WIDTH = 16
LABELS = 3
CENTRES = np.random.default_rng(7).normal(size=(LABELS, WIDTH))
SURE = 0.8


def units(count, *, shares=(1 / 3, 1 / 3, 1 / 3), seed=0, moved=0.0, story=None, script="latin"):
    """Texts of three labels; the model answers ``SURE`` of them rightly. ``moved`` shifts embeddings."""
    draw = np.random.default_rng(seed)
    true = draw.choice(LABELS, size=count, p=shares)
    said = np.where(draw.random(count) < SURE, true, draw.integers(0, LABELS, count))
    embedding = CENTRES[true] + draw.normal(size=(count, WIDTH)) + moved
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    logits = np.eye(LABELS)[said] * 2 + draw.normal(size=(count, LABELS)) * 0.3
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Units(
        embedding=embedding,
        probabilities={"sentiment": probabilities},
        length=draw.poisson(20, count).astype(float) + 3,
        unknown=draw.binomial(20, 0.02, count) / 20,
        script=(script,) * count,
        story=np.arange(count) if story is None else np.asarray(story),
    )


def confusion(count=600, seed=99):
    """Counts [predicted, true] of rows that the same model answered."""
    draw = np.random.default_rng(seed)
    true = draw.integers(0, LABELS, count)
    said = np.where(draw.random(count) < SURE, true, draw.integers(0, LABELS, count))
    found = np.zeros((LABELS, LABELS))
    np.add.at(found, (said, true), 1)
    return found
