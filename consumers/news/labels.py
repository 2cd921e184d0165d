"""
From a batch of token ids to labels: what `consume` and `classify` share.

Rules: a text on which the model fails is found by splitting its batch, and only it is refused; before
anything is refused the model must still read a text that it is known to read, else the model is what
is broken. Probabilities leave with four decimals; labels are chosen before rounding.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from consumers.news.ports import Labeller
from groundswell.errors import BundleError, CannotContinue, Rejected
from groundswell.events import SENTIMENTS, Sentiment, SentimentResult, TopicLabel
from groundswell.models.session import ModelError, Scores

DECIMALS: Final = 4


class Labels(NamedTuple):
    """What the model says of one text; the best topic stands first."""

    sentiment: SentimentResult
    topics: tuple[TopicLabel, ...]


class Labelling:
    """The heads ``sentiment`` and ``topic`` of a model; ``probe`` is a text that it can read."""

    def __init__(self, model: Labeller, probe: str) -> None:
        self._model = model
        self._probe = model.encode([probe])
        sentiment, topic = (model.manifest.head(name) for name in ("sentiment", "topic"))
        if set(sentiment.labels) != set(SENTIMENTS):
            raise BundleError(
                f"bundle {model.manifest.id}: head sentiment has the labels "
                f"{', '.join(sentiment.labels)}; they must be {', '.join(SENTIMENTS)}"
            )
        by_name: dict[str, Sentiment] = {name: name for name in SENTIMENTS}
        self._sentiments = [by_name[label] for label in sentiment.labels]
        self._topics = topic.labels
        self._threshold = topic.threshold

    def label(self, rows: Sequence[Sequence[int]]) -> list[Labels | Rejected]:
        """
        Label a batch of token ids; a culprit's place holds ``Rejected`` (``model_failed``).

        Raises ``CannotContinue`` if the model fails on what it could read before.
        """
        out: list[Labels | Rejected] = []
        for part, scores in self._scores(rows):
            if isinstance(scores, ModelError):
                out.append(Rejected("model_failed", str(scores)[:300]))
            else:
                out.extend(self._read(scores, len(part)))
        if any(isinstance(answer, Rejected) for answer in out):
            self._check()
        return out

    def _scores(
        self, rows: Sequence[Sequence[int]], *, again: bool = True
    ) -> Iterator[tuple[Sequence[Sequence[int]], Scores | ModelError]]:
        """Yield the answers in order, in the largest parts that work; one row is tried twice."""
        try:
            scores = self._model.run(rows)
        except ModelError as error:
            if len(rows) > 1:
                half = len(rows) // 2
                yield from self._scores(rows[:half])
                yield from self._scores(rows[half:])
            elif again:
                yield from self._scores(rows, again=False)
            else:
                yield rows, error
        else:
            yield rows, scores

    def _check(self) -> None:
        try:
            broken = bool(self._model.run(self._probe).broken)
        except ModelError:
            broken = True
        if broken:
            raise CannotContinue(
                f"the model {self._model.manifest.id} fails on a golden text that it read at the start: "
                "nothing was refused; look at the device and its memory, then start again"
            )

    def _read(self, scores: Scores, count: int) -> Iterator[Labels | Rejected]:
        tone = scores.heads["sentiment"]
        tones = tone.argmax(axis=1).tolist()
        rounded = tone.round(DECIMALS).tolist()
        topic = scores.heads["topic"]
        hits = topic >= self._threshold
        hits[np.arange(count), topic.argmax(axis=1)] = True
        chosen: list[list[tuple[float, int]]] = [[] for _ in range(count)]
        rows, columns = hits.nonzero()
        values = topic[rows, columns].tolist()
        for row, column, value in zip(rows.tolist(), columns.tolist(), values, strict=True):
            chosen[row].append((-value, column))
        for row in range(count):
            if row in scores.broken:
                yield Rejected("model_failed", "the model answered NaN or infinity")
                continue
            yield Labels(
                SentimentResult(
                    label=self._sentiments[tones[row]],
                    probabilities=dict(zip(self._sentiments, rounded[row], strict=True)),
                ),
                tuple(
                    TopicLabel(label=self._topics[column], probability=round(-value, DECIMALS))
                    for value, column in sorted(chosen[row])
                ),
            )
