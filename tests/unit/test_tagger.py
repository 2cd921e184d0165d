"""A model with a head of tokens, word shapes and several labels."""

import shutil

import msgspec
import numpy as np
import pytest

from groundswell.errors import BundleError
from groundswell.models.bundle import MANIFEST, Manifest, describe, load_manifest
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.models.spans import spans_of
from tests.news_world import TAGGER

TEXTS = ("Norvane AG says profit soars", "fraud", "", "shares of Brambell and Corvelia rise " * 8)


@pytest.fixture(scope="module")
def tagger():
    return load(TAGGER, threads=1)


@pytest.fixture
def bundle(tmp_path):
    return shutil.copytree(TAGGER, tmp_path / "bundle")


def rewritten(directory, **changes):
    manifest = load_manifest(TAGGER)
    files = {"golden": describe(directory, directory / "golden.jsonl")}
    changed = msgspec.structs.replace(manifest, **files, **changes)
    (directory / MANIFEST).write_bytes(msgspec.json.encode(changed))
    return directory


def with_head(name, **changes):
    return tuple(
        msgspec.structs.replace(head, **changes) if head.name == name else head
        for head in load_manifest(TAGGER).heads
    )


def test_each_word_has_its_tags_whatever_it_is_padded_to(tagger):
    rows = tagger.encode(TEXTS)
    together = tagger.run(rows)

    for place, row in enumerate(rows):
        alone = tagger.run([row])
        np.testing.assert_allclose(together.words["entities"][place], alone.words["entities"][0])
        assert together.words["entities"][place].shape == (len(row.words.places), 5)
    assert not together.broken


def test_names_are_found_by_the_shape_of_their_words(tagger):
    text = "the Norvane AG and fed meet"
    [row] = tagger.encode([text])
    [tags] = tagger.run([row]).words["entities"]
    spans = spans_of(tagger.manifest.head("entities").labels, tags, row.words)

    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("Norvane AG", "ORG"),
        ("fed", "LOC"),
    ]
    assert all(0.5 < span.probability <= 1 for span in spans)


def test_several_labels_are_judged_each_for_itself(tagger):
    [said] = tagger.run(tagger.encode(["fraud profit"])).heads["topic"]

    # earnings and fraud: sigmoid(24 / 4); rates: sigmoid(0); markets: sigmoid(0.5)
    np.testing.assert_allclose(said, 1 / (1 + np.exp([0, -6, -6, -0.5])), atol=1e-6)


def test_a_word_of_nan_breaks_its_row_alone(tagger):
    assert tagger.run(tagger.encode(["Norvane", "nan", "fraud"])).broken == {1}


def test_only_what_is_asked_for_is_computed():
    asked = []
    model = load(TAGGER, threads=1, heads=("sentiment", "nothing"), embedding=True)
    session = model._session

    class Watching:
        def run(self, names, feed):
            asked.extend(names)
            return session.run(names, feed)

    model._session = Watching()
    rows = model.encode(["profit soars", "nan"])
    scores = model.run(rows)

    assert asked == ["sentiment", "embedding"]
    assert rows[0].words is None
    assert set(scores.heads) == {"sentiment"}
    assert scores.embedding is not None
    assert scores.embedding.shape == (2, 7)
    assert scores.broken == {1}


def test_the_golden_spans_agree_here(tagger):
    distances = check_golden(tagger, read_golden(TAGGER, tagger.manifest))

    assert set(distances) == {"entities", "sentiment", "topic", "urgency"}
    assert distances["entities"] == 0.0


def test_lost_word_shapes_are_noticed(bundle):
    loaded = load(rewritten(bundle, token_types="zeros"))  # noqa: S106 - of text

    with pytest.raises(BundleError, match=r"head entities disagrees.*text 0 has \(\).*word shapes"):
        check_golden(loaded, read_golden(bundle, loaded.manifest))


def test_few_other_spans_are_forgiven_to_int8_and_not_to_fp32(tagger, bundle):
    rows = read_golden(TAGGER, tagger.manifest) * 5
    other = msgspec.structs.replace(rows[0], spans={"entities": ((0, 7, "LOC"),)})
    golden = [other, *rows[1:]]
    [graph] = load_manifest(TAGGER).graphs
    coarse = load(rewritten(bundle, graphs=(msgspec.structs.replace(graph, precision="int8"),)))

    assert check_golden(coarse, golden)["entities"] == pytest.approx(0.05)
    with pytest.raises(BundleError, match="1 of 20 differ, allowed 2%"):
        check_golden(tagger, golden)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ({}, "no spans of head entities"),
        ({"entities": [[5, 5, "ORG"]]}, "lies outside the text: 5 to 5"),
        ({"entities": [[0, 9999, "ORG"]]}, "lies outside the text: 0 to 9999"),
        ({"entities": [[0, 7, "PER"]]}, "has no tag B-PER"),
    ],
)
def test_golden_spans_that_cannot_be_are_named(bundle, spans, message):
    first, *rest = (bundle / "golden.jsonl").read_bytes().splitlines()
    row = msgspec.json.decode(first) | {"spans": spans}
    (bundle / "golden.jsonl").write_bytes(b"\n".join([msgspec.json.encode(row), *rest]))

    with pytest.raises(BundleError, match=rf"golden\.jsonl:1: .*{message}"):
        read_golden(bundle, load(rewritten(bundle)).manifest)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": with_head("entities", kind="single")}, "3 axes instead of 2"),
        ({"heads": with_head("sentiment", kind="tokens")}, "2 axes instead of 3"),
        ({"heads": with_head("entities", labels=("O", "B-X"))}, "5 outputs and 2 labels"),
        ({"template": "{text.__class__}"}, "must hold fields"),
        ({"template": "{text!r}"}, "must hold fields"),
        ({"template": "{text"}, "template '{text'"),
        ({"template": "text"}, "must hold fields"),
    ],
)
def test_a_manifest_that_does_not_fit_its_graph_is_refused(bundle, changes, message):
    with pytest.raises(BundleError, match=message):
        load(rewritten(bundle, **changes))


def test_word_shapes_need_a_graph_that_reads_them(bundle):
    plain = TAGGER.parent / "tiny-bundle"
    shutil.copytree(plain, bundle, dirs_exist_ok=True)
    manifest = msgspec.json.decode((plain / MANIFEST).read_bytes(), type=Manifest)
    changed = msgspec.structs.replace(manifest, token_types="shape")  # noqa: S106 - of text
    (bundle / MANIFEST).write_bytes(msgspec.json.encode(changed))

    with pytest.raises(BundleError, match="no input token_type_ids"):
        load(bundle)
