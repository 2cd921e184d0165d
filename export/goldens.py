"""
The golden texts of a bundle: what fp32 says of a few samples, for consumers to compare with.

They ask whether a machine computes as this one does, not how good int8 is: so a text on which a graph of
the bundle gives another label or tag than fp32 is passed over, in a batch or alone.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from export.answers import Answers
from export.compare import probabilities, same_labels
from groundswell.models.bundle import Golden, Head
from groundswell.models.spans import spans_of
from groundswell.models.tokens import Words
from training.encode import Tokens

MOST: Final = 64


def choose(heads: Sequence[Head], reference: Answers, graphs: Sequence[Answers]) -> list[int]:
    """Return the places of at most ``MOST`` texts on which all ``graphs`` agree with ``reference``."""
    verdicts = [
        same_labels(head, answers, reference) for head in heads for answers in (reference, *graphs)
    ]
    places = np.flatnonzero(np.all(verdicts, axis=0))
    # Spread over the samples, so that texts of every length and label are among them.
    spread = np.linspace(0, len(places) - 1, min(MOST, len(places))).astype(int)
    return [int(place) for place in places[np.unique(spread)]]


def golden(
    heads: Sequence[Head],
    texts: Sequence[str],
    rows: Sequence[Tokens],
    reference: Answers,
    places: Sequence[int],
) -> list[Golden]:
    """Return the golden rows of the texts at ``places``."""
    whole = [head for head in heads if head.kind != "tokens"]
    said = {head.name: probabilities(head, reference.texts[head.name]) for head in whole}
    return [
        Golden(
            text=texts[place],
            probabilities={
                name: tuple(round(float(p), 6) for p in found[place])
                for name, found in said.items()
            },
            labels={head.name: head.labels[said[head.name][place].argmax()] for head in whole},
            spans={
                head.name: _spans(head, texts[place], rows[place], reference, place)
                for head in heads
                if head.kind == "tokens"
            },
        )
        for place in places
    ]


def _spans(
    head: Head, text: str, row: Tokens, reference: Answers, place: int
) -> tuple[tuple[int, int, str], ...]:
    words = Words(
        text,
        [word.place for word in row.words],
        [word.start for word in row.words],
        [word.end for word in row.words],
        len(row.ids),
    )
    found = spans_of(head.labels, probabilities(head, reference.words[head.name][place]), words)
    return tuple((span.start, span.end, span.label) for span in found)
