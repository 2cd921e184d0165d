"""A bundle with a head of words and word shapes: what it says, finds, and refuses when tampered with."""

import json
import shutil

import msgspec
import pytest

from export.clean import check_in_clean_process
from groundswell.errors import BundleError
from groundswell.models.bundle import MANIFEST, load_manifest, sha256_of
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.models.spans import spans_of
from tests.tagger_world import made, rows, tagger, tagger_functions

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def functions():
    return tagger_functions()


@pytest.fixture(scope="module")
def checkpoint(encoder_dir, functions, tmp_path_factory):
    return tagger(encoder_dir, functions, tmp_path_factory.mktemp("named"))


@pytest.fixture(scope="module")
def bundle(checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "named"
    made(checkpoint, out)
    return out


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
