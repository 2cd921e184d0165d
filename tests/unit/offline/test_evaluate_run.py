"""The whole evaluation of a checkpoint and of a bundle, and all that can be wrong with what it is given."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from groundswell.errors import InputError
from groundswell.models.bundle import EncoderSource, sha256_of
from groundswell.tasks import Direction, Function, Label
from training.evaluation.figures import Evaluation
from training.evaluation.material import recorded_files
from training.evaluation.predictors import About
from training.evaluation.run import Plan, open_model, run

pytestmark = pytest.mark.train

TINY = Path(__file__).parents[2] / "data" / "tiny-bundle"


def labels(*names):
    return tuple(Label(name=name, description=name) for name in names)


TONE = Function(
    name="sentiment",
    version=1,
    description="tone",
    field="sentiment",
    labels=labels("negative", "neutral", "positive"),
    slices=("channel",),
    invariance=("company_names", "person_names", "add_url", "upper_case"),
    directions=tuple(
        Direction(name=f"from_{tone}", given=tone, replace={"company": "fraud", "group": "loss"})
        for tone in ("negative", "neutral", "positive")
    ),
)
NAMES = Function(
    name="names",
    version=1,
    description="names",
    field="entities",
    output="tokens",
    labels=labels("ORG", "PER"),
    primary="entity_f1",
)
THEMES = Function(
    name="themes",
    version=1,
    description="themes",
    field="themes",
    output="several",
    labels=labels("a", "b"),
)
FUNCTIONS = (NAMES, TONE, THEMES)


@pytest.fixture(scope="module")
def data(tmp_path_factory, rows_of):
    folder = tmp_path_factory.mktemp("data")
    for name, seed in (("rows", 1), ("trained", 2)):
        rows = rows_of(80, seed=seed, topics=False)
        for place, row in enumerate(rows):
            first = row["text"].split()[0]
            row["entities"] = [{"text": first, "type": "ORG", "start": 0, "end": len(first)}]
            row["themes"] = ["a", "b"][: place % 3]
            row["agreement"] = 50 + 50 * (place % 2)
            row["channel"] = "post" if place % 4 else "news"
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, encoder_dir, data):
    """A checkpoint with random weights and a head of each kind."""
    import torch

    from groundswell.shape import SHAPES
    from training.checkpoint import Checkpoint, write_checkpoint
    from training.model import build

    out = tmp_path_factory.mktemp("checkpoints") / "tried"
    config = json.loads((encoder_dir / "config.json").read_text("utf-8"))
    torch.manual_seed(4)
    model = build(
        config,
        {f.name: len(f.outputs) for f in FUNCTIONS},
        token_heads=["names"],
        token_types=SHAPES,
    )
    with torch.no_grad():
        for head in model.heads.values():
            dict(head.named_parameters())["weight"].mul_(40)
    made = Checkpoint(
        functions=FUNCTIONS,
        max_tokens=32,
        max_chars=400,
        token_types="shape",  # noqa: S106 - tokens of text
        languages=("en",),
        encoder=EncoderSource(name="tiny", sha256="0" * 64, licence="Apache-2.0"),
        encoder_config=config,
        data={"trained": sha256_of(data / "trained.jsonl")},
        metrics={},
        command=f"groundswell train --data {data / 'trained.jsonl'} --out {out}",
    )
    write_checkpoint(out, made, model, encoder_dir / "tokenizer.json", [], lambda _: None)
    return out


@pytest.fixture(scope="module")
def report(checkpoint, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "one"
    plan = Plan(
        model=checkpoint,
        data=(str(data / "rows.jsonl"),),
        against=checkpoint,
        most=20,
        command="groundswell evaluate",
    )
    return run(plan, out), out


def test_the_files_say_what_was_measured(report):
    found, out = report

    read = msgspec.json.decode((out / "report.json").read_bytes(), type=Evaluation)
    assert read == found
    text = (out / "report.md").read_text("utf-8")
    for head in found.heads:
        assert f"## {head.name}" in text
        for picture in found.pictures[head.name]:
            assert picture in text
            assert (out / picture).read_bytes().startswith(b"\x89PNG")
    named = {name for names in found.pictures.values() for name in names}
    assert {path.name for path in out.iterdir()} == named | {"report.md", "report.json"}


def test_every_kind_of_head_is_measured(report):
    heads = {head.name: head for head in report[0].heads}

    assert list(heads) == ["names", "sentiment", "themes"]
    assert {head.scores.rows for head in heads.values()} == {80}
    tone = heads["sentiment"]
    assert np.array(tone.confusion).sum() == 80
    assert tone.calibration
    assert tone.coverage
    assert tone.faithfulness
    assert tone.faithfulness.rows == 20
    tests = {test.name: test for test in tone.behaviour}
    assert tests["add_url"].same == tests["add_url"].tried == 20
    assert tests["add_url"].failures == 0
    assert tests["company_names"].same == 0
    assert "person_names: no text to change" in tone.notes
    assert {s.by for s in tone.slices.slices} >= {"channel", "agreement"}
    assert heads["names"].by_token
    assert heads["names"].by_token.own == 0
    assert heads["themes"].calibration
    assert heads["themes"].calibration.rows == 160
    assert "faithfulness: the model explains no answer of this head" in heads["themes"].notes


def test_the_training_rows_are_found_by_their_hash(report):
    found, _ = report
    tone = found.heads[1]

    assert [each.name for each in found.train_data] == ["trained"]
    assert tone.baseline
    assert tone.baseline.scores.accuracy.value > 0.9  # the tone hangs on single words
    assert tone.baseline.paired.accuracy.high < 0.0
    assert tone.neighbours
    assert tone.neighbours.rows == 80


def test_a_model_does_not_differ_from_itself(report):
    for head in report[0].heads:
        assert head.against
        assert head.against.paired.p == 1.0
        assert head.against.agreement.value == 1.0
        assert head.against.paired.macro_f1.low == head.against.paired.macro_f1.high == 0.0


def test_the_same_again_gives_the_same(report, checkpoint, data, tmp_path):
    plan = Plan(
        model=checkpoint, data=(str(data / "rows.jsonl"),), against=checkpoint, most=20,
        command="groundswell evaluate",
    )  # fmt: skip

    again = run(plan, tmp_path / "two")

    assert msgspec.structs.replace(again, speed=report[0].speed) == report[0]


def test_the_answers_are_those_of_the_model(checkpoint):
    import torch

    from training.encode import load_tokenizer, pad, tokenise
    from training.evaluation.trained import CheckpointPredictor

    asked = open_model(checkpoint, (), precision="", device="cpu", threads=1)
    assert isinstance(asked, CheckpointPredictor)
    texts = ["profit rose today", "the company", "", "fraud in the north group said"]
    answers = asked.answer(texts, explain=True)
    tokenizer = load_tokenizer(checkpoint / "tokenizer.json", 32)

    for place, text in enumerate(texts):
        [row] = tokenise(tokenizer, [text], "shape")
        with torch.inference_mode():
            said = asked._model(**pad([row]))
        assert answers.sentences["sentiment"][place] == pytest.approx(
            said["sentiment"][0].numpy(), abs=1e-4
        )
        count = len(text.split())
        assert answers.tokens["names"][place].shape == (count, 5)
        bias = dict(asked._model.heads["sentiment"].named_parameters())["bias"].detach().numpy()
        ends = said["contributions"][0, [0, -1]].sum(dim=0).numpy()  # [CLS] and [SEP]
        whole = answers.contributions[place].sum(axis=0) + bias + ends
        assert whole == pytest.approx(said["sentiment"][0].numpy(), abs=1e-4)


def test_a_bundle_is_measured_without_its_functions_file(data, tmp_path):
    found = run(
        Plan(model=TINY, data=(str(data / "rows.jsonl"),), functions=("sentiment",), most=5),
        tmp_path / "r",
    )

    assert found.model.kind == "bundle"
    assert found.bytes == sum(found.model.files.values()) > 0
    assert found.heads[0].baseline is None
    assert any("--train-data" in note for note in found.notes)


def test_a_card_brings_other_names_to_the_heads(checkpoint, write, tmp_path):
    rows = [
        {"text": f"profit rose {n}", "mood": "bullish" if n % 2 else "bearish"} for n in range(6)
    ]
    card = tmp_path / "card.yaml"
    card.write_text(
        "name: moods\nfor: moods.jsonl\nlicence: own\nfields: {sentiment: mood}\n"
        "labels: {sentiment: {bullish: positive, bearish: negative}}\n"
    )

    found = run(
        Plan(model=checkpoint, data=(str(write("moods.jsonl", rows)),), cards=(card,), most=5),
        tmp_path / "r",
    )

    assert [head.name for head in found.heads] == ["sentiment"]
    assert found.heads[0].scores.support == (3, 0, 3)
    assert found.data[0].licence == "own"
    assert any(note.startswith("themes: no row has a label") for note in found.notes)


def refused(plan, out):
    with pytest.raises(InputError) as raised:
        run(plan, out)
    assert not out.exists() or not (out / "report.json").exists()
    return str(raised.value)


@pytest.mark.parametrize(
    ("rows", "functions", "message"),
    [
        ([], (), "hold no row"),
        ([{"text": "profit rose"}], (), "no row has a label in field 'sentiment'"),
        ([{"text": "a", "sentiment": "bullish"}], (), "are of another set"),
        (
            [{"text": "a", "sentiment": "bullish"}],
            ("sentiment",),
            "knows negative, neutral, positive",
        ),
        ([{"text": "a", "sentiment": "negative"}], ("mood",), "has no head mood; it has names"),
        ([{"text": "a", "sentiment": "negative"}], ("themes",), "themes: no row has a label"),
        (
            [{"text": "a", "sentiment": "negative"}, {"text": "b", "sentiment": "nagative"}],
            (),
            "rows.jsonl:2: sentiment is 'nagative'",
        ),
        ([{"sentiment": "negative"}], (), "rows.jsonl:1: neither text"),
    ],
)
def test_data_that_cannot_judge_the_model_is_refused(
    checkpoint, write, tmp_path, rows, functions, message
):
    plan = Plan(model=checkpoint, data=(str(write("rows.jsonl", rows)),), functions=functions)

    assert message in refused(plan, tmp_path / "r")


def test_one_row_and_one_label_are_enough(checkpoint, write, tmp_path):
    rows = [{"text": "profit", "sentiment": "negative"}]

    found = run(Plan(model=checkpoint, data=(str(write("rows.jsonl", rows)),)), tmp_path / "r")

    assert found.heads[0].scores.rows == 1
    assert "faithfulness: no text has 5 words" in found.heads[0].notes


def test_a_function_with_other_labels_than_the_head_is_refused(checkpoint, data, tmp_path):
    file = tmp_path / "tone.yaml"
    file.write_text(
        "name: sentiment\nversion: 1\ndescription: d\nfield: sentiment\n"
        "labels: [{name: bad, description: d}, {name: good, description: d}]\n"
    )
    plan = Plan(model=checkpoint, data=(str(data / "rows.jsonl"),), functions=(str(file),))

    assert "declares bad, good; tried was trained on negative" in refused(plan, tmp_path / "r")


def test_what_is_there_is_not_written_over(checkpoint, data, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    plan = Plan(model=checkpoint, data=(str(data / "rows.jsonl"),))

    assert "exists and is no report" in refused(plan, tmp_path)
    assert "choose another --out" in refused(plan, checkpoint)
    assert (checkpoint / "checkpoint.json").is_file()


def test_labels_that_no_row_has_are_named_and_not_shown(checkpoint, write, tmp_path):
    rows = [{"text": "profit rose", "sentiment": "neutral"}] * 3
    found = run(Plan(model=checkpoint, data=(str(write("rows.jsonl", rows)),)), tmp_path / "r")
    given = {
        n
        for n, column in enumerate(zip(*(found.heads[0].confusion or ()), strict=True))
        if any(column)
    }

    text = (tmp_path / "r" / "report.md").read_text("utf-8")

    unseen = [name for n, name in enumerate(TONE.label_names) if n not in given | {1}]
    assert f"Neither true of any row nor given to one: {', '.join(unseen)}." in text
    assert not any(f"| {name} |" in text for name in unseen)


def test_the_command_prints_the_report_or_one_line(checkpoint, data, tmp_path, capsys, monkeypatch):
    from groundswell import cli

    rows, out = str(data / "rows.jsonl"), str(tmp_path / "r")
    for arguments, code in (([], 0), (["--function", "mood"], 2), (["--device", "tpu"], 2)):
        command = [
            "groundswell",
            "evaluate",
            str(checkpoint),
            "--data",
            rows,
            "--out",
            out,
            "--most",
            "2",
        ]
        monkeypatch.setattr("sys.argv", [*command, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert ended.value.code == code
        if code:
            assert said.err.startswith("groundswell: ")
            assert "Traceback" not in said.err
        else:
            assert said.out.startswith("# Evaluation report")


def test_models_that_are_none_are_named(data, tmp_path):
    rows = (str(data / "rows.jsonl"),)

    assert "no such directory" in refused(Plan(model=tmp_path / "x", data=rows), tmp_path / "r")
    assert "no checkpoint" in refused(Plan(model=data, data=rows), tmp_path / "r")
    message = refused(Plan(model=TINY, data=rows, precision="int8"), tmp_path / "r")
    assert "has fp32; choose one of them" in message


def test_a_model_that_answers_nan_is_refused(checkpoint, data, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken)
    weights = load_file(broken / "model.safetensors")
    weights["heads.names.bias"][0] = torch.nan
    save_file(weights, broken / "model.safetensors")

    message = refused(Plan(model=broken, data=(str(data / "rows.jsonl"),)), tmp_path / "r")

    assert "broken: answers NaN or infinity to" in message
    assert "rows.jsonl:1" in message


def test_recorded_files_must_be_unchanged(tmp_path):
    kept, changed = tmp_path / "kept.jsonl", tmp_path / "changed.jsonl"
    kept.write_text("a")
    changed.write_text("b")
    about = About(
        name="m",
        kind="checkpoint",
        precision="fp32",
        threads=1,
        files={},
        data={"kept": sha256_of(kept), "changed": "0" * 64},
        command=f"groundswell train --data {kept}:train --data {changed} --data {tmp_path}/gone.jsonl",
    )

    assert recorded_files(about) == [f"{kept}:train"]
