"""
int8 for the CPU: dynamic, signed, per channel, on the graph before any fusion.

Two files: ``int8`` uses 8 bits of each weight, which CPUs without VNNI may saturate; ``int8-reduced``
uses 7, right on every CPU. Embedding tables are kept in 8 bits with a scale a row. A file that says other
things than fp32 is made again with more of its arithmetic in fp32, first such that the file does not
grow; when the ladder ends, no bundle is made.
"""

import contextlib
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from export.answers import Answers, run_all, session
from export.compact import compact_tables, compact_weights, tables
from export.compare import measure
from export.errors import QuantisationError
from groundswell.models.bundle import Head
from training.encode import Tokens

LEAST_AGREEMENT: Final = 0.985
MOST_MEAN_DP: Final = 0.015
LEAST_ENTITY_F1: Final = 0.95
"""
Of the stretches that a token head finds, against fp32's own.

Agreement of words would be met by a head that finds nothing, for most words are outside; and a stretch is
lost with any of its words, so that it cannot be asked for as often as a label. At this limit the score
against people's marks moves by less than half a point: most of what differs was wrong on either side.
"""
_FFN_OUTPUT: Final = re.compile(r"/layer\.\d+/output/dense/MatMul$")
_LAYER: Final = re.compile(r"/layer\.(\d+)/")


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step of the ladder: what is left in fp32.

    Of the nodes ``compact`` only the weights are kept in 8 bits, the nodes ``plain`` are left as they are.
    """

    note: str
    compact: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantised:
    """The step of the ladder that was taken (0: the smallest), what it says, and the figures per head."""

    step: int
    note: str
    heads: Mapping[str, Mapping[str, float]]


def quantise(
    fp32: Path,
    path: Path,
    *,
    reduced: bool,
    rows: Sequence[Tokens],
    reference: Answers,
    heads: Sequence[Head],
    gated: Collection[str],
) -> Quantised:
    """
    Write the int8 graph; ``reference`` holds what fp32 says of ``rows``.

    A head of whole texts passes with ``LEAST_AGREEMENT`` and ``MOST_MEAN_DP``, a token head with
    ``LEAST_ENTITY_F1``. Raises ``QuantisationError`` when no step of the ladder passes for each of the
    ``gated`` heads.
    """
    graph = onnx.load(str(fp32), load_external_data=False).graph
    judged = [head for head in heads if head.name in gated]
    faults: list[tuple[float, str]] = []
    note = ""
    for number, step in enumerate(ladder(graph)):
        _write(fp32, path, graph, step, reduced=reduced)
        answers = run_all(session(path), rows)
        measured = {head.name: measure(head, answers, reference) for head in heads}
        faults = [fault for head in judged if (fault := _fault(head, measured[head.name]))]
        if not faults:
            return Quantised(number, step.note, measured)
        note = step.note
    path.unlink()
    worst = min(faults)
    raise QuantisationError(
        f"int8{' (reduced range)' if reduced else ''}: {worst[1]}, on {len(rows)} texts and even with "
        f"{note}. Export with --only fp32",
        worst[0],
    )


def ladder(graph: onnx.GraphProto) -> Iterator[Step]:
    """
    Yield the remedies, cheapest first: each leaves more of the arithmetic in fp32 than the one before.

    What loses most in 8 bits are the activations inside the feed-forward layers, in the first layer more
    than in all others. The heads are always left as they are: they are small. Only the last step makes
    the file larger, and saves the error of the weights.
    """
    constants = {tensor.name for tensor in graph.initializer}
    nodes = [n.name for n in graph.node if n.op_type == "MatMul" and n.input[1] in constants]
    outputs = [name for name in nodes if _FFN_OUTPUT.search(name)]
    layers = {name: int(match[1]) for name in nodes if (match := _LAYER.search(name))}
    ends = {min(layers.values()), max(layers.values())}
    outer = [name for name in nodes if name in outputs or layers.get(name) in ends]
    yield Step("the heads in fp32")
    yield Step(
        "the heads and the first feed-forward output in fp32, of the latter the weights in 8 bits",
        compact=tuple(outputs[:1]),
    )
    yield Step(
        "the heads and all feed-forward outputs in fp32, of the latter the weights in 8 bits",
        compact=tuple(outputs),
    )
    yield Step(
        "the heads, the feed-forward outputs, and the first and last layer in fp32, of all but the heads "
        "the weights in 8 bits",
        compact=tuple(outer),
    )
    yield Step(
        "the heads, the feed-forward outputs, and the first and last layer in fp32",
        plain=tuple(outer),
    )


def _write(fp32: Path, path: Path, graph: onnx.GraphProto, step: Step, *, reduced: bool) -> None:
    heads = [node.name for node in graph.node if not node.name.startswith("/bert/")]
    # The quantiser first makes a MatMul and an Add of a Gemm, and then asks for the name of that MatMul.
    heads += [f"{node.name}_MatMul" for node in graph.node if node.op_type == "Gemm"]
    with _quiet():
        quantize_dynamic(
            fp32,
            path,
            per_channel=True,
            reduce_range=reduced,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*heads, *tables(graph), *step.compact, *step.plain],
            extra_options={"MatMulConstBOnly": True},
        )
    model = onnx.load(str(path))
    compact_tables(model)
    compact_weights(model, step.compact)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _fault(head: Head, measured: Mapping[str, float]) -> tuple[float, str] | None:
    """Return how little the head agrees and a sentence on it, or None where it passes."""
    if head.kind == "tokens":
        f1 = measured["entity_f1"]
        said = (
            f"{head.name} finds fp32's stretches with F1 {f1:.3f}, and {LEAST_ENTITY_F1} is asked"
        )
        return (f1, said) if f1 < LEAST_ENTITY_F1 else None
    share, apart = measured["agreement"], measured["mean_abs_dp"]
    if share >= LEAST_AGREEMENT and apart <= MOST_MEAN_DP:
        return None
    said = (
        f"labels of {head.name} agree with fp32 on {share:.1%}, with a mean difference of probability of "
        f"{apart:.4f}; {LEAST_AGREEMENT:.1%} and at most {MOST_MEAN_DP} are asked"
    )
    return share, said


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
