"""A model with a head of words and word shapes, from torch to a bundle that finds the same names."""

import json
import random
import shutil

import msgspec
import numpy as np
import onnx
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from export.answers import Answers, inputs_of, run_all, session
from export.clean import check_in_clean_process
from export.compare import measure
from export.errors import ParityError, QuantisationError
from export.goldens import choose
from export.graph import outputs_of, to_onnx
from export.make import heads_of, make_bundle
from export.parity import check_parity
from export.quantise import quantise
from groundswell.errors import BundleError
from groundswell.models.bundle import MANIFEST, EncoderSource, load_manifest, sha256_of
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.models.spans import spans_of
from groundswell.shape import SHAPES
from groundswell.tasks import parse_function
from training.checkpoint import Checkpoint, load_model, read_checkpoint, write_checkpoint
from training.encode import Tokens, load_tokenizer, pad, tokenise
from training.encoder import locate
from training.model import build, load_encoder

pytestmark = pytest.mark.train

TOKENS = 32
ENTITIES = b"""{name: entities, version: 1, description: x, field: entities, output: tokens,
  primary: entity_f1, labels: [{name: ORG, description: x}]}"""
TONE = b"""{name: sentiment, version: 1, description: x, field: sentiment,
  labels: [{name: negative, description: x}, {name: positive, description: x}]}"""
WORDS = ("company", "said", "today", "shares", "the", "of", "in", "north", "south", "group")
TONES = (("loss", "fell", "fraud", "cut"), ("profit", "rose", "gain", "record"))


def rows(count, seed=0):
    """Texts with one name, as in "North" or "North GROUP", and the tags of their words."""
    draw = random.Random(seed)
    result = []
    for _ in range(count):
        tone = draw.randrange(2)
        words = [draw.choice(WORDS) for _ in range(draw.randint(4, 10))]
        words.insert(draw.randrange(len(words)), draw.choice(TONES[tone]))
        tags = [0] * len(words)
        at, length = draw.randrange(len(words)), draw.randint(1, 2)
        words[at:at] = [draw.choice(WORDS).title(), draw.choice(WORDS).upper()][:length]
        tags[at:at] = [1, 2][:length]
        result.append((" ".join(words), tone, tags))
    return result


@pytest.fixture(scope="module")
def functions():
    return parse_function(ENTITIES, "entities"), parse_function(TONE, "sentiment")


@pytest.fixture(scope="module")
def checkpoint(encoder_dir, functions, tmp_path_factory):
    """A model fitted by a few plain steps: names are what is capitalised, which only shapes can tell."""
    torch.manual_seed(1)
    encoder = locate(str(encoder_dir))
    model = build(
        encoder.config,
        {f.name: len(f.outputs) for f in functions},
        token_heads=["entities"],
        token_types=SHAPES,
        dropout=0.0,
    )
    load_encoder(model, load_file(encoder_dir / "model.safetensors"))
    data = rows(320)
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", TOKENS)
    tokens = tokenise(tokenizer, [text for text, _, _ in data], "shape")
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    draw = random.Random(2)
    for _ in range(150):
        places = draw.sample(range(len(data)), 32)
        tags = torch.full((32, max(len(tokens[p].ids) for p in places)), -1)
        for line, place in enumerate(places):
            for word, tag in zip(tokens[place].words, data[place][2], strict=True):
                tags[line, word.place] = tag
        outputs = model(**pad([tokens[p] for p in places]))
        loss = torch.nn.functional.cross_entropy(
            outputs["entities"].flatten(0, 1), tags.flatten(), ignore_index=-1
        ) + torch.nn.functional.cross_entropy(
            outputs["sentiment"], torch.tensor([data[p][1] for p in places])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    out = tmp_path_factory.mktemp("named") / "checkpoint"
    write_checkpoint(
        out,
        Checkpoint(
            functions=functions,
            max_tokens=TOKENS,
            max_chars=200,
            token_types="shape",  # noqa: S106
            template="{text}",
            languages=("en",),
            encoder=EncoderSource(name="tiny", sha256="0" * 64, licence="Apache-2.0"),
            encoder_config=encoder.config,
            strategy="full",
            data={"rows.jsonl": "1" * 64},
            licences={"rows.jsonl": "CC0-1.0", "others": "MIT"},
            temperatures={"sentiment": 2.0},
            metrics={},
            command="groundswell train",
        ),
        model,
        encoder_dir / "tokenizer.json",
        [text for text, _, _ in rows(300, seed=5)],
        lambda _folder: None,
    )
    return out


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


@pytest.fixture(scope="module")
def bundle(checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "named"
    made(checkpoint, out)
    return out


def made(checkpoint, out, precisions=("fp32", "fp16", "int8", "int8-reduced")):
    return make_bundle(
        checkpoint,
        out,
        name="named",
        precisions=precisions,
        created_at="2026-01-02T03:04:05Z",
        console=Console(quiet=True),
    )


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


def test_the_bundle_says_how_words_are_read(bundle, checkpoint):
    manifest = load_manifest(bundle)

    assert manifest.token_types == "shape"  # noqa: S105
    assert manifest.template == "{text}"
    assert [(head.name, head.kind) for head in manifest.heads] == [
        ("entities", "tokens"),
        ("sentiment", "single"),
    ]
    assert manifest.head("entities").labels == ("O", "B-ORG", "I-ORG")
    assert manifest.head("sentiment").temperature == 2.0
    assert manifest.head("entities").temperature == 1.0
    assert manifest.quantisation["int8 entities"]["entity_f1"] >= 0.95
    assert all(graph.note for graph in manifest.graphs if graph.precision != "fp32")
    card = (bundle / "card.md").read_text("utf-8")
    assert "with the strategy `full`" in card
    assert "rows.jsonl, licence CC0-1.0, SHA-256" in card
    assert "- others, licence MIT\n" in card
    assert "| entities | tokens | O, B-ORG, I-ORG |" in card


def test_a_consumer_finds_the_names_that_are_there(bundle):
    consumer = load(bundle, threads=1)
    data = rows(60, seed=9)
    encoded = consumer.encode([text for text, _, _ in data])
    scores = consumer.run(encoded)
    head = consumer.manifest.head("entities")
    right = 0
    for (text, _, tags), row, found in zip(data, encoded, scores.words["entities"], strict=True):
        names = [w for w, tag in zip(text.split(), tags, strict=True) if tag]
        assert row.words is not None
        spans = spans_of(head.labels, found, row.words)
        right += [text[span.start : span.end] for span in spans] == [" ".join(names)]

    assert right >= 54
    check_golden(consumer, read_golden(bundle, consumer.manifest))


def test_the_golden_texts_hold_the_stretches_of_fp32(bundle):
    golden = read_golden(bundle, load_manifest(bundle))

    assert len(golden) == 64
    for row in golden:
        assert set(row.probabilities) == set(row.labels) == {"sentiment"}
        for start, end, label in row.spans["entities"]:
            assert label == "ORG"
            assert row.text[start:end].split()[0].istitle()


def change(bundle, out, rewrite):
    """Copy the bundle with ``rewrite`` done to its manifest and to its golden rows, hashes made right."""
    shutil.copytree(bundle, out)
    golden = out / "golden.jsonl"
    lines = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    manifest = json.loads((out / MANIFEST).read_text("utf-8"))
    rewrite(manifest, lines)
    golden.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    manifest["golden"] |= {"bytes": golden.stat().st_size, "sha256": sha256_of(golden)}
    (out / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return out


def _no_shapes(manifest, _lines):
    manifest["token_types"] = "zeros"  # noqa: S105


def _swapped_tags(manifest, _lines):
    manifest["heads"][0]["labels"] = ["O", "I-ORG", "B-ORG"]


def _moved_spans(_manifest, lines):
    for row in lines:
        row["spans"]["entities"] = [[0, 2, "ORG"]]


def _another_kind(manifest, _lines):
    manifest["heads"][0] |= {"kind": "single"}


@pytest.mark.parametrize(
    ("rewrite", "message"),
    [
        (_no_shapes, "head entities disagrees"),
        (_swapped_tags, "head entities disagrees"),
        (_moved_spans, "head entities disagrees"),
        (_another_kind, "entities"),
    ],
)
def test_a_clean_process_refuses_what_was_tampered_with(bundle, tmp_path, rewrite, message):
    out = change(bundle, tmp_path / "changed", rewrite)

    with pytest.raises(BundleError, match=f"process of its own: .*{message}"):
        check_in_clean_process(out)


def test_a_clean_process_takes_the_bundle_as_it_is(bundle, tmp_path):
    check_in_clean_process(change(bundle, tmp_path / "same", lambda _manifest, _lines: None))
