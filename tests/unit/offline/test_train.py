"""The whole run: report, checkpoint, and what the command refuses."""

import json
import shutil

import pytest
import torch
import typer
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from groundswell.errors import InputError
from training.checkpoint import (
    CONFIG,
    SAMPLES,
    WEIGHTS,
    load_model,
    read_checkpoint,
    read_samples,
    write_checkpoint,
)
from training.cli import train
from training.encode import load_tokenizer, tokenise
from training.evaluate import predict
from training.hardware import Hardware, choose, read_cpu_flags, seconds_a_step

pytestmark = pytest.mark.train


def test_the_report_says_what_was_measured(trained):
    directory, report = trained
    written = json.loads((directory / "report.json").read_text("utf-8"))

    assert written["command"] == "groundswell train"
    assert written["rows"] == report.rows
    assert set(report.test) == set(report.baseline) == {"sentiment", "topic"}
    assert report.test["sentiment"].macro_f1 > 0.8
    assert report.best_step in {e.step for e in report.history}
    text = (directory / "report.md").read_text("utf-8")
    assert "| sentiment | test | 60 |" in text
    assert "## topic, held out" in text


def test_the_checkpoint_comes_back_as_it_was(trained):
    directory, report = trained
    checkpoint = read_checkpoint(directory)
    model = load_model(directory, checkpoint, attention="eager")
    samples = read_samples(directory)
    tokenizer = load_tokenizer(directory / "tokenizer.json", checkpoint.max_tokens)

    logits = predict(model, tokenise(tokenizer, samples), Hardware("cpu", 1, "fp32"))

    assert [f.name for f in checkpoint.functions] == ["sentiment", "topic"]
    assert checkpoint.data == dict(report.data)
    assert logits["sentiment"].shape == (len(samples), 3)
    assert checkpoint.metrics["sentiment test"]["macro_f1"] == round(
        report.test["sentiment"].macro_f1, 4
    )


def test_a_directory_of_something_else_is_not_replaced(trained, tmp_path):
    directory, _ = trained
    (tmp_path / "diary.txt").write_text("dear", encoding="utf-8")
    checkpoint = read_checkpoint(directory)
    model = load_model(directory, checkpoint, attention="eager")

    with pytest.raises(InputError, match="is no checkpoint; choose another --out"):
        write_checkpoint(tmp_path, checkpoint, model, directory / "tokenizer.json", [], print)
    assert (tmp_path / "diary.txt").exists()


def test_a_failed_report_leaves_the_earlier_checkpoint(trained, tmp_path):
    directory, _ = trained
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    checkpoint = read_checkpoint(copy)
    model = load_model(copy, checkpoint, attention="eager")

    def fail(_directory):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(copy, checkpoint, model, copy / "tokenizer.json", [], fail)
    assert read_checkpoint(copy) == checkpoint
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


def _no_config(path):
    (path / CONFIG).unlink()


def _broken_config(path):
    (path / CONFIG).write_text("{", encoding="utf-8")


def _other_text_version(path):
    config = json.loads((path / CONFIG).read_text("utf-8"))
    (path / CONFIG).write_text(json.dumps({**config, "text_version": 99}), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_config, "no checkpoint"),
        (_broken_config, "checkpoint.json"),
        (_other_text_version, "text version 99"),
    ],
)
def test_a_broken_checkpoint_is_named(trained, tmp_path, damage, message):
    copy = tmp_path / "copy"
    shutil.copytree(trained[0], copy)
    damage(copy)

    with pytest.raises(InputError, match=message):
        read_checkpoint(copy)


def test_weights_of_another_shape_and_lost_samples_are_refused(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained[0], copy)
    weights = load_file(copy / WEIGHTS)
    save_file({**weights, "heads.topic.bias": torch.zeros(7)}, copy / WEIGHTS)
    (copy / SAMPLES).unlink()

    with pytest.raises(InputError, match="not the weights of this checkpoint"):
        load_model(copy, read_checkpoint(copy), attention="eager")
    with pytest.raises(InputError, match="samples"):
        read_samples(copy)


def test_the_command_trains_and_prints_its_report(encoder_dir, rows_of, write, tmp_path):
    first, second = write("a.jsonl", rows_of(60)), write("b.jsonl", rows_of(60, seed=1))
    options = ["--encoder", str(encoder_dir), "--epochs", "1", "--max-tokens", "32"]
    fixed = ["--threads", "1", "--precision", "fp32", "--device", "cpu"]
    app = typer.Typer()
    app.command()(train)

    done = CliRunner().invoke(
        app, ["--data", str(first), str(second), "--out", str(tmp_path / "out"), *options, *fixed]
    )

    assert done.exit_code == 0, done.output
    assert "# Training report" in done.output
    assert set(read_checkpoint(tmp_path / "out").data) == {"a.jsonl", "b.jsonl"}


@pytest.mark.parametrize(
    ("option", "value"), [("freeze", "half"), ("device", "tpu"), ("precision", "fp8")]
)
def test_the_command_names_a_bad_choice(tmp_path, option, value):
    with pytest.raises(InputError, match=f"--{option} {value}: must be one of"):
        train(data=[], out=tmp_path, **{option: value})


def test_more_tokens_than_the_encoder_reads_are_refused(encoder_dir, rows_of, write, tmp_path):
    data = [write("a.jsonl", rows_of(60))]

    with pytest.raises(InputError, match="the encoder reads 64"):
        train(data=data, out=tmp_path / "out", encoder=str(encoder_dir), max_tokens=128)


def test_the_faster_hardware_is_chosen(trained, monkeypatch):
    model = load_model(trained[0], read_checkpoint(trained[0]), attention="sdpa")
    took = {"fp32": 2.0, "bf16": 1.0}
    monkeypatch.setattr("training.hardware.seconds_a_step", lambda _m, h: took[h.precision])
    fast, slow = frozenset({"avx512_bf16"}), frozenset({"avx2"})

    def chosen(flags, precision="auto"):
        found = choose(model, device="cpu", threads=1, precision=precision, cpu_flags=flags)
        return found.precision

    assert chosen(fast) == "bf16"
    assert chosen(slow) == "fp32"
    assert chosen(slow, "bf16") == "bf16"


def test_timing_a_step_leaves_no_trace(trained):
    model = load_model(trained[0], read_checkpoint(trained[0]), attention="sdpa")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    ticks = iter([0.0, 9.0, 10.0, 12.0, 20.0, 25.0])

    assert seconds_a_step(model, Hardware("cpu", 1, "fp32"), lambda: next(ticks)) == 2.0
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_cpu_flags_are_read(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor: 0\nflags\t\t: fpu avx2\n", encoding="utf-8")

    assert read_cpu_flags(path) == {"fpu", "avx2"}
    assert read_cpu_flags(tmp_path / "none") == frozenset()
