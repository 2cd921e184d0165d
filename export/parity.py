"""
Does the ONNX graph say what torch says? No bundle without it.

Every output is compared on at least ``LEAST`` texts, in three shapes: one text of 4 tokens, one of the
most tokens, and batches of 32 of mixed lengths. Of token heads, what stands at padding is left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from export.answers import inputs_of, session
from export.errors import ParityError
from export.graph import outputs_of
from training.encode import Tokens, pad
from training.model import OpinionModel

LEAST: Final = 256
TOLERANCE: Final = 1e-4
_BATCH: Final = 32


def check_parity(
    model: OpinionModel, path: Path, rows: Sequence[Tokens], max_tokens: int
) -> dict[str, float]:
    """
    Compare the graph at ``path`` with ``model``; returns the largest |difference| of each output.

    Raises ``ParityError`` when an output differs by more than ``TOLERANCE``, a label differs at all, or
    inputs or outputs are not the model's: an exporter drops an input that it takes for a constant.
    """
    graph = session(path)
    names = _check_names(graph, model)
    worst = dict.fromkeys(names, 0.0)
    for shape, batch in _shapes(rows, max_tokens):
        tensors = pad(batch)
        kept = tensors["attention_mask"].numpy().astype(bool)
        with torch.inference_mode():
            ours = {name: value.numpy() for name, value in model(**tensors).items()}
        for name, answer in zip(names, graph.run(names, inputs_of(batch)), strict=True):
            if answer.shape != ours[name].shape:
                raise ParityError(
                    f"{name} has shape {answer.shape} for inputs of {shape}, torch gives "
                    f"{ours[name].shape}: an axis is not dynamic",
                    float("inf"),
                )
            of_tokens = name in model.token_heads
            mine, theirs = (side[kept] if of_tokens else side for side in (ours[name], answer))
            worst[name] = max(worst[name], _difference(mine, theirs))
            if worst[name] > TOLERANCE:
                raise ParityError(
                    f"{name} differs from torch by {worst[name]:.2e} for inputs of {shape}; "
                    f"{TOLERANCE:.0e} is allowed, so no bundle is made",
                    worst[name],
                )
            if name in model.heads and (theirs.argmax(-1) != mine.argmax(-1)).any():
                raise ParityError(
                    f"{name} gives another label than torch for inputs of {shape}, though the largest "
                    f"difference is {worst[name]:.2e}; no bundle is made",
                    worst[name],
                )
    return worst


def _check_names(graph: ort.InferenceSession, model: OpinionModel) -> list[str]:
    asked = ["input_ids", "attention_mask", "token_type_ids"]
    inputs = [node.name for node in graph.get_inputs()]
    if sorted(inputs) != sorted(asked):
        raise ParityError(f"the graph's inputs are {inputs}, not {asked}", float("inf"))
    names, expected = [node.name for node in graph.get_outputs()], outputs_of(model)
    if names != expected:
        raise ParityError(f"the graph's outputs are {names}, not {expected}", float("inf"))
    return names


def _difference(mine: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    difference = float(np.abs(theirs - mine).max())
    # NaN compares false with everything: say so rather than let it through.
    return float("inf") if np.isnan(difference) else difference


def _shapes(rows: Sequence[Tokens], max_tokens: int) -> list[tuple[str, list[Tokens]]]:
    """Return the batches, each with its shape."""
    longest = max(rows, key=lambda row: len(row.ids))
    short = Tokens(longest.ids[:4], longest.types[:4], ())
    full = Tokens(
        (longest.ids * max_tokens)[:max_tokens], (longest.types * max_tokens)[:max_tokens], ()
    )
    batches = [list(rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH)]
    # Whatever the samples, the first batch holds the shortest and the longest that there can be.
    batches[0] = [short, full, *batches[0][2:]]
    return [
        ("1x4", [short]),
        (f"1x{max_tokens}", [full]),
        *((f"{len(batch)} of mixed lengths", batch) for batch in batches),
    ]
