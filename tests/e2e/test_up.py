"""The README's first command, as a user runs it: real processes, the embedded broker and store."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "groundswell.cli", "up"]


def descendants(process):
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes, seconds=20):
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [p.name() for p in alive]


@pytest.fixture
def started():
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if not k.startswith("GROUNDSWELL_")},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_bounded_run_counts_every_item_and_prints_one_json_object(started):
    process = started("--seconds", "8", "--rate", "30", "--speed", "1", "--json")

    out, err = process.communicate(timeout=110)

    assert process.returncode == 0, err.decode()
    result = json.loads(out)
    assert result["produced"] > 100
    assert result["counted"] + result["refused"] == result["produced"]
    assert result["lag_items"] == 0
    series = {row["series"]: row for row in result["series"]}
    assert series["all"]["items"] == result["counted"]
    assert result["counted"] / 4 < series["all"]["stories"] < result["counted"]
    assert sum(name.startswith("topic:") for name in series) >= 5
    quantiles = result["publication_to_count"]
    assert 0 < quantiles["p50_ms"] <= quantiles["p95_ms"] <= quantiles["p99_ms"]


@pytest.mark.timeout(300)
def test_the_injected_surge_fires_is_told_and_ends(started):
    # An end is told 90 to 140 minutes of the stream after the surge, whatever the hour of the start.
    process = started("--seconds", "90", "--speed", "480")

    out, err = process.communicate(timeout=290)

    said = " ".join(out.decode().split())
    assert process.returncode == 0, err.decode() + said
    # In the order of the log: raised with its figures and a story of the surge, calm again, over.
    fired = re.search(r"firing surge (\S+): .*?\d+ negative stories, [\d.]+ expected", said)
    assert fired, said
    series = re.escape(fired[1])
    rest = said[fired.end() :]
    assert re.search(rf"Lindqvist.*recovering surge {series}: .*resolved surge {series}: ", rest)
    result = json.loads(out[out.index(b"{\n") :])
    assert result["history"] > 10_000
    # The receiver had it, signed.
    assert "signed message received for sample: alert.firing (first_notification), " in rest
    assert result["messages"][0]["type"] == "alert.firing"
    assert fired[1] in {name for message in result["messages"] for name in message["series"]}


def lines_of_the_readme():
    """The commands that the README gives to another terminal, as they stand there."""
    page = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"from another terminal.*?```console\n(.*?)```", page, re.DOTALL)
    return [line.removeprefix("$ ") for line in block[1].splitlines()]  # type: ignore[index]


def asked(export, line):
    """Run a line in a shell that has what `up` printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"{export}\n{line}"],
        env={"PATH": path, "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_lines_of_the_readme_make_subscriptions(started):
    process = started("--speed", "1")
    for line in iter(process.stdout.readline, b""):
        if line.startswith(b"to ask it"):
            break
    export = line.decode().partition(": ")[2]

    by_command, by_curl = lines_of_the_readme()
    assert asked(export, by_command).returncode == 0
    made = asked(export, by_curl)

    assert json.loads(made.stdout)["subscription"]["filters"]["topics"] == ["credit"], made
    listed = json.loads(asked(export, "groundswell subscriptions list --json").stdout)
    assert {(s["name"], *s["channels"]) for s in listed} == {
        (name, "receiver") for name in ("sample", "rates", "credit")
    }
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left_running(started, number):
    process = started()
    deadline = time.monotonic() + 60
    while len(descendants(process)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    children = descendants(process)
    assert len(children) >= 4

    process.send_signal(number)
    process.communicate(timeout=60)

    assert gone(children) == []
    if number is signal.SIGINT:
        assert process.returncode in {0, 130}


def test_a_bundle_that_is_not_there_is_named_in_one_line(started, tmp_path):
    process = started("--seconds", "5", "--bundle", str(tmp_path / "none"))

    _, err = process.communicate(timeout=110)

    assert process.returncode == 2
    assert "no model bundle in" in err.decode()
    assert "Traceback" not in err.decode()
