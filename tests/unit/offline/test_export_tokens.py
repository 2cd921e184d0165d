"""A model with a head of words and word shapes, from torch to a bundle that finds the same names."""

import numpy as np
import onnx
import pytest
import torch

from export.answers import Answers, inputs_of, run_all, session
from export.compare import measure
from export.errors import ParityError, QuantisationError
from export.goldens import choose
from export.graph import outputs_of, to_onnx
from export.make import heads_of
from export.parity import check_parity
from export.quantise import quantise
from groundswell.shape import SHAPES
from tests.tagger_world import TOKENS, rows, tagger, tagger_functions
from training.checkpoint import load_model, read_checkpoint
from training.encode import Tokens, load_tokenizer, tokenise
from training.encoder import locate
from training.model import build

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def functions():
    return tagger_functions()


@pytest.fixture(scope="module")
def checkpoint(encoder_dir, functions, tmp_path_factory):
    return tagger(encoder_dir, functions, tmp_path_factory.mktemp("named"))


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_model(checkpoint, read_checkpoint(checkpoint), attention="eager")


@pytest.fixture(scope="module")
def tokens(checkpoint):
    tokenizer = load_tokenizer(checkpoint / "tokenizer.json", TOKENS)
    return tokenise(tokenizer, [text for text, _, _ in rows(300, seed=5)], "shape")


@pytest.fixture(scope="module")
def graph(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    to_onnx(model, path)
    return path


def test_words_and_shapes_pass_the_parity_check(model, graph, tokens):
    worst = check_parity(model, graph, tokens, TOKENS)

    assert list(worst) == ["entities", "sentiment", "embedding", "contributions"]
    shapes = {node.name: node.shape for node in session(graph).get_outputs()}
    assert shapes["entities"] == ["batch_size", "sequence_length", 3]
    assert shapes["contributions"] == ["batch_size", "sequence_length", 2]


def test_the_shapes_are_read_by_the_graph(graph, tokens):
    graph_session = session(graph)
    plain = [Tokens(row.ids, [0] * len(row.ids), row.words) for row in tokens[:20]]

    with_shapes = graph_session.run(["entities"], inputs_of(tokens[:20]))[0]
    without = graph_session.run(["entities"], inputs_of(plain))[0]

    assert np.abs(with_shapes - without).max() > 1.0


def test_a_graph_that_takes_the_types_for_constant_is_refused(model, graph, tokens, tmp_path):
    proto = onnx.load(str(graph))
    zeros = onnx.helper.make_node("Sub", ["input_ids", "input_ids"], ["no_types"], "no_types")
    for node in proto.graph.node:
        if "token_type_ids" in node.input:
            node.input[list(node.input).index("token_type_ids")] = "no_types"
    proto.graph.node.insert(0, zeros)
    onnx.save(proto, str(tmp_path / "ignoring.onnx"))
    with pytest.raises(ParityError, match="entities differs from torch by"):
        check_parity(model, tmp_path / "ignoring.onnx", tokens, TOKENS)

    del proto.graph.input[[node.name for node in proto.graph.input].index("token_type_ids")]
    onnx.save(proto, str(tmp_path / "without.onnx"))
    with pytest.raises(
        ParityError, match=r"the graph's inputs are \['input_ids', 'attention_mask'\]"
    ):
        check_parity(model, tmp_path / "without.onnx", tokens, TOKENS)


def test_a_changed_token_head_is_found_but_not_what_it_says_at_padding(
    model, graph, tokens, tmp_path
):
    """Multiplied by 1 + the padding, the logits differ there and nowhere else."""
    proto = onnx.load(str(graph))
    for node in proto.graph.node:
        if "entities" in node.output:
            node.output[list(node.output).index("entities")] = "entities_plain"
    make = onnx.helper.make_node
    for name, value in (("one", 1), ("last", 2)):
        constant = onnx.numpy_helper.from_array(np.array([value], np.int64), name)
        proto.graph.initializer.append(constant)
    proto.graph.node.extend(
        [
            make("Sub", ["one", "attention_mask"], ["padding"], "padding"),
            make("Add", ["one", "padding"], ["factor"], "factor"),
            make("Cast", ["factor"], ["factor_fp32"], "factor_fp32", to=onnx.TensorProto.FLOAT),
            make("Unsqueeze", ["factor_fp32", "last"], ["factors"], "factors"),
            make("Mul", ["entities_plain", "factors"], ["entities"], "times"),
        ]
    )
    onnx.save(proto, str(tmp_path / "changed.onnx"))
    assert max(check_parity(model, tmp_path / "changed.onnx", tokens, TOKENS).values()) < 1e-4

    proto.graph.node[-1].input[1] = "factor_wrong"
    wrong = make("Add", ["factors", "factors"], ["factor_wrong"], "factor_wrong")
    proto.graph.node.insert(len(proto.graph.node) - 1, wrong)
    onnx.save(proto, str(tmp_path / "changed.onnx"))
    with pytest.raises(ParityError, match="entities differs from torch by"):
        check_parity(model, tmp_path / "changed.onnx", tokens, TOKENS)


def test_answers_hold_one_row_a_word_in_the_order_of_the_texts(graph, tokens):
    graph_session = session(graph)

    answers = run_all(graph_session, tokens[:40])

    assert set(answers.texts) == {"sentiment", "embedding"}
    for row, logits in zip(tokens[:40], answers.words["entities"], strict=True):
        alone = graph_session.run(["entities"], inputs_of([row]))[0][0]
        assert len(logits) == len(row.words)
        assert np.allclose(logits, [alone[word.place] for word in row.words], atol=1e-4)


def test_a_model_of_token_heads_alone_has_no_contributions(encoder_dir, tokens, tmp_path):
    torch.manual_seed(4)
    alone = build(
        locate(str(encoder_dir)).config,
        {"entities": 3},
        token_heads=["entities"],
        token_types=SHAPES,
        attention="eager",
    ).eval()

    to_onnx(alone, tmp_path / "alone.onnx")

    assert outputs_of(alone) == ["entities", "embedding"]
    assert set(check_parity(alone, tmp_path / "alone.onnx", tokens, TOKENS)) == {
        "entities",
        "embedding",
    }


@pytest.mark.parametrize("reduced", [False, True])
def test_int8_finds_the_stretches_of_fp32(checkpoint, graph, tokens, tmp_path, reduced):
    done = quantise(
        graph,
        tmp_path / "int8.onnx",
        reduced=reduced,
        rows=tokens,
        reference=run_all(session(graph), tokens),
        heads=heads_of(read_checkpoint(checkpoint)),
        gated=["entities", "sentiment"],
    )

    assert done.heads["entities"]["entity_f1"] >= 0.95
    assert set(done.heads["sentiment"]) == {"agreement", "mean_abs_dp", "max_abs_dp"}


def test_a_token_head_that_finds_others_is_refused(checkpoint, graph, tokens, tmp_path):
    said = run_all(session(graph), tokens)
    turned = [part[:, [1, 0, 2]] for part in said.words["entities"]]

    with pytest.raises(QuantisationError, match=r"entities finds fp32's stretches with F1 0\.\d+"):
        quantise(
            graph,
            tmp_path / "int8.onnx",
            reduced=False,
            rows=tokens,
            reference=Answers(said.texts, {"entities": turned}),
            heads=heads_of(read_checkpoint(checkpoint)),
            gated=["entities"],
        )


def test_figures_of_a_token_head_are_counted_by_hand(checkpoint):
    head = heads_of(read_checkpoint(checkpoint))[0]
    tags = np.eye(3, dtype=np.float32) * 20
    theirs = Answers({}, {"entities": [tags[[0, 1, 2, 0]], tags[[1, 0]]]})
    ours = Answers({}, {"entities": [tags[[0, 1, 0, 0]], tags[[1, 0]]]})

    measured = measure(head, ours, theirs)

    assert measured["agreement"] == pytest.approx(5 / 6)
    assert measured["entity_f1"] == pytest.approx(1 / 2)
    assert measured["max_abs_dp"] == pytest.approx(1.0)
    assert choose([head], theirs, [ours]) == [1]
