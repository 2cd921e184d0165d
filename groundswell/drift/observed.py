"""What is looked at of each text, and stories: near-duplicates of which the first speaks for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from groundswell.drift.scripts import script_of

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]

UNSURE: Final = 0.5
"""A text whose best label is less probable than this counts as an abstention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """
    What was measured of ``n`` texts.

    ``embedding`` [n, width] of length 1; ``probabilities`` [n, labels] by head; ``length`` in tokens;
    ``unknown``, the share of its tokens that the vocabulary lacks; ``script``, the main one of its letters;
    ``story``, equal for near-duplicates.
    """

    embedding: Floats
    probabilities: Mapping[str, Floats]
    length: Floats
    unknown: Floats
    script: tuple[str, ...]
    story: Ints

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.story)

    def take(self, places: Any) -> "Units":
        """Return some of them, in the order of ``places``."""
        chosen = np.asarray(places, dtype=np.int64)
        return Units(
            embedding=self.embedding[chosen],
            probabilities={name: rows[chosen] for name, rows in self.probabilities.items()},
            length=self.length[chosen],
            unknown=self.unknown[chosen],
            script=tuple(self.script[place] for place in chosen.tolist()),
            story=self.story[chosen],
        )

    def stories(self) -> "Units":
        """Return the first text of each story."""
        _, first = np.unique(self.story, return_index=True)
        return self.take(np.sort(first))

    def unsure(self, head: str) -> Bools:
        """Return for which texts no label of a head is as probable as ``UNSURE``."""
        return np.asarray(self.probabilities[head].max(axis=1) < UNSURE)


def observe(
    texts: Sequence[str],
    tokens: Sequence[Sequence[int]],
    unknown: int | None,
    probabilities: Mapping[str, Floats],
    embedding: Floats,
    story: Sequence[int],
) -> Units:
    """
    Return what is looked at of texts; ``tokens`` are their ids, ``unknown`` the id of what is not known.

    Embeddings are brought to length 1; where one has no direction it stays zero.
    """
    lengths = np.array([len(row) for row in tokens], dtype=np.float64)
    missing = [0.0 if unknown is None else sum(token == unknown for token in row) for row in tokens]
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    return Units(
        embedding=np.divide(embedding, norm, out=np.zeros_like(embedding), where=norm > 0),
        probabilities=probabilities,
        length=lengths,
        unknown=np.array(missing, dtype=np.float64) / np.maximum(lengths, 1.0),
        script=tuple(script_of(text) for text in texts),
        story=np.asarray(story, dtype=np.int64),
    )


def pooled(one: Units, other: Units) -> Units:
    """Return the two together, the first one's above; a story stays in the one that it is in."""
    return Units(
        embedding=np.concatenate([one.embedding, other.embedding]),
        probabilities={
            name: np.concatenate([rows, other.probabilities[name]])
            for name, rows in one.probabilities.items()
        },
        length=np.concatenate([one.length, other.length]),
        unknown=np.concatenate([one.unknown, other.unknown]),
        script=(*one.script, *other.script),
        story=np.concatenate([one.story, other.story + one.story.max(initial=0) + 1]),
    )


def without_heads(units: Units, kept: Sequence[str]) -> Units:
    """Return the units with the heads of ``kept`` alone."""
    return replace(units, probabilities={name: units.probabilities[name] for name in kept})
