"""
Does the ONNX graph say what torch says? No bundle without it.

Every output is compared on at least ``LEAST`` texts, in three shapes: one text of 4 tokens, one of the
most tokens, and batches of 32 of mixed lengths.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from export.answers import inputs_of, session
from export.errors import ParityError
from training.encode import pad
from training.model import OpinionModel

LEAST: Final = 256
TOLERANCE: Final = 1e-4
_BATCH: Final = 32


def check_parity(
    model: OpinionModel, path: Path, ids: Sequence[list[int]], max_tokens: int
) -> dict[str, float]:
    """
    Compare the graph at ``path`` with ``model``; returns the largest |difference| of each output.

    Raises ``ParityError`` when an output differs by more than ``TOLERANCE`` or a label differs at all.
    """
    graph = session(path)
    names = [output.name for output in graph.get_outputs()]
    expected = [*model.heads, "embedding", "contributions"]
    if names != expected:
        raise ParityError(f"the graph's outputs are {names}, not {expected}", float("inf"))
    worst = dict.fromkeys(names, 0.0)
    for shape, batch in _shapes(ids, max_tokens):
        with torch.inference_mode():
            ours = {name: value.numpy() for name, value in model(**pad(batch)).items()}
        for name, theirs in zip(names, graph.run(names, inputs_of(batch)), strict=True):
            if theirs.shape != ours[name].shape:
                raise ParityError(
                    f"{name} has shape {theirs.shape} for inputs of {shape}, torch gives "
                    f"{ours[name].shape}: an axis is not dynamic",
                    float("inf"),
                )
            difference = float(np.abs(theirs - ours[name]).max())
            # NaN compares false with everything: say so rather than let it through.
            worst[name] = max(worst[name], np.inf if np.isnan(difference) else difference)
            if worst[name] > TOLERANCE:
                raise ParityError(
                    f"{name} differs from torch by {worst[name]:.2e} for inputs of {shape}; "
                    f"{TOLERANCE:.0e} is allowed, so no bundle is made",
                    worst[name],
                )
            if name in model.heads and (theirs.argmax(1) != ours[name].argmax(1)).any():
                raise ParityError(
                    f"{name} gives another label than torch for inputs of {shape}, though the largest "
                    f"difference is {worst[name]:.2e}; no bundle is made",
                    worst[name],
                )
    return worst


def _shapes(ids: Sequence[list[int]], max_tokens: int) -> list[tuple[str, list[list[int]]]]:
    """Return the batches, each with its shape."""
    longest = max(ids, key=len)
    short, full = longest[:4], (longest * max_tokens)[:max_tokens]
    batches = [ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH)]
    # Whatever the samples, the first batch holds the shortest and the longest that there can be.
    batches[0] = [short, full, *batches[0][2:]]
    return [
        ("1x4", [short]),
        (f"1x{max_tokens}", [full]),
        *((f"{len(batch)} of mixed lengths", list(batch)) for batch in batches),
    ]
