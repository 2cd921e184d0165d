"""Weights in 8 bits and arithmetic in fp32: the graph computes with exactly the dequantised values."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from onnx import TensorProto, helper, numpy_helper

from export.compact import compact_tables, compact_weights, tables, to_int8

pytestmark = pytest.mark.train

MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.floats(-1e4, 1e4, width=32),
)

HIDDEN = ("x", TensorProto.FLOAT, ["rows", "width"])


def graph_of(nodes, constants, inputs, output):
    graph = helper.make_graph(
        nodes,
        "tried",
        [helper.make_tensor_value_info(name, kind, axes) for name, kind, axes in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", "columns"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def lookup(table):
    """A graph that looks rows up twice in a float table, and once in an integer one."""
    nodes = [
        helper.make_node("Gather", ["table", "first"], ["a"], "one", axis=0),
        helper.make_node("Gather", ["table", "second"], ["b"], "two", axis=0),
        helper.make_node("Gather", ["numbers", "first"], ["n"], "integers", axis=0),
        helper.make_node("Cast", ["n"], ["c"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Sub", ["a", "b"], ["d"], "sub"),
        helper.make_node("Add", ["d", "c"], ["out"], "add"),
    ]
    numbers = np.arange(len(table), dtype=np.int64)[:, None]
    places = [(name, TensorProto.INT64, ["rows"]) for name in ("first", "second")]
    return graph_of(nodes, {"table": table, "numbers": numbers}, places, "out")


def run(model, feed, level=None):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if level is not None:
        options.graph_optimization_level = level
    onnx.checker.check_model(model)
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feed)[0]


@given(MATRICES)
def test_the_error_is_at_most_half_a_scale(weights):
    for axis in (0, 1):
        integers, scales = to_int8(weights, axis)

        assert integers.dtype == np.int8
        assert int(np.abs(integers.astype(int)).max()) <= 127
        assert scales.dtype == np.float32
        assert scales.shape[axis] == 1
        assert (np.abs(integers * scales - weights) <= scales * 0.5001).all()


def test_a_row_of_zeros_and_one_too_small_for_a_scale_are_zeros():
    integers, scales = to_int8(np.array([[0, 0], [1e-40, 0], [2, -1]], np.float32), axis=1)

    assert integers.tolist() == [[0, 0], [0, 0], [127, -64]]
    assert scales[:2].tolist() == [[1.0], [1.0]]


@settings(max_examples=40, deadline=None)
@given(MATRICES, st.data())
def test_a_compact_table_is_the_dequantised_table_to_the_bit(table, data):
    places = st.lists(st.integers(0, len(table) - 1), min_size=3, max_size=3)
    first, second = (np.array(data.draw(places), dtype=np.int64) for _ in range(2))
    model = lookup(table)
    integers, scales = to_int8(table, axis=1)
    dequantised = integers.astype(np.float32) * scales

    compact_tables(model)

    expected = dequantised[first] - dequantised[second] + first[:, None].astype(np.float32)
    assert np.array_equal(run(model, {"first": first, "second": second}), expected)


def test_only_float_tables_are_made_compact_and_the_fp32_one_goes():
    table = np.eye(3, dtype=np.float32)
    model = lookup(table)
    assert tables(model.graph) == ["one", "two"]

    compact_tables(model)

    kept = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert kept == {
        "numbers": TensorProto.INT64,
        "table_int8": TensorProto.INT8,
        "table_scale": TensorProto.FLOAT,
    }


@pytest.mark.parametrize(
    "level",
    [ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL],
)
def test_compact_weights_multiply_as_the_dequantised_ones(level):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(8, 5)).astype(np.float32) * np.array([1, 10, 0.1, 3, 0], np.float32)
    hidden = rng.normal(size=(4, 8)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "chosen"),
        helper.make_node("MatMul", ["y", "v"], ["out"], "other"),
    ]
    other = np.ones((5, 2), np.float32)
    model = graph_of(nodes, {"w": weights, "v": other}, [HIDDEN], "out")
    integers, scales = to_int8(weights, axis=0)

    compact_weights(model, ["chosen"])

    assert {t.name for t in model.graph.initializer} == {"v", "w_int8", "w_scale"}
    got = run(model, {"x": hidden}, level)
    assert np.allclose(got, hidden @ (integers * scales) @ other, rtol=1e-5, atol=1e-5)


def test_compact_weights_are_plain_again_once_a_session_has_loaded(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["out"], "chosen")]
    model = graph_of(nodes, {"w": np.eye(4, dtype=np.float32)}, [HIDDEN], "out")
    compact_weights(model, ["chosen"])
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")

    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    loaded = onnx.load(str(tmp_path / "loaded.onnx"))
    assert [node.op_type for node in loaded.graph.node] == ["MatMul"]
