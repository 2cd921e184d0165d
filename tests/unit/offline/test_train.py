"""The whole run: report, checkpoint, and what the command refuses."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundswell.errors import CannotContinue, InputError
from tests.train_world import QUIET, recipe, said_by
from training.checkpoint import (
    CONFIG,
    SAMPLES,
    WEIGHTS,
    load_model,
    read_checkpoint,
    read_samples,
    write_checkpoint,
)
from training.encode import load_tokenizer, tokenise
from training.hardware import Hardware, choose, read_cpu_flags, seconds_a_step
from training.train import run

pytestmark = pytest.mark.train


def test_the_report_says_what_was_measured(trained):
    directory, report = trained
    written = json.loads((directory / "report.json").read_text("utf-8"))

    assert written["command"] == "groundswell train"
    again = f"groundswell train --out {directory} --snapshot {directory / 'snapshot.json'}"
    assert written["again"] == again
    assert written["licences"] == {"rows": "own"}
    assert (written["strategy"], written["processes"]) == ("full", 1)
    assert written["rows"] == report.rows
    assert set(report.test) == set(report.baseline) == {"sentiment", "topic"}
    assert report.test["sentiment"]["macro_f1"] > 0.8
    assert {path.name for path in directory.iterdir()} >= {"review.jsonl", "snapshot.json"}
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

    tokens = tokenise(tokenizer, samples, checkpoint.token_types)
    logits = said_by(model, tokens, "sentiment")

    assert [f.name for f in checkpoint.functions] == ["sentiment", "topic"]
    assert checkpoint.data == dict(report.data)
    assert logits.shape == (len(samples), 3)
    assert checkpoint.metrics["sentiment test"]["macro_f1"] == round(
        report.test["sentiment"]["macro_f1"], 4
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

    with pytest.raises(CannotContinue, match=r"cannot be written \(disk full\); make room"):
        write_checkpoint(copy, checkpoint, model, copy / "tokenizer.json", [], fail)
    assert read_checkpoint(copy) == checkpoint
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


def test_a_full_disk_leaves_the_earlier_checkpoint(trained, tmp_path, small_disk):
    copy = tmp_path / "copy"
    shutil.copytree(trained[0], copy)
    checkpoint = read_checkpoint(copy)
    model = load_model(copy, checkpoint, attention="eager")

    with small_disk(20_000), pytest.raises(CannotContinue, match="copy: the checkpoint cannot be"):
        write_checkpoint(copy, checkpoint, model, copy / "tokenizer.json", [], lambda _: None)

    assert load_model(copy, read_checkpoint(copy), attention="eager").heads
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


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


def test_a_run_that_is_taken_up_keeps_the_hardware_that_was_measured(
    plan_of, write, rows_of, tmp_path, monkeypatch
):
    data, out, how = write("rows.jsonl", rows_of(60)), tmp_path / "out", recipe(epochs=1)
    progress = tmp_path / ".out.progress.safetensors"

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.train._write", killed)
    with pytest.raises(KeyboardInterrupt):
        run(plan_of(data, threads=3, precision="auto", save_every=0.0), how, out, QUIET)
    assert progress.exists()
    monkeypatch.undo()
    monkeypatch.setattr("training.hardware.seconds_a_step", lambda *_: 0.0)
    report = run(plan_of(data, threads=0, precision="auto"), how, out, QUIET)

    # Nobody would have measured three threads here.
    assert report.hardware.threads == 3
    assert not progress.exists()
    torch.set_num_threads(1)


def test_progress_of_another_command_is_refused(plan_of, write, rows_of, tmp_path):
    progress = tmp_path / ".out.progress.safetensors"
    said = json.dumps({"fingerprint": "another"})
    save_file({"nothing": torch.zeros(1)}, progress, {"progress": said})

    with pytest.raises(
        InputError, match=r"out\.progress\.safetensors: left by a run with other data"
    ):
        run(plan_of(write("rows.jsonl", rows_of(60))), recipe(epochs=1), tmp_path / "out", QUIET)
