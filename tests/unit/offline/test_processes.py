"""`groundswell train` in processes of its own: killed and taken up, and two that train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.torch import load_file

from tests.train_world import apart, recipe, same
from training.checkpoint import WEIGHTS
from training.progress import earlier
from training.train import run

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[3]
HOW = {"epochs": 8, "batch": 8, "learning_rate": 2e-3, "patience": 99}


@pytest.fixture
def options(encoder_dir, write, rows_of):
    """The arguments that say in a command what ``plan_of`` and ``HOW`` say here, and the data."""
    data = write("rows.jsonl", rows_of(80))
    said = ["--data", data, "--encoder", encoder_dir, "--strategy", "full", "--freeze", "none"]
    said += ["--function", "sentiment", "--function", "topic=derive", "--set", "head_factor=2"]
    said += ["--device", "cpu", "--threads", 1, "--precision", "fp32", "--max-tokens", 32]
    said += [part for key, value in HOW.items() for part in (f"--{key.replace('_', '-')}", value)]
    return data, [str(each) for each in said]


def environment():
    kept = {key: value for key, value in os.environ.items() if key not in {"RANK", "WORLD_SIZE"}}
    return kept | {"OMP_NUM_THREADS": "1"}


def test_a_process_that_was_killed_is_taken_up_to_the_same_weights(options, plan_of, tmp_path):
    data, arguments = options
    progress = tmp_path / ".out.progress.safetensors"
    command = [sys.executable, "-m", "groundswell.cli", "train", "--out", str(tmp_path / "out")]

    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(
            [*command, *arguments, "--save-every", "0"],
            cwd=ROOT,
            env=environment(),
            stdout=said,
            stderr=said,
        ) as process,
    ):
        while process.poll() is None and not progress.exists():
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL, (tmp_path / "said").read_text("utf-8")
    assert not (tmp_path / "out").exists()
    place = earlier(progress)
    assert place
    assert 0 < place.step < 64
    console = Console(quiet=True)
    again = run(plan_of(data), recipe(**HOW), tmp_path / "out", console)
    whole = run(plan_of(data), recipe(**HOW), tmp_path / "whole", console)

    assert same(*(load_file(tmp_path / name / WEIGHTS) for name in ("out", "whole")))
    assert again.history == whole.history
    assert not progress.exists()


def test_two_processes_train_as_one(options, plan_of, tmp_path):
    data, arguments = options
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launch += ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    launch += ["--dynamo_backend", "no", "--main_process_port", str(port)]
    launch += ["-m", "groundswell.cli", "train", "--out", str(tmp_path / "two")]

    done = subprocess.run(
        [*launch, *arguments, "--set", "dropout=0"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    one = run(plan_of(data), recipe(**HOW, dropout=0.0), tmp_path / "one", Console(quiet=True))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("# Training report") == 1
    two = json.loads((tmp_path / "two" / "report.json").read_text("utf-8"))
    assert two["processes"] == 2
    assert [e["score"] for e in two["history"]] == [e.score for e in one.history]
    assert one.best_step > 8
    assert apart(*(load_file(tmp_path / name / WEIGHTS) for name in ("one", "two"))) < 1e-4
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()
