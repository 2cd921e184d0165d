"""
From the scores of a batch to what an opinion says: tone, topics, names, and the words behind the tone.

Rules: probabilities leave with four decimals; labels are chosen before rounding; a bundle must have
the heads ``sentiment`` and ``topic``, and may have ``entities``. Names are bounded in number and
length, so that no opinion outgrows a Kafka record. Only a negative tone is explained: it is what alerts
are made of.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from consumers.news.asking import Asking
from consumers.news.ports import Labeller
from groundswell.errors import BundleError, Rejected
from groundswell.events import SENTIMENTS, Entity, Sentiment, SentimentResult, TopicLabel
from groundswell.models.bundle import PLAIN, Head, Manifest
from groundswell.models.scores import Probabilities, Scores
from groundswell.models.spans import spans_of
from groundswell.models.spoken import spoke_for
from groundswell.models.tokens import Row

DECIMALS: Final = 4
MAX_ENTITIES: Final = 64
"""Names that are kept of one text: the first ones."""
MAX_ENTITY: Final = 200
"""Characters that are kept of a name; its end moves with them."""

NEGATIVE: Final = "negative"
HEADS: Final = ("sentiment", "topic", "entities")
"""What an opinion is made of."""


class Labels(NamedTuple):
    """What the model says of one text; the best topic first, names in order, the strongest word first."""

    sentiment: SentimentResult
    topics: tuple[TopicLabel, ...]
    entities: tuple[Entity, ...]
    words: tuple[str, ...] = ()


class Labelling:
    """The heads of an opinion in a model; ``probe`` is a text that it can read."""

    def __init__(self, model: Labeller, probe: str) -> None:
        manifest = model.manifest
        if manifest.template != PLAIN:
            raise BundleError(
                f"bundle {manifest.id}: it reads {manifest.template!r}, and an item has only its text: "
                f"it cannot make opinions; `groundswell classify` can use it on rows with such fields"
            )
        self._asking = Asking(model, probe)
        self._sentiment = _head(manifest, "sentiment", ("single", "ordered"))
        if set(self._sentiment.labels) != set(SENTIMENTS):
            raise BundleError(
                f"bundle {manifest.id}: head sentiment has the labels "
                f"{', '.join(self._sentiment.labels)}; they must be {', '.join(SENTIMENTS)}"
            )
        self._topic = _head(manifest, "topic", ("single", "ordered", "several"))
        self._entities: Head | None = None
        if any(head.name == "entities" for head in manifest.heads):
            self._entities = _head(manifest, "entities", ("tokens",))

    def label(self, rows: Sequence[Row]) -> list[Labels | Rejected]:
        """
        Label a batch of encoded texts; a culprit's place holds ``Rejected`` (``model_failed``).

        Raises ``CannotContinue`` if the model fails on what it could read before.
        """
        return self._asking.ask(rows, self._read)

    def _read(self, scores: Scores, rows: Sequence[Row]) -> list[Labels]:
        tones = sentiments(self._sentiment, scores.heads["sentiment"])
        topics = chosen(self._topic, scores.heads["topic"])
        names: Sequence[tuple[Entity, ...]] = [()] * len(rows)
        if self._entities is not None:
            names = entities(self._entities, scores.words["entities"], rows)
        words = negative_words(self._sentiment, [tone.label for tone in tones], scores, rows)
        return [Labels(*parts) for parts in zip(tones, topics, names, words, strict=True)]


def sentiments(head: Head, probabilities: Probabilities) -> list[SentimentResult]:
    """Return the tone of each text; the labels of ``head`` are the three."""
    by_name: dict[str, Sentiment] = {name: name for name in SENTIMENTS}
    labels = [by_name[label] for label in head.labels]
    best = probabilities.argmax(axis=1).tolist()
    rounded = probabilities.round(DECIMALS).tolist()
    return [
        SentimentResult(label=labels[column], probabilities=dict(zip(labels, row, strict=True)))
        for column, row in zip(best, rounded, strict=True)
    ]


def best(head: Head, probabilities: Probabilities) -> list[dict[str, Any]]:
    """Return ``label`` and ``probabilities`` of each text, as in a ``SentimentResult``."""
    columns = probabilities.argmax(axis=1).tolist()
    rounded = probabilities.round(DECIMALS).tolist()
    return [
        {"label": head.labels[column], "probabilities": dict(zip(head.labels, row, strict=True))}
        for column, row in zip(columns, rounded, strict=True)
    ]


def chosen(head: Head, probabilities: Probabilities) -> list[tuple[TopicLabel, ...]]:
    """
    Return the labels of each text whose probability reaches the head's threshold, the best first.

    The best one counts in any case, but not for a ``several`` head: of its labels none may hold.
    """
    count = len(probabilities)
    hits = probabilities >= head.threshold
    if head.kind != "several":
        hits[np.arange(count), probabilities.argmax(axis=1)] = True
    found: list[list[tuple[float, int]]] = [[] for _ in range(count)]
    rows, columns = hits.nonzero()
    values = probabilities[rows, columns].tolist()
    for row, column, value in zip(rows.tolist(), columns.tolist(), values, strict=True):
        found[row].append((-value, column))
    return [
        tuple(
            TopicLabel(label=head.labels[column], probability=round(-value, DECIMALS))
            for value, column in sorted(row)
        )
        for row in found
    ]


def negative_words(
    head: Head, labels: Sequence[str], scores: Scores, rows: Sequence[Row]
) -> list[tuple[str, ...]]:
    """Return the words that spoke for each negative tone; none where the model explains nothing."""
    if scores.contributions is None or NEGATIVE not in head.labels:
        return [()] * len(rows)
    column = head.labels.index(NEGATIVE)
    return [
        spoke_for(column, adds, row.words) if label == NEGATIVE and row.words else ()
        for label, adds, row in zip(labels, scores.contributions, rows, strict=True)
    ]


def entities(
    head: Head, words: Sequence[Probabilities], rows: Sequence[Row]
) -> list[tuple[Entity, ...]]:
    """Return the names in each text; ``words`` as in ``Scores``, of rows that hold their words."""
    return [_names(head, tags, row) for tags, row in zip(words, rows, strict=True)]


def _names(head: Head, tags: Probabilities, row: Row) -> tuple[Entity, ...]:
    if row.words is None:
        return ()
    text = row.words.text
    made: list[Entity] = []
    for span in spans_of(head.labels, tags, row.words)[:MAX_ENTITIES]:
        end = min(span.end, span.start + MAX_ENTITY)
        made.append(Entity(text=text[span.start : end], type=span.label, start=span.start, end=end))
    return tuple(made)


def _head(manifest: Manifest, name: str, kinds: Sequence[str]) -> Head:
    head = manifest.head(name)
    if head.kind not in kinds:
        raise BundleError(
            f"bundle {manifest.id}: head {name} is of kind {head.kind}; an opinion needs "
            + " or ".join(kinds)
        )
    return head
