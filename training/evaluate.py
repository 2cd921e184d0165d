"""What the model says of texts, and how good that is on the dev part: what the loop asks for."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch

from groundswell.models.spans import stretches
from groundswell.tasks import Function
from training.encode import Tokens, in_order_of_length, pad
from training.evaluation.scores import entity_scores, score, several_score
from training.examples import Span, Spans, Truth
from training.hardware import Hardware
from training.losses import Encoded
from training.model import OpinionModel

Floats: TypeAlias = npt.NDArray[np.float32]
Predicted: TypeAlias = Floats | list[Floats]
"""Logits: of a sentence head [rows, outputs], of a token head a [words, outputs] for each row."""


def predict(
    model: OpinionModel, rows: Sequence[Tokens], hardware: Hardware, batch: int = 64
) -> dict[str, Predicted]:
    """Return what each head says of each row, float32, in the order of ``rows``."""
    model.eval()
    sizes: Mapping[str, int] = model.config.heads
    sentence = {
        name: np.zeros((len(rows), size), dtype=np.float32)
        for name, size in sizes.items()
        if name not in model.token_heads
    }
    tokens: dict[str, list[Floats]] = {
        name: [np.zeros((0, sizes[name]), dtype=np.float32)] * len(rows)
        for name in model.token_heads
    }
    with torch.inference_mode():
        for places in in_order_of_length([len(row.ids) for row in rows], batch):
            inputs = pad([rows[place] for place in places])
            outputs = model(**{name: value.to(hardware.device) for name, value in inputs.items()})
            for name, logits in sentence.items():
                logits[places] = outputs[name].float().cpu().numpy()
            for name, answers in tokens.items():
                said = outputs[name].float().cpu().numpy()
                for line, place in enumerate(places):
                    answers[place] = said[line, [word.place for word in rows[place].words]]
    return {**sentence, **tokens}


def spans_of(outputs: Sequence[str], row: Tokens, logits: Floats) -> tuple[Span, ...]:
    """Return the stretches that a token head found; ``logits`` is [words, len(outputs)]."""
    tags = [outputs[place] for place in logits.argmax(axis=1)]
    return tuple(
        Span(row.words[first].start, row.words[stop - 1].end, label)
        for first, stop, label in stretches(tags)
    )


def metrics_of(
    function: Function, rows: Sequence[Tokens], said: Predicted, truths: Sequence[Truth]
) -> dict[str, float]:
    """
    Return the metrics of a head over the rows that have a truth, ``rows`` their number; empty without any.

    Accuracy and macro-F1, with ``micro_f1`` for several labels; ``entity_f1`` (and ``macro_f1`` over the
    labels) for tokens, where a stretch of a label that nobody looked for is not held against the model.
    """
    kept = [place for place, truth in enumerate(truths) if truth is not None]
    if not kept:
        return {}
    count = {"rows": float(len(kept))}
    if function.output == "tokens":
        pairs = [
            (truth, spans_of(function.outputs, rows[place], said[place]))
            for place, truth in enumerate(truths)
            if isinstance(truth, Spans)
        ]
        judged = [tuple(s for s in found if s.label in truth.known) for truth, found in pairs]
        entity = entity_scores([truth.spans for truth, _ in pairs], judged, function.label_names)
        return count | {"entity_f1": entity.f1, "macro_f1": entity.macro_f1}
    logits = np.asarray(said)[kept]
    if function.output == "several":
        truth = np.zeros(logits.shape, dtype=bool)
        for line, place in zip(truth, kept, strict=True):
            line[list(cast("frozenset[int]", truths[place]))] = True
        several = several_score(truth, logits >= 0.0)
        return count | {
            "accuracy": several.accuracy,
            "macro_f1": several.macro_f1,
            "micro_f1": several.micro_f1,
        }
    single = score(
        np.array([truths[place] for place in kept], dtype=np.int64),
        logits.argmax(axis=1),
        len(function.outputs),
    )
    return count | {
        "accuracy": single.accuracy,
        "macro_f1": single.macro_f1,
        "micro_f1": single.accuracy,
    }


def score_heads(
    model: OpinionModel, functions: Sequence[Function], part: Encoded, hardware: Hardware
) -> dict[str, dict[str, float]]:
    """Return the metrics of each head that has a labelled row in ``part``."""
    if not part.rows:
        return {}
    said = predict(model, part.rows, hardware)
    found = {
        function.name: metrics_of(
            function, part.rows, said[function.name], [truths[place] for truths in part.truths]
        )
        for place, function in enumerate(functions)
    }
    return {name: metrics for name, metrics in found.items() if metrics}


def dev_scores(
    model: OpinionModel, functions: Sequence[Function], dev: Encoded, hardware: Hardware
) -> dict[str, float]:
    """Return the primary metric of each head that has a labelled row in ``dev``."""
    primary = {function.name: function.primary for function in functions}
    return {
        name: metrics[primary[name]]
        for name, metrics in score_heads(model, functions, dev, hardware).items()
    }
