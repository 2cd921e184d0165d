"""
What a graph says of texts: tokens in, every output out, by plain onnxruntime on the CPU.

Rule: what stands at padding, and at pieces of a word after its first, says nothing and is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from training.encode import Tokens, in_order_of_length, pad

Floats: TypeAlias = npt.NDArray[np.float32]

CONTRIBUTIONS: Final = "contributions"
_BATCH: Final = 32
_OF_TOKENS: Final = 3
"""Axes of an output that speaks of tokens: [batch, tokens, outputs]."""


@dataclass(frozen=True, slots=True)
class Answers:
    """
    The logits of a graph, in the order of the texts.

    ``texts`` holds [texts, width] for each head of whole texts and for the embedding, ``words`` for each
    token head one array [words, outputs] a text, read at the words' first tokens.
    """

    texts: Mapping[str, Floats]
    words: Mapping[str, Sequence[Floats]]


def session(path: Path, threads: int = 1) -> ort.InferenceSession:
    """Load a graph on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def inputs_of(rows: Sequence[Tokens]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the graph's three inputs, padded to the longest."""
    return {name: tensor.numpy() for name, tensor in pad(rows).items()}


def run_all(
    graph: ort.InferenceSession, rows: Sequence[Tokens], batch_size: int = _BATCH
) -> Answers:
    """
    Run texts of any lengths; the contributions are left out.

    Where activations are quantised, a text's answer depends a little on those beside it in the batch.
    """
    axes = {node.name: len(node.shape) for node in graph.get_outputs()}
    names = [name for name in axes if name != CONTRIBUTIONS]
    texts: dict[str, list[Floats]] = {n: [] for n in names if axes[n] != _OF_TOKENS}
    words: dict[str, list[Floats]] = {n: [] for n in names if axes[n] == _OF_TOKENS}
    order: list[int] = []
    for places in in_order_of_length([len(row.ids) for row in rows], batch_size):
        order += places
        batch = [rows[place] for place in places]
        for name, answer in zip(names, graph.run(names, inputs_of(batch)), strict=True):
            if name in texts:
                texts[name].append(answer)
            else:
                words[name] += [
                    logits[[word.place for word in row.words]]
                    for logits, row in zip(answer, batch, strict=True)
                ]
    back = np.argsort(order)
    return Answers(
        {name: np.concatenate(parts)[back] for name, parts in texts.items()},
        {name: [parts[place] for place in back] for name, parts in words.items()},
    )
