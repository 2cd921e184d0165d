"""The ONNX graph says what torch says, in every shape, and anything else is refused."""

from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch

from export.answers import Answers, inputs_of, run_all, session
from export.compare import measure
from export.errors import ParityError, QuantisationError
from export.graph import to_onnx
from export.half import to_fp16
from export.make import heads_of
from export.parity import TOLERANCE, check_parity
from export.quantise import ladder, quantise
from training.checkpoint import load_model, read_checkpoint, read_samples
from training.encode import Tokens, load_tokenizer, tokenise

pytestmark = pytest.mark.train

TOKENS = 32


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained[0], read_checkpoint(trained[0]), attention="eager")


@pytest.fixture(scope="module")
def rows(trained):
    tokenizer = load_tokenizer(trained[0] / "tokenizer.json", TOKENS)
    return tokenise(tokenizer, read_samples(trained[0])[:300])


@pytest.fixture(scope="module")
def graph(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    to_onnx(model, path)
    return path


def test_every_output_is_within_the_tolerance(model, graph, rows):
    worst = check_parity(model, graph, rows, TOKENS)

    assert set(worst) == {"sentiment", "topic", "embedding", "contributions"}
    assert max(worst.values()) <= TOLERANCE


@pytest.mark.parametrize("lengths", [[4], [TOKENS], [3, TOKENS, 7] * 10 + [5, 6]])
def test_batch_and_length_are_dynamic(model, graph, lengths):
    batch = [Tokens([2, *([9] * (length - 2)), 3], [0] * length, ()) for length in lengths]

    sentiment, topic, embedding, contributions = session(graph).run(None, inputs_of(batch))

    assert sentiment.shape == (len(batch), 3)
    assert topic.shape == (len(batch), model.heads["topic"].out_features)
    assert embedding.shape == (len(batch), 32)
    assert contributions.shape == (len(batch), max(lengths), 3)


def test_axes_are_named(graph):
    inputs = {node.name: (node.shape, node.type) for node in session(graph).get_inputs()}

    assert inputs == dict.fromkeys(
        ("input_ids", "attention_mask", "token_type_ids"),
        (["batch_size", "sequence_length"], "tensor(int64)"),
    )


def _weight(proto, name):
    return next(tensor for tensor in proto.graph.initializer if tensor.name == name)


def _changed(graph, folder, name, change):
    """Write a copy of the graph in which ``change`` was done to one weight."""
    proto = onnx.load(str(graph))
    tensor = _weight(proto, name)
    value = change(onnx.numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(onnx.numpy_helper.from_array(value, name))
    path = folder / "changed.onnx"
    onnx.save(proto, str(path))
    return path


def test_a_changed_weight_is_found(model, graph, rows, tmp_path):
    path = _changed(graph, tmp_path, "heads.topic.bias", lambda bias: bias + 3e-4)

    with pytest.raises(ParityError, match=r"topic differs from torch by 3\.\d+e-04") as caught:
        check_parity(model, path, rows, TOKENS)
    assert caught.value.difference == pytest.approx(3e-4, rel=0.1)


def test_not_a_number_is_found(model, graph, rows, tmp_path):
    path = _changed(graph, tmp_path, "heads.topic.bias", lambda bias: bias * np.float32("nan"))

    with pytest.raises(ParityError, match="topic differs from torch by inf"):
        check_parity(model, path, rows, TOKENS)


def test_another_label_is_found_though_the_logits_hardly_differ(model, graph, rows, tmp_path):
    with torch.inference_mode():
        tied = load_tied(model)
    path = tmp_path / "tied.onnx"
    to_onnx(tied, path)
    assert check_parity(tied, path, rows, TOKENS)
    nudge = 2e-5 * np.eye(len(tied.heads["topic"].bias), dtype=np.float32)[1]
    changed = _changed(path, tmp_path, "heads.topic.bias", lambda bias: bias + nudge)

    with pytest.raises(ParityError, match="topic gives another label than torch"):
        check_parity(tied, changed, rows, TOKENS)


def load_tied(model):
    """A copy of the model whose topic head always says a hair more for the first label."""
    import copy

    tied = copy.deepcopy(model)
    tied.heads["topic"].weight.zero_()
    tied.heads["topic"].bias.fill_(-1.0)[:2] = torch.tensor([1e-5, 0.0])
    return tied


def test_swapped_outputs_are_found(model, graph, rows, tmp_path):
    proto = onnx.load(str(graph))
    first, second = proto.graph.output[0], proto.graph.output[1]
    saved = onnx.ValueInfoProto()
    saved.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(saved)
    onnx.save(proto, str(tmp_path / "swapped.onnx"))

    with pytest.raises(ParityError, match="the graph's outputs are"):
        check_parity(model, tmp_path / "swapped.onnx", rows, TOKENS)


@pytest.fixture(scope="module")
def heads(trained):
    return heads_of(read_checkpoint(trained[0]))


@pytest.fixture
def asked(graph, rows, heads, tmp_path):
    reference = run_all(session(graph), rows)

    def asked(**changes):
        usual = {
            "reduced": False,
            "rows": rows,
            "reference": reference,
            "heads": heads,
            "gated": ["sentiment"],
        }
        return quantise(graph, tmp_path / "int8.onnx", **{**usual, **changes})

    return asked


@pytest.mark.parametrize("reduced", [False, True])
def test_int8_is_measured_against_fp32(asked, reduced, tmp_path):
    made = asked(reduced=reduced)

    assert made.step == 0
    assert made.note == "the heads in fp32"
    assert set(made.heads) == {"sentiment", "topic"}
    assert made.heads["sentiment"]["agreement"] >= 0.985
    assert 0 < made.heads["sentiment"]["mean_abs_dp"] <= 0.015
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node}
    assert "MatMulInteger" in kinds


def test_reduced_range_keeps_weights_within_seven_bits(asked, tmp_path):
    asked(reduced=True)
    proto = onnx.load(str(tmp_path / "int8.onnx"))
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in proto.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and tensor.name.endswith("_quantized")
    ]

    assert weights
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) <= 64


def test_every_table_has_a_scale_a_row(asked, model, tmp_path):
    asked()
    kept = {t.name: t for t in onnx.load(str(tmp_path / "int8.onnx")).graph.initializer}

    for name in ("word", "position", "token_type"):
        table = f"bert.embeddings.{name}_embeddings.weight"
        rows, width = model.state_dict()[table].shape
        assert table not in kept
        assert list(kept[f"{table}_int8"].dims) == [rows, width]
        assert kept[f"{table}_int8"].data_type == onnx.TensorProto.INT8
        assert list(kept[f"{table}_scale"].dims) == [rows, 1]


def test_the_ladder_is_climbed_as_far_as_it_must(asked, monkeypatch):
    verdicts = iter([(0.9, "poor"), (0.9, "poor"), None])
    monkeypatch.setattr("export.quantise._fault", lambda _head, _measured: next(verdicts))

    made = asked()

    assert made.step == 2
    assert made.note.startswith("the heads and all feed-forward outputs in fp32")


def test_the_end_of_the_ladder_is_an_error(asked, graph, rows, tmp_path):
    reference = run_all(session(graph), rows)
    turned = Answers({**reference.texts, "sentiment": reference.texts["sentiment"][:, ::-1]}, {})

    with pytest.raises(
        QuantisationError, match=r"labels of sentiment agree with fp32 on .* first and last layer"
    ) as caught:
        asked(reference=turned)
    assert 0.0 <= caught.value.agreement < 0.985
    assert not (tmp_path / "int8.onnx").exists()


def test_heads_that_are_not_gated_are_only_reported(asked, graph, rows):
    reference = run_all(session(graph), rows)
    turned = Answers({**reference.texts, "topic": reference.texts["topic"][:, ::-1]}, {})

    made = asked(reference=turned)

    assert made.step == 0
    assert made.heads["topic"]["agreement"] < 0.985


def test_each_step_quantises_less_and_only_the_last_one_costs_room(asked, monkeypatch, tmp_path):
    integers, sizes = [], []

    def count(_head, _measured):
        path = tmp_path / "int8.onnx"
        nodes = onnx.load(str(path)).graph.node
        integers.append(sum(node.op_type == "MatMulInteger" for node in nodes))
        sizes.append(path.stat().st_size)
        return 0.5, "poor"

    monkeypatch.setattr("export.quantise._fault", count)
    with pytest.raises(QuantisationError):
        asked()

    # Two layers of six products each: all but one, all but two, and none in the first and last layer.
    assert integers == [12, 11, 10, 0, 0]
    # Weights are as large in either kind of 8 bits; nodes and scales weigh something in a graph so small.
    assert max(sizes[:4]) < 1.35 * sizes[0]
    assert sizes[4] > 1.5 * sizes[3]


def test_the_steps_follow_one_another(graph):
    steps = list(ladder(onnx.load(str(graph)).graph))
    left = [{*step.compact, *step.plain} for step in steps]

    assert all(less <= more for less, more in pairwise(left))
    assert [len(names) for names in left] == [0, 1, 2, 12, 12]
    assert [bool(step.plain) for step in steps] == [False] * 4 + [True]
    assert left[1] == {"/bert/encoder/layer.0/output/dense/MatMul"}
    assert len({step.note for step in steps}) == 5


def test_fp16_is_fused_and_answers_alike(model, graph, rows, heads, tmp_path):
    fused = to_fp16(graph, tmp_path / "half.onnx", model)
    answers = run_all(session(tmp_path / "half.onnx"), rows)

    assert fused["Attention"] == 2
    assert (tmp_path / "half.onnx").stat().st_size < 0.75 * graph.stat().st_size
    assert measure(heads[0], answers, run_all(session(graph), rows))["mean_abs_dp"] < 1e-3
    assert [node.type for node in session(tmp_path / "half.onnx").get_outputs()] == [
        "tensor(float)"
    ] * 4


def test_answers_come_in_the_order_of_the_texts(graph, rows):
    graph_session = session(graph)
    together = run_all(graph_session, rows[:40]).texts["sentiment"]
    alone = [graph_session.run(["sentiment"], inputs_of([row]))[0][0] for row in rows[:40]]

    assert np.allclose(together, np.array(alone), atol=1e-5)
