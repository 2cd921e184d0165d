"""The bundle: complete, whole or absent, and of use to a process without torch."""

import json

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from export import make
from export.clean import check_in_clean_process
from export.cli import export
from export.make import make_bundle
from groundswell.errors import BundleError, InputError
from groundswell.models.bundle import MANIFEST, load_manifest, sha256_of
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.reference import measure, read_reference
from groundswell.models.session import load
from groundswell.tasks import content_hash
from training.checkpoint import read_checkpoint, read_samples

pytestmark = pytest.mark.train

ALL = ("fp32", "fp16", "int8", "int8-reduced")


def made(checkpoint, out, precisions=ALL):
    return make_bundle(
        checkpoint,
        out,
        name="tried",
        precisions=precisions,
        created_at="2026-01-02T03:04:05Z",
        console=Console(quiet=True),
    )


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "tried"
    made(trained[0], out)
    return out


def test_the_manifest_is_complete(bundle, trained):
    manifest = load_manifest(bundle)
    checkpoint = read_checkpoint(trained[0])

    assert manifest.id.startswith("tried@20260102-")
    assert [graph.precision for graph in manifest.graphs] == list(ALL)
    assert [graph.verified for graph in manifest.graphs] == [True, False, True, True]
    assert "not run: no GPU here" in manifest.graphs[1].note
    assert [head.function for head in manifest.heads] == [
        content_hash(function) for function in checkpoint.functions
    ]
    assert manifest.head("sentiment").labels == ("negative", "neutral", "positive")
    assert (manifest.max_tokens, manifest.max_chars) == (32, 2000)
    assert manifest.data == checkpoint.data
    assert manifest.encoder == checkpoint.encoder
    assert manifest.metrics == checkpoint.metrics
    assert manifest.parity["texts"] >= 256
    assert max(value for name, value in manifest.parity.items() if name != "texts") <= 1e-4


def test_what_quantisation_changed_is_recorded(bundle):
    measured = load_manifest(bundle).quantisation

    for precision in ("fp16", "int8", "int8-reduced"):
        for head in ("sentiment", "topic"):
            assert set(measured[f"{precision} {head}"]) == {
                "agreement",
                "mean_abs_dp",
                "max_abs_dp",
            }
        assert measured[f"{precision} embedding"]["mean_cosine"] > 0.9
    assert measured["int8 sentiment"]["agreement"] >= 0.985


def test_every_file_is_named_and_none_is_a_pickle(bundle):
    manifest = load_manifest(bundle)
    named = {manifest.tokenizer.path, manifest.golden.path, manifest.card.path, MANIFEST}
    named |= {graph.file.path for graph in manifest.graphs}
    named |= {manifest.reference.path}  # type: ignore[union-attr]

    assert {path.name for path in bundle.iterdir()} == named
    assert not [name for name in named if name.endswith((".bin", ".pt", ".pkl"))]


def test_the_golden_texts_hold_the_probabilities_of_fp32(bundle):
    model = load(bundle, threads=1)
    golden = read_golden(bundle, model.manifest)

    assert len(golden) == 64
    for row in golden:
        assert sum(row.probabilities["sentiment"]) == pytest.approx(1.0, abs=1e-4)
    assert max(check_golden(model, golden).values()) < 0.02
    tones = {int(np.argmax(row.probabilities["sentiment"])) for row in golden}
    assert tones == {0, 1, 2}


def test_the_card_says_where_it_came_from(bundle, trained):
    card = (bundle / "card.md").read_text("utf-8")

    assert "groundswell train" in card
    assert "not stated" in card
    for digest in read_checkpoint(trained[0]).data.values():
        assert digest in card


def test_only_one_graph_may_be_kept(trained, tmp_path):
    manifest = made(trained[0], tmp_path / "small", ("int8-reduced",))

    assert [path.name for path in (tmp_path / "small").glob("*.onnx")] == [
        "model.int8-reduced.onnx"
    ]
    assert [graph.precision for graph in manifest.graphs] == ["int8-reduced"]


def test_the_same_checkpoint_gives_the_same_bundle(trained, tmp_path):
    first = made(trained[0], tmp_path / "a", ("int8",))
    second = made(trained[0], tmp_path / "b", ("int8",))

    assert first == second


def test_a_failed_export_leaves_the_earlier_bundle(trained, tmp_path, monkeypatch):
    out = tmp_path / "kept"
    made(trained[0], out, ("int8",))
    before = (out / MANIFEST).read_bytes()

    def refuse(_directory):
        raise BundleError("it does not load")

    monkeypatch.setattr(make, "check_in_clean_process", refuse)
    with pytest.raises(BundleError, match="does not load"):
        made(trained[0], out, ("fp32",))
    assert (out / MANIFEST).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]

    monkeypatch.undo()
    made(trained[0], out, ("fp32",))
    assert [graph.precision for graph in load_manifest(out).graphs] == ["fp32"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_directory_of_something_else_is_not_replaced(trained, tmp_path):
    (tmp_path / "diary.txt").write_text("dear", encoding="utf-8")

    with pytest.raises(InputError, match="is no bundle; choose another --out"):
        made(trained[0], tmp_path, ("fp32",))


def test_a_clean_process_refuses_a_wrong_label_order(trained, tmp_path):
    out = tmp_path / "swapped"
    made(trained[0], out, ("fp32",))
    golden = out / "golden.jsonl"
    rows = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    for row in rows:
        row["probabilities"]["sentiment"].reverse()
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    manifest = json.loads((out / MANIFEST).read_text("utf-8"))
    manifest["golden"] |= {"bytes": golden.stat().st_size, "sha256": sha256_of(golden)}
    (out / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(BundleError, match=r"process of its own: .*another order"):
        check_in_clean_process(out)


def test_the_command_writes_a_bundle(trained, tmp_path):
    app = typer.Typer()
    app.command()(export)
    out = tmp_path / "by-command"

    done = CliRunner().invoke(app, [str(trained[0]), "--out", str(out), "--only", "fp32"])

    assert done.exit_code == 0, done.output
    assert "by-command@" in done.output
    assert load_manifest(out).name == "by-command"


def test_the_command_names_a_bad_precision(tmp_path):
    with pytest.raises(InputError, match="--only int4: must be one of fp32"):
        export(tmp_path, out=tmp_path / "out", only=["int4"])


def test_it_carries_a_reference_sample_that_its_own_answers_are_like(bundle, trained):
    manifest = load_manifest(bundle)
    model = load(bundle, threads=1, embedding=True)
    reference = read_reference(bundle, manifest, model.graph.precision)
    texts = list(dict.fromkeys(read_samples(trained[0])))[: len(reference.units)]
    again = measure(model, bundle, texts, range(len(texts)))

    assert len(reference.units) == len(texts)
    assert again.length.tolist() == reference.units.length.tolist()
    assert again.unknown == pytest.approx(reference.units.unknown)
    assert again.embedding == pytest.approx(reference.units.embedding, abs=0.02)
    assert reference.confusions["sentiment"].sum() > 0
