"""All that can be wrong with what an evaluation is given, and the least that is enough."""

from pathlib import Path

import pytest

from groundswell.errors import InputError
from groundswell.models.bundle import sha256_of
from tests.evaluation_world import TONE, make_checkpoint, make_data
from training.evaluation.material import recorded_files
from training.evaluation.predictors import About
from training.evaluation.run import Plan, run

pytestmark = pytest.mark.train

TINY = Path(__file__).parents[2] / "data" / "tiny-bundle"


@pytest.fixture(scope="module")
def data(tmp_path_factory, rows_of):
    return make_data(tmp_path_factory.mktemp("data"), rows_of)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, encoder_dir, data):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tried", encoder_dir, data)


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
