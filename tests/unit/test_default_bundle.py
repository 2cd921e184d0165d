"""The bundle in the repository is whole, small, of this corpus, and answers here as it should."""

from pathlib import Path

import pytest

from groundswell.models.bundle import load_manifest, sha256_of
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.models.spans import spans_of
from groundswell.tasks import content_hash, parse_function

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "deploy" / "models" / "default"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model():
    return load(BUNDLE, threads=2)


def test_its_files_are_those_of_the_manifest():
    manifest = load_manifest(BUNDLE)

    assert manifest.name == "default"
    assert [graph.precision for graph in manifest.graphs] == ["int8-reduced"]


def test_it_is_at_most_25_megabytes():
    assert sum(path.stat().st_size for path in BUNDLE.rglob("*")) <= 25 * MEGABYTE


def test_it_was_made_of_the_corpus_that_stands_here():
    corpus = {path.stem: sha256_of(path) for path in (ROOT / "training/corpus").glob("*.jsonl")}

    assert load_manifest(BUNDLE).data == corpus, "the corpus has changed: run `make model`"


def test_its_labels_are_those_of_the_functions():
    for head in load_manifest(BUNDLE).heads:
        path = ROOT / "training" / "functions" / f"{head.name}.yaml"
        function = parse_function(path.read_bytes(), path.name)
        assert head.labels == function.outputs
        assert head.function == content_hash(function), f"{path.name} has changed: run `make model`"


def test_it_answers_its_golden_texts(model):
    golden = read_golden(BUNDLE, model.manifest)

    distances = check_golden(model, golden)

    assert len(golden) == 64
    assert set(distances) == {"entities", "sentiment", "topic"}


@pytest.mark.parametrize(
    ("text", "sentiment", "topic"),
    [
        (
            "Shares in Calderwick plunged after the auditor refused to sign its accounts",
            "negative",
            None,
        ),
        ("Central bank raises its policy rate by half a point, more than expected", None, "rates"),
        (
            "Brambell Foods lifts its quarterly profit by a third as costs fall",
            "positive",
            "earnings",
        ),
        ("Crude oil slips as stockpiles rise", None, "commodities"),
    ],
)
def test_it_reads_plain_news(model, text, sentiment, topic):
    heads = model.run(model.encode([text])).heads
    said = {
        name: model.manifest.head(name).labels[heads[name][0].argmax()]
        for name in ("sentiment", "topic")
    }

    assert sentiment in {None, said["sentiment"]}
    assert topic in {None, said["topic"]}


def test_it_finds_names(model):
    [row] = model.encode(["Ida Nyberg leaves Marrowgate Bank for a fund in Zurich"])
    [words] = model.run([row]).words["entities"]
    found = spans_of(model.manifest.head("entities").labels, words, row.words)

    assert [(row.words.text[span.start : span.end], span.label) for span in found] == [
        ("Ida Nyberg", "PER"),
        ("Marrowgate Bank", "ORG"),
        ("Zurich", "LOC"),
    ]


def test_its_card_names_licence_and_encoder():
    card = (BUNDLE / "card.md").read_text("utf-8")

    assert "Apache-2.0" in card
    assert "all-MiniLM-L6-v2" in card
    assert "sentence-transformers/all-MiniLM-L6-v2" in (ROOT / "NOTICE").read_text("utf-8")
