"""How good the heads are: predictions, accuracy, macro-F1 and confusion. Scores are plain numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from training.data import MASKED
from training.encode import in_order_of_length, pad
from training.hardware import Hardware
from training.model import OpinionModel

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """
    The scores of one head over ``rows`` labelled rows.

    ``confusion[i][j]`` counts rows of label i that were given label j; ``f1`` is per label, in order.
    """

    rows: int
    accuracy: float
    macro_f1: float
    f1: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]


def predict(
    model: OpinionModel, ids: Sequence[list[int]], hardware: Hardware, batch: int = 64
) -> dict[str, Floats]:
    """Return the logits of each head, float32 [rows, labels], in the order of ``ids``."""
    model.eval()
    result = {
        name: np.zeros((len(ids), size), dtype=np.float32)
        for name, size in model.config.heads.items()
    }
    with torch.inference_mode():
        for places in in_order_of_length([len(row) for row in ids], batch):
            inputs = pad([ids[place] for place in places])
            outputs = model(**{name: value.to(hardware.device) for name, value in inputs.items()})
            for name, logits in result.items():
                logits[places] = outputs[name].float().cpu().numpy()
    return result


def score(truth: Ints, given: Ints, labels: int) -> Score:
    """
    Score one head; rows whose truth is ``MASKED`` are left out.

    Macro-F1 is the mean over the labels that occur in the truth or in what was given, so that a label
    which a small test part does not hold costs nothing.
    """
    kept = truth != MASKED
    confusion = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(confusion, (truth[kept], given[kept]), 1)
    hit = np.diag(confusion)
    size = confusion.sum(axis=0) + confusion.sum(axis=1)
    f1 = 2 * hit / np.maximum(size, 1)
    rows = int(kept.sum())
    return Score(
        rows=rows,
        accuracy=float(hit.sum() / max(rows, 1)),
        macro_f1=float(f1[size > 0].mean()) if rows else 0.0,
        f1=tuple(float(value) for value in f1),
        confusion=tuple(tuple(int(n) for n in line) for line in confusion),
    )


def dev_score(logits: Sequence[Floats], truth: Ints) -> float:
    """Return the mean macro-F1 over the heads that have a labelled row; ``truth`` is [rows, heads]."""
    scores = [
        score(truth[:, place], head.argmax(axis=1), head.shape[1]).macro_f1
        for place, head in enumerate(logits)
        if (truth[:, place] != MASKED).any()
    ]
    return float(np.mean(scores))
