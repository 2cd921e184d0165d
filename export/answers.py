"""What a graph says of texts: ids in, every output out, by plain onnxruntime on the CPU."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from training.encode import in_order_of_length, pad

Floats: TypeAlias = npt.NDArray[np.float32]

_BATCH: Final = 32


def session(path: Path, threads: int = 1) -> ort.InferenceSession:
    """Load a graph on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def inputs_of(ids: Sequence[Sequence[int]]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the graph's three inputs, padded to the longest."""
    return {name: tensor.numpy() for name, tensor in pad(ids).items()}


def run_all(graph: ort.InferenceSession, ids: Sequence[Sequence[int]]) -> dict[str, Floats]:
    """
    Run texts of any lengths; returns the outputs that have one row a text, in the order of ``ids``.

    The contributions, whose second axis is the batch's length, are left out.
    """
    names = [output.name for output in graph.get_outputs() if output.name != "contributions"]
    parts: dict[str, list[Floats]] = {name: [] for name in names}
    order: list[int] = []
    for places in in_order_of_length([len(row) for row in ids], _BATCH):
        order += places
        answers = graph.run(names, inputs_of([ids[place] for place in places]))
        for name, answer in zip(names, answers, strict=True):
            parts[name].append(answer)
    back = np.argsort(order)
    return {name: np.concatenate(part)[back] for name, part in parts.items()}


def softmax(logits: Floats) -> Floats:
    """Return probabilities over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)


def agreement(
    ours: Mapping[str, Floats], theirs: Mapping[str, Floats], head: str
) -> dict[str, float]:
    """Compare a head's logits: share of equal labels, and mean and largest |difference| of probability."""
    p, q = softmax(ours[head]), softmax(theirs[head])
    return {
        "agreement": float((p.argmax(axis=1) == q.argmax(axis=1)).mean()),
        "mean_abs_dp": float(np.abs(p - q).mean()),
        "max_abs_dp": float(np.abs(p - q).max()),
    }
