"""
int8 for the CPU: dynamic, signed, per channel, on the graph before any fusion.

Two files: ``int8`` uses 8 bits of each weight, which CPUs without VNNI may saturate; ``int8-reduced``
uses 7, right on every CPU. A file whose labels differ too often from fp32 is made again with more of the
model left in fp32; when the ladder ends, no bundle is made.
"""

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from export.answers import Floats, agreement, run_all, session
from export.errors import QuantisationError

LEAST_AGREEMENT: Final = 0.985
MOST_MEAN_DP: Final = 0.015
_OUTPUTS_OF_FFN: Final = re.compile(r"/layer\.\d+/output/dense/MatMul")
_LAYER: Final = re.compile(r"/layer\.(\d+)/")


@dataclass(frozen=True, slots=True)
class Quantised:
    """The step of the ladder that was taken (0: all of the model), and what was measured per head."""

    step: int
    excluded: str
    heads: Mapping[str, Mapping[str, float]]


def quantise(
    fp32: Path,
    path: Path,
    *,
    reduced: bool,
    ids: Sequence[list[int]],
    reference: Mapping[str, Floats],
    heads: Sequence[str],
    gated: Sequence[str],
) -> Quantised:
    """
    Write the int8 graph; ``reference`` holds what fp32 says of ``ids``.

    Raises ``QuantisationError`` when no step of the ladder agrees with fp32 on each of the ``gated`` heads.
    """
    nodes = [node.name for node in onnx.load(str(fp32), load_external_data=False).graph.node]
    worst = 1.0
    for step, (what, excluded) in enumerate(_ladder(nodes)):
        with _quiet():
            quantize_dynamic(
                fp32,
                path,
                per_channel=True,
                reduce_range=reduced,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=excluded,
                extra_options={"MatMulConstBOnly": True},
            )
        answers = run_all(session(path), ids)
        measured = {head: agreement(answers, reference, head) for head in heads}
        if all(_passes(measured[head]) for head in gated):
            return Quantised(step, what, measured)
        worst = min(measured[head]["agreement"] for head in gated)
    path.unlink()
    raise QuantisationError(
        f"int8{' (reduced range)' if reduced else ''}: labels agree with fp32 on {worst:.1%} of "
        f"{len(ids)} texts, even with {what} left in fp32; {LEAST_AGREEMENT:.1%} and a mean difference "
        f"of probability of at most {MOST_MEAN_DP} are asked. Export with --only fp32",
        worst,
    )


def _passes(measured: Mapping[str, float]) -> bool:
    return measured["agreement"] >= LEAST_AGREEMENT and measured["mean_abs_dp"] <= MOST_MEAN_DP


def _ladder(nodes: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what is left in fp32, each step more than the one before. Heads always are: they are small."""
    heads = [node for node in nodes if not node.startswith("/bert/")]
    yield "the heads", heads
    narrow = [node for node in nodes if _OUTPUTS_OF_FFN.search(node)]
    yield "the outputs of the feed-forward layers", [*heads, *narrow]
    layers = {int(match[1]) for node in nodes if (match := _LAYER.search(node))}
    outer = [
        node
        for node in nodes
        if (match := _LAYER.search(node)) and int(match[1]) in {min(layers), max(layers)}
    ]
    yield "these and the first and last layer", [*heads, *narrow, *outer]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser's advice to run a pre-processing, which here would fuse the graph."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
