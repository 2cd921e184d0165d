"""
From logits to what a model says: labels as they are served, how sure it is of them, right or wrong.

Pure. A head of one label says its likeliest, a head of several each that reaches the threshold, a token
head the stretches that its likeliest tags make.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from groundswell.models.spans import stretches
from training.evaluation.calibration import Calibration, calibrate, softmax, two_of_each
from training.evaluation.coverage import Coverage, risk_coverage
from training.evaluation.entities import Units
from training.evaluation.judged import (
    Floats,
    Judged,
    judge_several,
    judge_single,
    judge_spans,
)
from training.evaluation.predictors import Answers, Asked, Logits
from training.evaluation.scores import Bools, Ints
from training.examples import Span, Spans, Truth

NOTHING: Final = "(none)"
"""How a head of several labels, or of stretches, says that there are none."""


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a head says of rows.

    ``named`` holds a name for each answer, equal where the answers are: the label, the labels, or the
    labels of the stretches in order. Of ``places`` (one label), ``chosen`` (several) and ``spans``
    (tokens) the one that fits the head is filled. ``scaled`` are the logits over the served temperature.
    """

    named: list[str]
    places: Ints | None = None
    chosen: Bools | None = None
    spans: list[tuple[Span, ...]] = field(default_factory=list)
    scaled: npt.NDArray[Any] | None = None

    @property
    def key(self) -> Sequence[object]:
        """What compares equal where two answers are the same to the last stretch."""
        return self.spans or self.named


def said_of(asked: Asked, answers: Answers, rows: Sequence[int]) -> Said:
    """Return what a head says of some of the texts that were answered."""
    function = asked.function
    if function.output == "tokens":
        logits = answers.tokens[function.name]
        spans = [spans_of(function.outputs, logits[n], answers.words[n]) for n in rows]
        return Said([_joined([span.label for span in row]) for row in spans], spans=spans)
    scaled = answers.sentences[function.name][list(rows)].astype(np.float64) / asked.temperature
    labels = function.label_names
    if function.output != "several":
        places = scaled.argmax(axis=1).astype(np.int64)
        return Said([labels[n] for n in places], places=places, scaled=scaled)
    chosen = np.asarray(_sigmoid(scaled) >= asked.threshold)
    named = [_joined([labels[n] for n in np.flatnonzero(row)]) for row in chosen]
    return Said(named, chosen=chosen, scaled=scaled)


def spans_of(outputs: Sequence[str], logits: Logits, words: Units) -> tuple[Span, ...]:
    """Return the stretches that the likeliest tags of a text's words make."""
    if not len(logits):
        return ()
    tags = [outputs[place] for place in logits.argmax(axis=1).tolist()]
    return tuple(
        Span(words[first][0], words[stop - 1][1], label) for first, stop, label in stretches(tags)
    )


def judge(asked: Asked, said: Said, truths: Sequence[Truth]) -> Judged:
    """Compare with the truths, which are of the head's kind and never ``None``."""
    function = asked.function
    if said.chosen is not None:
        return judge_several(
            as_chosen(truths, said.chosen.shape[1]), said.chosen, function.label_names
        )
    if said.places is not None:
        return judge_single(as_places(truths), said.places, function.label_names)
    return judge_spans(
        [truth for truth in truths if isinstance(truth, Spans)], said.spans, function.label_names
    )


def calibration_of(said: Said, truths: Sequence[Truth]) -> Calibration | None:
    """Return the calibration of what was said; ``None`` for stretches."""
    if said.scaled is None:
        return None
    if said.chosen is None:
        return calibrate(said.scaled, as_places(truths))
    rows, labels = said.chosen.shape
    logits, truth = two_of_each(said.scaled, as_chosen(truths, labels))
    return calibrate(logits, truth, np.repeat(np.arange(rows), labels))


def coverage_of(said: Said, judged: Judged) -> Coverage | None:
    """Return risk and coverage; how sure a head of several labels is, is how sure of its least sure."""
    if said.scaled is None:
        return None
    if said.chosen is None:
        return risk_coverage(softmax(said.scaled).max(axis=1), judged.right)
    sure = _sigmoid(said.scaled)
    return risk_coverage(np.maximum(sure, 1 - sure).min(axis=1), judged.right)


def as_places(truths: Sequence[Truth]) -> Ints:
    """Return the truths of a head of one label."""
    return np.array([truth for truth in truths if isinstance(truth, int)], dtype=np.int64)


def as_chosen(truths: Sequence[Truth], labels: int) -> Bools:
    """Return the truths of a head of several labels, [rows, labels]."""
    result = np.zeros((len(truths), labels), dtype=bool)
    for row, truth in enumerate(truths):
        if isinstance(truth, frozenset):
            result[row, sorted(truth)] = True
    return result


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names) or NOTHING


def _sigmoid(logits: npt.NDArray[Any]) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))
