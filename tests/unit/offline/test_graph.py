"""The ONNX graph says what torch says, in every shape, and anything else is refused."""

import numpy as np
import onnx
import pytest
import torch

from export.answers import agreement, inputs_of, run_all, session, softmax
from export.errors import ParityError, QuantisationError
from export.graph import to_onnx
from export.half import to_fp16
from export.make import enough
from export.parity import TOLERANCE, check_parity
from export.quantise import quantise
from groundswell.errors import InputError
from training.checkpoint import load_model, read_checkpoint, read_samples
from training.encode import load_tokenizer, tokenise

pytestmark = pytest.mark.train

TOKENS = 32


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained[0], read_checkpoint(trained[0]), attention="eager")


@pytest.fixture(scope="module")
def ids(trained):
    tokenizer = load_tokenizer(trained[0] / "tokenizer.json", TOKENS)
    return tokenise(tokenizer, read_samples(trained[0])[:300])


@pytest.fixture(scope="module")
def graph(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    to_onnx(model, path)
    return path


def test_every_output_is_within_the_tolerance(model, graph, ids):
    worst = check_parity(model, graph, ids, TOKENS)

    assert set(worst) == {"sentiment", "topic", "embedding", "contributions"}
    assert max(worst.values()) <= TOLERANCE


@pytest.mark.parametrize("lengths", [[4], [TOKENS], [3, TOKENS, 7] * 10 + [5, 6]])
def test_batch_and_length_are_dynamic(graph, lengths):
    batch = [[2, *([9] * (length - 2)), 3] for length in lengths]

    sentiment, topic, embedding, contributions = session(graph).run(None, inputs_of(batch))

    assert sentiment.shape == (len(batch), 3)
    assert topic.shape == (len(batch), 16)
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


def test_a_changed_weight_is_found(model, graph, ids, tmp_path):
    path = _changed(graph, tmp_path, "heads.topic.bias", lambda bias: bias + 3e-4)

    with pytest.raises(ParityError, match=r"topic differs from torch by 3\.\d+e-04") as caught:
        check_parity(model, path, ids, TOKENS)
    assert caught.value.difference == pytest.approx(3e-4, rel=0.1)


def test_not_a_number_is_found(model, graph, ids, tmp_path):
    path = _changed(graph, tmp_path, "heads.topic.bias", lambda bias: bias * np.float32("nan"))

    with pytest.raises(ParityError, match="topic differs from torch by inf"):
        check_parity(model, path, ids, TOKENS)


def test_another_label_is_found_though_the_logits_hardly_differ(model, graph, ids, tmp_path):
    with torch.inference_mode():
        tied = load_tied(model)
    path = tmp_path / "tied.onnx"
    to_onnx(tied, path)
    assert check_parity(tied, path, ids, TOKENS)
    changed = _changed(
        path, tmp_path, "heads.topic.bias", lambda b: b + np.array([0, 2e-5, *[0] * 14], np.float32)
    )

    with pytest.raises(ParityError, match="topic gives another label than torch"):
        check_parity(tied, changed, ids, TOKENS)


def load_tied(model):
    """A copy of the model whose topic head always says a hair more for the first label."""
    import copy

    tied = copy.deepcopy(model)
    tied.heads["topic"].weight.zero_()
    tied.heads["topic"].bias.copy_(torch.tensor([1e-5, 0.0, *[-1.0] * 14]))
    return tied


def test_swapped_outputs_are_found(model, graph, ids, tmp_path):
    proto = onnx.load(str(graph))
    first, second = proto.graph.output[0], proto.graph.output[1]
    saved = onnx.ValueInfoProto()
    saved.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(saved)
    onnx.save(proto, str(tmp_path / "swapped.onnx"))

    with pytest.raises(ParityError, match="the graph's outputs are"):
        check_parity(model, tmp_path / "swapped.onnx", ids, TOKENS)


@pytest.fixture
def asked(graph, ids, tmp_path):
    reference = run_all(session(graph), ids)

    def asked(**changes):
        usual = {
            "reduced": False,
            "ids": ids,
            "reference": reference,
            "heads": ["sentiment", "topic"],
            "gated": ["sentiment"],
        }
        return quantise(graph, tmp_path / "int8.onnx", **{**usual, **changes})

    return asked


@pytest.mark.parametrize("reduced", [False, True])
def test_int8_is_measured_against_fp32(asked, reduced, tmp_path):
    made = asked(reduced=reduced)

    assert made.step == 0
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


def test_the_ladder_is_climbed_and_its_end_is_an_error(asked, monkeypatch, tmp_path):
    verdicts = iter([False, True])
    monkeypatch.setattr("export.quantise._passes", lambda _measured: next(verdicts))
    assert asked().step == 1

    monkeypatch.setattr("export.quantise._passes", lambda _measured: False)
    with pytest.raises(
        QuantisationError, match=r"labels agree with fp32 on .* first and last layer"
    ) as e:
        asked()
    assert 0.0 <= e.value.agreement <= 1.0
    assert not (tmp_path / "int8.onnx").exists()


def test_each_step_of_the_ladder_quantises_less(asked, monkeypatch, tmp_path):
    counts = []

    def count(_measured):
        proto = onnx.load(str(tmp_path / "int8.onnx"))
        counts.append(sum(node.op_type == "MatMulInteger" for node in proto.graph.node))
        return False

    monkeypatch.setattr("export.quantise._passes", count)
    with pytest.raises(QuantisationError):
        asked()

    assert counts == sorted(set(counts), reverse=True)
    assert len(counts) == 3


def test_fp16_is_fused_and_answers_alike(model, graph, ids, tmp_path):
    fused = to_fp16(graph, tmp_path / "half.onnx", model)
    answers, reference = run_all(session(tmp_path / "half.onnx"), ids), run_all(session(graph), ids)

    assert fused["Attention"] == 2
    assert (tmp_path / "half.onnx").stat().st_size < 0.75 * graph.stat().st_size
    assert agreement(answers, reference, "sentiment")["mean_abs_dp"] < 1e-3
    assert [node.type for node in session(tmp_path / "half.onnx").get_outputs()] == [
        "tensor(float)"
    ] * 4


def test_answers_come_in_the_order_of_the_texts(graph, ids):
    graph_session = session(graph)
    together = run_all(graph_session, ids[:40])["sentiment"]
    alone = [graph_session.run(["sentiment"], inputs_of([row]))[0][0] for row in ids[:40]]

    assert np.allclose(together, np.array(alone), atol=1e-5)


def test_softmax_is_stable():
    assert softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]])).tolist() == [
        [0.5, 0.5],
        [0.0, 1.0],
    ]


def test_few_samples_are_stretched_to_enough_texts():
    texts = enough(["one two three four", "five six"], 6)

    assert texts[:2] == ["one two three four", "five six"]
    assert len(set(texts)) == 6
    with pytest.raises(InputError, match="give 2 texts; 256 are compared"):
        enough(["a"], 256)
