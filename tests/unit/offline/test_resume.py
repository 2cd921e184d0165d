"""A run that was killed at any step, and taken up again, ends with the very same weights."""

import random

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundswell.errors import CannotContinue, InputError
from tests.train_world import (
    CPU,
    QUIET,
    SENTIMENT,
    TOPIC,
    encoded,
    fresh,
    recipe,
    same,
    weights_of,
)
from training.hardware import Hardware
from training.loop import fit
from training.progress import Keeper, earlier
from training.strategies.lora import inject, merge

pytestmark = pytest.mark.train

FUNCTIONS = (SENTIMENT, TOPIC)


class Killed(Exception):
    """What ends a run from outside."""


@pytest.fixture
def run(encoder_dir, rows_of, tmp_path):
    """Run to the end, or die after a step; return the weights, what was fitted, and the steps done."""
    rows = encoded(encoder_dir, rows_of(40), FUNCTIONS)
    dev = encoded(encoder_dir, rows_of(24, seed=7), FUNCTIONS)

    def run(
        name=None, *, dies=0, seconds=0.0, clock=None, fingerprint="this", lora=False, **changes
    ):
        how = recipe(**{"batch": 8, "dropout": 0.2, "average": 2, **changes})
        model = fresh(encoder_dir, FUNCTIONS, how)
        if lora:
            inject(model, rank=2, alpha=4, dropout=how.dropout)
        path = None if name is None else tmp_path / name
        keeper = Keeper(path, fingerprint, seconds, clock or (lambda: 0.0))
        steps = []

        def after_step(step):
            steps.append(step)
            if step == dies:
                raise Killed

        fitted = fit(
            model, FUNCTIONS, rows, dev, how, CPU, QUIET, keeper=keeper, after_step=after_step
        )
        if lora:
            merge(model, rows.rows[:4])
        return weights_of(model), fitted, steps

    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "sgd"},
        {"lora": True},
        {"average": 3, "freeze": "gradual", "r_drop": 0.5, "fgm": 0.2},
        {"balance": 0.3, "accumulate": 2, "class_weights": "sqrt", "layer_decay": 0.8},
    ],
    ids=["adamw", "sgd", "lora", "average", "parts"],
)
def test_a_killed_run_goes_on_as_if_nothing_had_been(run, changes):
    whole, fitted, steps = run(**changes)
    # The seed moves the kill about; one kill before the first evaluation, one anywhere.
    draw = random.Random(str(changes))
    first, second = 1, draw.randrange(2, len(steps) - 1)

    for dies in (first, second):
        with pytest.raises(Killed):
            run("kept", dies=dies, **changes)
    again, taken_up, rest = run("kept", **changes)

    assert rest == list(range(second + 1, len(steps) + 1))
    assert same(whole, again)
    assert taken_up == fitted


def test_a_run_killed_long_after_its_last_save_repeats_the_steps_between(run):
    whole, fitted, steps = run()
    ticks = iter(range(1000))

    with pytest.raises(Killed):
        run("kept", dies=9, seconds=8.0, clock=lambda: float(next(ticks)))
    again, taken_up, rest = run("kept")

    assert 1 < rest[0] <= 9
    assert rest[-1] == steps[-1]
    assert same(whole, again)
    assert taken_up == fitted


def test_a_run_that_had_ended_trains_no_further(run):
    whole, fitted, _ = run("kept")

    again, taken_up, steps = run("kept")

    assert steps == []
    assert same(whole, again)
    assert taken_up == fitted


def test_a_run_that_had_lost_patience_stays_ended(run):
    changes = {"epochs": 6, "evaluations": 4, "patience": 1, "learning_rate": 1e-9}
    whole, fitted, _ = run("kept", **changes)

    again, taken_up, steps = run("kept", **changes)

    assert len(fitted.history) == 2
    assert steps == []
    assert same(whole, again)
    assert taken_up == fitted


def test_progress_of_another_run_is_refused(run, tmp_path):
    with pytest.raises(Killed):
        run("kept", dies=2)
    before = (tmp_path / "kept").read_bytes()

    with pytest.raises(InputError, match=r"kept: left by a run with other data, .* or remove it"):
        run("kept", fingerprint="another")
    assert (tmp_path / "kept").read_bytes() == before


def test_what_is_no_progress_is_refused(run, tmp_path):
    (tmp_path / "torn").write_bytes(b"\x99" * 40)
    save_file({"a": torch.zeros(1)}, tmp_path / "weights")

    for name in ("torn", "weights"):
        with pytest.raises(InputError, match=f"{name}: cannot be read .*; remove it to begin anew"):
            run(name)
        assert earlier(tmp_path / name) is None


def test_the_hardware_that_was_measured_is_kept(encoder_dir, rows_of, tmp_path):
    rows = encoded(encoder_dir, rows_of(8), FUNCTIONS)
    how = recipe(epochs=1)
    keeper = Keeper(tmp_path / "kept", "this", 0.0, hardware=Hardware("cpu", 3, "bf16"))

    fit(fresh(encoder_dir, FUNCTIONS, how), FUNCTIONS, rows, rows, how, CPU, QUIET, keeper=keeper)
    place = earlier(tmp_path / "kept")

    assert place
    assert (place.threads, place.precision) == (3, "bf16")
    keeper.forget()
    assert earlier(tmp_path / "kept") is None


def test_a_full_disk_is_said_and_the_last_save_stays_whole(run, tmp_path, small_disk):
    with pytest.raises(Killed):
        run("kept", dies=3)
    before = load_file(tmp_path / "kept")

    said = r"kept: the run's progress cannot be written .*; make room on the disk and give the same"
    with small_disk(50_000), pytest.raises(CannotContinue, match=said):
        run("kept")

    assert same(before, load_file(tmp_path / "kept"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert run("kept")[2][0] == 4


def test_a_place_that_cannot_hold_it_is_said(run, tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CannotContinue, match="file/kept: the run's progress cannot be written"):
        run("file/kept")
