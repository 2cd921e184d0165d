"""The commands end to end: what is refused is one line with an exit code, and what runs leaves a checkpoint."""

import json
import sys

import pytest

from groundswell import cli
from groundswell.errors import InputError
from training.checkpoint import load_model, read_checkpoint, read_samples
from training.cli import recipe_of
from training.recipe import Recipe

pytestmark = pytest.mark.train


@pytest.fixture
def command(monkeypatch, capsys, encoder_dir):
    """Run `groundswell …` on the tiny encoder; return the exit code, stdout and stderr."""

    def command(*arguments):
        fixed = [
            "--encoder",
            encoder_dir,
            "--device",
            "cpu",
            "--threads",
            "1",
            "--precision",
            "fp32",
        ]
        monkeypatch.setattr(
            sys, "argv", ["groundswell", *map(str, [arguments[0], *fixed, *arguments[1:]])]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return command


@pytest.fixture
def data(write, rows_of):
    return write("rows.jsonl", rows_of(60))


TOKENS = ("--max-tokens", "32")


def test_train_writes_a_checkpoint_and_prints_its_report(command, write, rows_of, tmp_path):
    first, second = write("a.jsonl", rows_of(60)), write("b.jsonl", rows_of(60, seed=1))
    out = tmp_path / "out"

    code, said, _ = command(
        "train", "--data", first, second, "--out", out, "--epochs", 1, *TOKENS, "--strategy", "full"
    )

    assert code == 0
    assert "# Training report" in said
    assert set(read_checkpoint(out).data) == {"a", "b"}
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--freeze", "half"), "--freeze half: must be none, embeddings, gradual, or layers:N"),
        (("--split-by", "luck"), "--split-by luck: must be one of cluster, time"),
        (("--device", "tpu"), "--device tpu: must be one of auto, cpu, cuda"),
        (("--precision", "fp8"), "--precision fp8: must be one of auto, fp32, bf16"),
        (("--strategy", "luck"), "--strategy luck: must be auto, zero-shot, few-shot, lora, full"),
        (("--set", "speed=3"), "--set speed=3: must be NAME=VALUE with one of accumulate, average"),
        (("--set", "r_drop"), "--set r_drop: must be NAME=VALUE"),
        (("--set", "r_drop=much"), "the recipe: Expected `float`"),
        (("--set", "dropout=2"), "the recipe: Expected `float` <= 1.0 - at `$.dropout`"),
        (("--set", "optimiser=adam"), "the recipe: Invalid enum value 'adam'"),
        (("--learning-rate", "0"), "the recipe: Expected `float` > 0.0 - at `$.learning_rate`"),
        (("--max-tokens", "128"), "--max-tokens 128: the encoder reads 64"),
        (("--function", "nowhere.yaml"), "nowhere.yaml"),
        (("--card", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("--snapshot", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--recipe", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_a_bad_option_is_one_line(command, data, tmp_path, options, message):
    code, out, err = command(
        "train", "--data", data, "--out", tmp_path / "out", *TOKENS, "--strategy", "full", *options
    )

    assert code == 2
    assert message in err
    assert "Traceback" not in out + err
    assert not (tmp_path / "out").exists()


BAD_ROWS = {
    "not JSON": ("{", "rows.jsonl:61: not JSON"),
    "no text": ('{"sentiment": "positive"}', "rows.jsonl:61"),
    "unknown label": ('{"text": "a", "sentiment": "great"}', "rows.jsonl:61"),
    "not an object": ("[1]", "rows.jsonl:61"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_by_its_line(command, data, tmp_path, name):
    row, message = BAD_ROWS[name]
    with data.open("a", encoding="utf-8") as file:
        file.write(row + "\n")

    code, out, err = command("train", "--data", data, "--out", tmp_path / "out", *TOKENS)

    assert code == 2
    assert message in err
    assert "Traceback" not in out + err


def test_rows_of_one_label_alone_are_refused(command, write, rows_of, tmp_path):
    rows = [row | {"sentiment": "positive"} for row in rows_of(60, topics=False)]

    code, _, err = command(
        "train", "--data", write("rows.jsonl", rows), "--out", tmp_path / "out", *TOKENS
    )

    assert code == 2
    assert "sentiment: the training rows hold positive alone; give rows of at least 2" in err


def test_a_licence_that_is_not_allowed_is_refused_until_it_is(command, data, tmp_path):
    card = data.with_name("rows.jsonl.card.yaml")
    card.write_text("name: rows\nlicence: CC-BY-NC-4.0\n", encoding="utf-8")
    start = ("train", "--data", data, "--out", tmp_path / "out", *TOKENS, "--strategy", "full")

    code, _, err = command(*start)
    assert code == 2
    assert "licence 'CC-BY-NC-4.0' is not on the allow-list" in err
    code, said, _ = command(*start, "--epochs", 1, "--allow-licence", "CC-BY-NC-4.0")
    assert code == 0
    assert "rows (CC-BY-NC-4.0)" in said


def test_an_out_that_is_no_checkpoint_is_refused_before_anything_is_read(command, tmp_path):
    (tmp_path / "diary.txt").write_text("dear", encoding="utf-8")

    code, _, err = command("train", "--data", tmp_path / "nowhere.jsonl", "--out", tmp_path)

    assert code == 2
    assert "exists and is no checkpoint; choose another --out" in err
    assert (tmp_path / "diary.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --data, or a --function whose own examples are enough"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
        (
            ("--function", "sentiment", "--strategy", "full"),
            "--strategy full needs rows to train on",
        ),
        (("--function", "sentiment", "--strategy", "few-shot"), "few-shot needs rows to train on"),
        (("--function", "entities"), "entities finds stretches of text, which needs rows"),
    ],
)
def test_what_there_is_nothing_to_train_on_for_is_said(command, tmp_path, arguments, message):
    code, _, err = command("train", "--out", tmp_path / "out", *TOKENS, *arguments)

    assert code == 2
    assert message in err


def test_a_loss_that_runs_away_stops_with_code_3(command, data, tmp_path):
    code, _, err = command(
        "train", "--data", data, "--out", tmp_path / "out", *TOKENS, "--strategy", "full",
        "--epochs", 4, "--learning-rate", "1e30",
    )  # fmt: skip

    assert code == 3
    assert "the weights have run away; train with a lower --learning-rate than 1e+30" in err


def test_a_function_without_data_is_a_zero_shot_checkpoint(command, tmp_path):
    file = tmp_path / "mood.yaml"
    file.write_text(MOOD, encoding="utf-8")
    out = tmp_path / "out"

    code, said, _ = command("train", "--function", file, "--out", out, *TOKENS)

    assert code == 0
    assert "Strategy zero-shot: mood has 0 labelled rows a label (the median)" in said
    checkpoint = read_checkpoint(out)
    assert checkpoint.strategy == "zero-shot"
    assert load_model(out, checkpoint, attention="eager").heads
    # What an exporter compares on is what the function says.
    assert read_samples(out) == ["profit", "record profit rose", "a loss was booked"]


MOOD = """
name: mood
version: 1
description: Mood.
field: mood
labels:
  - {name: good, description: profit, examples: [record profit rose]}
  - {name: bad, description: a loss was booked}
"""


@pytest.mark.parametrize("labels", ["[{name: good}, {name: bad, description: loss}]", "[]"])
def test_a_label_that_says_nothing_is_refused(command, tmp_path, labels):
    file = tmp_path / "mood.yaml"
    file.write_text(MOOD.partition("labels:")[0] + f"labels: {labels}\n", encoding="utf-8")

    code, _, err = command("train", "--function", file, "--out", tmp_path / "out", *TOKENS)

    assert code == 2
    assert "mood.yaml" in err
    assert "labels" in err


def test_a_recipe_file_is_overruled_by_options(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text('{"epochs": 7, "r_drop": 0.5, "seed": 3}', encoding="utf-8")

    assert recipe_of(file, (), epochs=None) == Recipe(epochs=7, r_drop=0.5, seed=3)
    assert recipe_of(file, ["r_drop=1"], epochs=2) == Recipe(epochs=2, r_drop=1.0, seed=3)
    assert recipe_of(None, ()) == Recipe()
    for content in ('{"speed": 1}', "[", '{"epochs": -1}'):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=r"recipe\.json: not a recipe"):
            recipe_of(file, ())


def test_tune_writes_what_train_reads(command, data, tmp_path):
    out, made = tmp_path / "search", tmp_path / "made"

    code, said, _ = command(
        "tune", "--data", data, "--out", out, "--trials", 2, "--strategy", "full",
        "--set", "epochs=1", "--set", "max_tokens=32", "--share", 0.5,
    )  # fmt: skip
    assert code == 0
    assert said.startswith("| trial | dev | learning_rate |")
    code, _, _ = command(
        "train", "--data", data, "--out", made, "--recipe", out / "best.json",
        "--strategy", "full", "--epochs", 1,
    )  # fmt: skip

    assert code == 0
    trained = json.loads((made / "report.json").read_text("utf-8"))["recipe"]
    assert trained == json.loads((out / "best.json").read_text("utf-8")) | {"epochs": 1}
