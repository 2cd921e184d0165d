import shutil
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from groundswell.errors import BundleError
from groundswell.models import providers, session
from groundswell.models.bundle import MANIFEST, Golden, Manifest, describe, load_manifest
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.providers import choose_graph
from groundswell.models.session import ModelError, load
from groundswell.models.tokens import Row, Tokens
from tests.news_world import TINY, model


@pytest.fixture
def bundle(tmp_path):
    return shutil.copytree(TINY, tmp_path / "bundle")


def rewritten(directory, **changes):
    """Change the manifest, with the hashes of the files as they now are."""
    manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    changed = msgspec.structs.replace(
        manifest,
        tokenizer=describe(directory, directory / "tokenizer.json"),
        golden=describe(directory, directory / "golden.jsonl"),
        **changes,
    )
    (directory / MANIFEST).write_bytes(msgspec.json.encode(changed))
    return directory


def heads_with(**changes):
    heads = {head.name: head for head in load_manifest(TINY).heads}
    return tuple(
        msgspec.structs.replace(head, **changes.get(name, {})) for name, head in heads.items()
    )


def test_padding_changes_nothing():
    rows = model().encode(["Profit soars", "Fed says " + "report " * 20, "fraud"])
    together = model().run(rows)
    alone = [model().run([row]) for row in rows]

    for name, got in together.heads.items():
        np.testing.assert_allclose(got, np.concatenate([a.heads[name] for a in alone]), atol=1e-6)
        np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-9)


def test_a_row_of_nan_is_named_and_the_others_stand():
    scores = model().run(model().encode(["Profit soars", "nan", "fraud"]))

    assert scores.broken == {1}
    assert np.isfinite(scores.heads["sentiment"][[0, 2]]).all()


def test_a_failing_session_is_a_model_error():
    with pytest.raises(ModelError, match="out of data bounds"):
        model().run(model().encode(["explode"]))


def test_texts_are_cut_to_the_bundle_s_limits():
    [row] = model().encode(["profit " * 10_000])

    assert len(row) == model().manifest.max_tokens


def test_characters_are_cut_before_tokens():
    tokens = Tokens(TINY / "tokenizer.json", 64, 6)

    assert tokens.encode(["profit"]) == tokens.encode(["profits are high"])


def test_sixteen_threads_may_encode_at_once():
    texts = [f"Profit soars {'rate ' * (n % 50)}" for n in range(100)]
    expected = model().encode(texts)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: model().encode(texts), range(160)))

    assert all(answer == expected for answer in answers)


def test_a_broken_tokenizer_is_named(bundle):
    (bundle / "tokenizer.json").write_text("{}")

    with pytest.raises(BundleError, match=r"tokenizer\.json: not a tokenizer"):
        load(rewritten(bundle))


def test_a_broken_graph_is_named(bundle):
    (bundle / "model.onnx").write_bytes(b"nothing")
    [graph] = load_manifest(TINY).graphs
    graph = msgspec.structs.replace(graph, file=describe(bundle, bundle / "model.onnx"))

    with pytest.raises(BundleError, match="onnxruntime cannot load it"):
        load(rewritten(bundle, graphs=(graph,)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sentiment": {"name": "mood"}}, "no output 'mood'"),
        ({"topic": {"labels": ("a", "b")}}, "head topic has 4 outputs and 2 labels"),
    ],
)
def test_heads_that_are_not_the_graph_s_are_refused(bundle, changes, message):
    with pytest.raises(BundleError, match=message):
        load(rewritten(bundle, heads=heads_with(**changes)))


class Node:
    def __init__(self, name, shape=("B", 3)):
        self.name = name
        self.shape = list(shape)


class FakeSession:
    def __init__(self, inputs=("input_ids",), width=3):
        self.inputs = inputs
        self.width = width
        self.fed = {}

    def get_inputs(self):
        return [Node(name) for name in self.inputs]

    def get_outputs(self):
        return [Node("sentiment", ("B", "N")), Node("topic", ("B", "N"))]

    def run(self, names, feed):
        self.fed = feed
        rows = len(feed["input_ids"])
        return [np.zeros((rows, self.width), np.float32), np.zeros((rows, 4), np.float32)]


def made(fake):
    manifest = load_manifest(TINY)
    choice = choose_graph(manifest, "cpu", vnni=True)
    opened = providers.Opened(fake, "cpu", choice, "a fake", 1)
    tokens = Tokens(TINY / "tokenizer.json", 64, 512)
    return session.Model(manifest, opened, tokens, manifest.heads)


def test_only_what_the_graph_declares_is_fed():
    fake = FakeSession(("input_ids", "token_type_ids"))
    made(fake).run([Row([2, 5, 3]), Row([2, 3])])

    assert {name: array.tolist() for name, array in fake.fed.items()} == {
        "input_ids": [[2, 5, 3], [2, 3, 0]],
        "token_type_ids": [[0, 0, 0], [0, 0, 0]],
    }


def test_unknown_inputs_are_refused():
    with pytest.raises(BundleError, match="the graph asks for input_ids, pixels"):
        made(FakeSession(("input_ids", "pixels")))


def test_an_answer_of_another_shape_is_a_model_error():
    with pytest.raises(ModelError, match=r"head sentiment answered in shape \(1, 5\)"):
        made(FakeSession(width=5)).run([Row([2, 3])])


def test_the_golden_texts_agree_here():
    distances = check_golden(model(), read_golden(TINY, model().manifest))

    assert set(distances) == {"sentiment", "topic"}
    assert max(distances.values()) < 1e-5


def test_a_wrong_order_of_labels_is_named(bundle):
    turned = heads_with(topic={"labels": ("earnings", "rates", "markets", "fraud")})
    rows = read_golden(TINY, model().manifest)
    order = (1, 0, 3, 2)
    golden = [
        Golden(
            text=row.text,
            probabilities={
                **row.probabilities,
                "topic": tuple(row.probabilities["topic"][i] for i in order),
            },
        )
        for row in rows
    ]
    loaded = load(rewritten(bundle, heads=turned))

    with pytest.raises(BundleError, match=r"head topic disagrees.*text 0.*another order"):
        check_golden(loaded, golden)


def test_labels_moved_in_the_manifest_alone_are_named(bundle):
    turned = heads_with(sentiment={"labels": ("positive", "neutral", "negative")})
    loaded = load(rewritten(bundle, heads=turned))

    with pytest.raises(BundleError, match=r"golden.jsonl:\d+: head sentiment said.*another order"):
        read_golden(bundle, loaded.manifest)


def test_another_tokenizer_is_suspected(bundle):
    path = bundle / "tokenizer.json"
    path.write_text(path.read_text().replace('"Lowercase"', '"NFC"'))
    loaded = load(rewritten(bundle))

    with pytest.raises(BundleError, match="the tokenizer, or the graph, is not the one"):
        check_golden(loaded, read_golden(bundle, loaded.manifest))


def test_a_drift_without_another_label_is_seen():
    golden = [
        Golden(
            text="Fed holds rates",
            probabilities={"sentiment": (0.05, 0.9, 0.05), "topic": (0.9998, 0.0, 0.0, 0.0002)},
        )
    ]

    with pytest.raises(BundleError, match=r"mean distance 0\.0652, allowed 0\.001"):
        check_golden(model(), golden)


@pytest.mark.parametrize("text", ["nan", "explode"])
def test_a_golden_text_that_fails_is_named(text):
    golden = [Golden(text=text, probabilities={"sentiment": (1, 0, 0), "topic": (1, 0, 0, 0)})]

    with pytest.raises(BundleError, match="golden text 0"):
        check_golden(model(), golden)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "there are no golden texts"),
        (b"nonsense\n", r"golden\.jsonl:1:"),
        (
            b'{"text": "x", "probabilities": {"sentiment": [1.0]}}\n',
            "not one probability per label of sentiment",
        ),
    ],
)
def test_golden_files_that_say_nothing_are_refused(bundle, content, message):
    (bundle / "golden.jsonl").write_bytes(content)

    with pytest.raises(BundleError, match=message):
        read_golden(bundle, load(rewritten(bundle)).manifest)
