"""Temperatures: fitted on dev, taken where they help, and again for each graph; no label changes."""

import json
import shutil

import numpy as np
import pytest
from rich.console import Console

from export.make import make_bundle
from groundswell.errors import InputError
from groundswell.models.bundle import load_manifest
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.scores import softmax
from groundswell.models.session import load
from training.checkpoint import load_model, read_checkpoint, read_samples
from training.encode import load_tokenizer, tokenise
from training.evaluate import predict
from training.evaluation.calibration import nll
from training.evaluation.served import BundlePredictor
from training.hardware import Hardware
from training.temperature import (
    HELD_OUT,
    HeldOut,
    read_held_out,
    temperatures,
    write_held_out,
)

pytestmark = pytest.mark.train


def overconfident(count, factor, *, seed=0):
    """Logits that are ``factor`` times as sure as they should be, and rows with the truth."""
    draw = np.random.default_rng(seed)
    honest = draw.normal(0.0, 1.5, (count, 3))
    truth = [int(draw.choice(3, p=p)) for p in softmax(honest, 1.0)]
    rows = [
        HeldOut(text=str(n), cluster=n, truths={"sentiment": each}) for n, each in enumerate(truth)
    ]
    return honest * factor, rows


def test_a_head_that_is_too_sure_gets_the_temperature_that_mends_it():
    logits, rows = overconfident(600, 3.0)

    found = temperatures(rows, {"sentiment": logits})

    assert found["sentiment"] == pytest.approx(3.0, rel=0.2)
    again = temperatures(rows, {"sentiment": logits}, found)
    assert again == {} or again["sentiment"] == pytest.approx(found["sentiment"], rel=0.01)


def test_a_head_that_is_calibrated_or_hardly_known_keeps_its_own():
    logits, rows = overconfident(600, 1.0, seed=1)
    assert temperatures(rows, {"sentiment": logits}).get("sentiment", 1.0) == pytest.approx(
        1.0, abs=0.1
    )
    few, known = overconfident(15, 3.0)
    assert temperatures(known, {"sentiment": few}) == {}
    assert temperatures(known, {"topic": few}) == {}


def test_a_head_that_is_never_wrong_is_not_made_surer():
    logits, rows = overconfident(600, 1.0)
    right = [
        HeldOut(text=row.text, cluster=row.cluster, truths={"sentiment": int(best)})
        for row, best in zip(rows, logits.argmax(axis=1), strict=True)
    ]

    assert temperatures(right, {"sentiment": logits}) == {}


def test_one_text_many_times_is_one_witness():
    logits, rows = overconfident(600, 3.0)
    copies = [HeldOut(text=row.text, cluster=0, truths=row.truths) for row in rows]

    assert temperatures(copies, {"sentiment": logits}) == {}


def test_a_head_of_several_labels_is_a_choice_of_two_each():
    draw = np.random.default_rng(3)
    honest = draw.normal(0.0, 1.5, (400, 3))
    truth = draw.random(honest.shape) < 1 / (1 + np.exp(-honest))
    rows = [
        HeldOut(text=str(n), cluster=n, truths={"subjects": np.flatnonzero(line).tolist()})
        for n, line in enumerate(truth)
    ]

    found = temperatures(rows, {"subjects": honest * 2.5})

    assert found["subjects"] == pytest.approx(2.5, rel=0.2)


def test_a_run_fits_on_dev_and_keeps_the_rows(trained):
    directory, report = trained
    checkpoint = read_checkpoint(directory)
    rows = read_held_out(directory)

    assert checkpoint.temperatures == report.temperatures
    assert len(rows) == report.rows["dev"]
    assert all(row.truths["sentiment"] in {0, 1, 2} for row in rows)
    model = load_model(directory, checkpoint, attention="sdpa")
    tokenizer = load_tokenizer(directory / "tokenizer.json", checkpoint.max_tokens)
    tokens = tokenise(tokenizer, [row.text for row in rows])
    answers = predict(model, tokens, Hardware("cpu", 1, "fp32"))
    said = {name: np.asarray(logits) for name, logits in answers.items()}
    assert temperatures(rows, said) == checkpoint.temperatures
    truth = np.array([row.truths["sentiment"] for row in rows])
    served = checkpoint.temperatures.get("sentiment", 1.0)
    assert nll(said["sentiment"], truth, served) <= nll(said["sentiment"], truth)


def test_broken_rows_are_named_and_absent_ones_are_none(tmp_path):
    assert read_held_out(tmp_path) == []
    write_held_out(tmp_path, [HeldOut(text="a", cluster=1, truths={"x": 1, "y": [0, 2]})])
    assert read_held_out(tmp_path)[0].truths == {"x": 1, "y": [0, 2]}
    (tmp_path / HELD_OUT).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"held_out\.jsonl: cannot be read"):
        read_held_out(tmp_path)


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    """A bundle of a model that is twice as sure as the rows held out say that it may be."""
    folder = tmp_path_factory.mktemp("tempered")
    shutil.copytree(trained[0], folder / "checkpoint")
    checkpoint = read_checkpoint(trained[0])
    config = folder / "checkpoint" / "checkpoint.json"
    said = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**said, "temperatures": {"sentiment": 1.2}}), encoding="utf-8")
    texts = read_samples(trained[0])
    tokenizer = load_tokenizer(trained[0] / "tokenizer.json", checkpoint.max_tokens)
    model = load_model(trained[0], checkpoint, attention="sdpa")
    logits = predict(model, tokenise(tokenizer, texts), Hardware("cpu", 1, "fp32"))["sentiment"]
    draw = np.random.default_rng(0)
    truth = [int(draw.choice(3, p=p)) for p in softmax(np.asarray(logits), 4.0)]
    rows = [
        HeldOut(text=text, cluster=n, truths={"sentiment": each})
        for n, (text, each) in enumerate(zip(texts, truth, strict=True))
    ]
    write_held_out(folder / "checkpoint", rows)
    out = folder / "bundle"
    make_bundle(
        folder / "checkpoint",
        out,
        name="tempered",
        precisions=("int8-reduced",),
        created_at="2026-01-02T03:04:05Z",
        console=Console(quiet=True),
    )
    return out


def test_a_quantised_graph_has_a_temperature_of_its_own(bundle):
    manifest = load_manifest(bundle)
    (graph,) = manifest.graphs

    assert manifest.head("sentiment").temperature == 1.2
    assert graph.temperatures["sentiment"] == pytest.approx(4.0, rel=0.25)
    assert set(graph.temperatures) == {"sentiment"}


def test_it_is_served_at_its_temperature_and_passes_the_golden_texts(bundle):
    model = load(bundle, threads=1)
    golden = read_golden(bundle, model.manifest)
    texts = [row.text for row in golden]

    assert check_golden(model, golden)["sentiment"] < 0.02
    served = BundlePredictor(bundle, (), precision="", threads=1)
    logits = served.answer(texts).sentences["sentiment"]
    temperature = model.graph.temperatures["sentiment"]
    said = model.run(model.encode(texts)).heads["sentiment"]
    assert served.heads["sentiment"].temperature == temperature
    assert said == pytest.approx(softmax(logits, temperature), abs=0.02)
    assert (said.argmax(axis=1) == logits.argmax(axis=1)).all()
    assert said.max(axis=1).mean() < softmax(logits, 1.2).max(axis=1).mean()
