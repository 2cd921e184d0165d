"""
Weights kept in 8 bits, arithmetic left in fp32: a graph a quarter as large that computes almost as before.

The quantiser of onnxruntime gives an embedding table one scale, set by its largest entry; here each row
has its own. A weight matrix gets one scale a column. The values are spread over -127 to 127, so that the
error is at most half a scale: the largest of the row or column, divided by 254.
"""

from collections.abc import Collection, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Floats: TypeAlias = npt.NDArray[np.float32]
Bytes: TypeAlias = npt.NDArray[np.int8]

_MOST: Final = 127


def to_int8(weights: Floats, axis: int) -> tuple[Bytes, Floats]:
    """
    Return integers and scales so that ``integers * scales`` is close to ``weights``.

    The largest of each row (``axis`` 1) or column (``axis`` 0) decides its scale; of one that is nothing
    but zeros, or so small that its scale would not be a normal number, the scale is 1. Scales keep the
    axis with size 1.
    """
    scales = np.abs(weights).max(axis=axis, keepdims=True) / np.float32(_MOST)
    scales = np.where(scales >= np.finfo(np.float32).tiny, scales, np.float32(1.0))
    return np.rint(weights / scales).astype(np.int8), scales


def tables(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes that look rows up in an fp32 table."""
    return [node.name for node in graph.node if _table(node, _constants(graph)) is not None]


def compact_tables(model: onnx.ModelProto) -> None:
    """Keep every fp32 table in 8 bits, a scale a row: ``Cast(Gather(integers)) * Gather(scales)``."""
    constants = _constants(model.graph)
    spent: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        table = _table(node, constants)
        if table is None:
            nodes.append(node)
            continue
        name, places, out = node.input[0], node.input[1], node.output[0]
        integers, scales = f"{name}_int8", f"{name}_scale"
        if name not in spent:
            spent.add(name)
            _add(model.graph, zip((integers, scales), to_int8(table, axis=1), strict=True))
        found, wide, scale = (f"{out}_{part}" for part in ("int8", "fp32", "scale"))
        make = onnx.helper.make_node
        nodes += [
            make("Gather", [integers, places], [found], f"{node.name}_int8", axis=0),
            make("Cast", [found], [wide], f"{node.name}_cast", to=onnx.TensorProto.FLOAT),
            make("Gather", [scales, places], [scale], f"{node.name}_scale", axis=0),
            make("Mul", [wide, scale], [out], node.name),
        ]
    _replace(model.graph, nodes, spent)


def compact_weights(model: onnx.ModelProto, names: Collection[str]) -> None:
    """
    Keep the weights of the MatMul nodes called ``names`` in 8 bits, a scale a column.

    ``Cast(integers) * scales`` is all constant, so that a session computes it once, while it loads, and
    then runs as fast as with fp32 weights. (``DequantizeLinear`` would be a little faster: onnxruntime
    merges it with the MatMul, but into a kernel that quantises the activations after all.)
    """
    constants = _constants(model.graph)
    spent: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.name in names:
            name = node.input[1]
            integers, scales, wide = f"{name}_int8", f"{name}_scale", f"{name}_fp32"
            weights = numpy_helper.to_array(constants[name])
            _add(model.graph, zip((integers, scales), to_int8(weights, axis=0), strict=True))
            spent.add(name)
            make = onnx.helper.make_node
            nodes += [
                make("Cast", [integers], [wide], f"{node.name}_cast", to=onnx.TensorProto.FLOAT),
                make("Mul", [wide, scales], [name], f"{node.name}_scaled"),
            ]
        nodes.append(node)
    _replace(model.graph, nodes, spent)


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in graph.initializer}


def _table(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> Floats | None:
    tensor = constants.get(node.input[0]) if node.op_type == "Gather" else None
    if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2:  # noqa: PLR2004 - rows and columns
        return None
    return np.asarray(numpy_helper.to_array(tensor))


def _add(graph: onnx.GraphProto, arrays: Iterator[tuple[str, Floats | Bytes]]) -> None:
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays)


def _replace(graph: onnx.GraphProto, nodes: list[onnx.NodeProto], spent: Collection[str]) -> None:
    """Set the graph's nodes, and drop the constants that nothing reads any more."""
    kept = [tensor for tensor in graph.initializer if tensor.name not in spent]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.node[:]
    graph.node.extend(nodes)
