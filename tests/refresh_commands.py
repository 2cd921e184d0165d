"""The real ``groundswell refresh`` in processes that can be killed, and what must hold after every kill."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from consumers.records.access.database import open_access
from consumers.records.access.values import Feedback
from groundswell.models.registry import CHALLENGER, CHAMPION, open_registry
from tests import refresh_world as world
from training.refresh.journal import Journal, last_run, read_state, run_folder

ROOT = Path(__file__).parents[1]
LONG = 120.0
"""Seconds within which anything that is waited for must come, on a machine that is busy."""


class Commands:
    """A zygote, and the processes of the command that it forks."""

    def __init__(self, environment):
        mine = {k: v for k, v in os.environ.items() if not k.startswith("GROUNDSWELL_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.refresh_zygote"],
            cwd=ROOT,
            env={**mine, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.asked, self.said = self.process.stdin, self.process.stdout
        self.running: set[int] = set()
        assert self.answer() == "ready"

    def answer(self):
        return json.loads(self.said.readline())

    def ask(self, **question):
        self.asked.write(json.dumps(question) + "\n")
        self.asked.flush()
        return self.answer()

    def begin(self, arguments, log):
        number = self.ask(arguments=list(map(str, arguments)), log=str(log))
        self.running.add(number)
        return number

    def end(self, number):
        """Wait for a process; return its code, below zero that of a signal."""
        self.running.discard(number)
        return self.ask(wait=number)

    def stop(self):
        for number in tuple(self.running):
            os.kill(number, signal.SIGKILL)
            self.end(number)
        self.asked.close()
        self.process.wait(LONG)
        self.said.close()


class Refreshed:
    """A folder with a champion, its rows, feedback in the records, and what refreshes made of it."""

    def __init__(self, folder, commands):
        self.folder = folder
        self.commands = commands
        self.registry = open_registry(str(folder / "registry"), None)
        self.first = self.registry.alias(CHAMPION)
        self.runs = 0

    def begin(self, **options):
        """Begin the command; return its number and the file of what it prints."""
        self.runs += 1
        log, at = self.folder / f"log{self.runs}", self.folder
        log.touch()
        arguments = ["refresh", "--config", at / "settings.toml", "--folder", at / "work"]
        arguments += ["--data", at / "rows.jsonl", "--items", at / "items.jsonl"]
        arguments += ["--checkpoint", at / "checkpoint", "--trusted", "ann", "--name", "tiny"]
        arguments += ["--function", "sentiment", "--function", "topic=derive"]
        arguments += ["--encoder", at / "encoder", "--device", "cpu", "--threads", "1"]
        arguments += ["--least-labels", "20", "--pause-hours", "0", "--days", "10000"]
        for setting in ("epochs=4", "learning_rate=3e-3", "batch=16", "freeze=none"):
            arguments += ["--set", setting]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}", value]
        return self.commands.begin(arguments, log), log

    def run(self, **options):
        """Run the command to its end; return its code and what it printed."""
        number, log = self.begin(**options)
        code = self.commands.end(number)
        return code, log.read_text(encoding="utf-8")

    def killed(self, number):
        """Kill the process; say whether it was still at work."""
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        return self.commands.end(number) == -signal.SIGKILL

    def until(self, log, text, number):
        """Wait until it says something, or has ended; say whether it said it."""
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            if text in log.read_text(encoding="utf-8"):
                return True
            if not alive(number):
                return text in log.read_text(encoding="utf-8")
            time.sleep(0.002)
        raise AssertionError(f"{text!r} was not said in {LONG:.0f} s: {log.read_text()}")

    def check(self):
        """Look at what must hold after any kill."""
        marks = [mark.version for mark in self.registry.versions()]
        scratch = self.folder / "scratch"
        for version in marks:  # every one is whole
            self.registry.fetch(version, scratch)
        shutil.rmtree(scratch, ignore_errors=True)
        assert len(marks) <= 2
        assert {self.registry.alias(CHAMPION), self.first} <= set(marks)
        challenger = self.registry.alias(CHALLENGER)
        assert challenger is None or challenger in marks
        assert len(self.registry.history(CHAMPION)) <= 2
        read_state(self.folder / "work")

    def check_promoted(self):
        """Look at the end: promoted once, and each run has ended."""
        self.check()
        assert self.registry.alias(CHAMPION) != self.first
        assert len(self.registry.history(CHAMPION)) == 2
        assert len(self.registry.versions()) == 2
        work = self.folder / "work"
        state = read_state(work)
        assert state.outcome == "promoted"
        champion = self.registry.alias(CHAMPION)
        assert champion is not None
        assert state.champion == champion.id
        for number in range(1, last_run(work) + 1):
            assert Journal(run_folder(work, number)).ended in {"promoted", "kept"}


def alive(number):
    """Whether a process runs; one that has ended and is not waited for does not."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def template(folder, trained, encoder):
    """Make what every refresh begins with, once."""
    shutil.copytree(trained / "checkpoint", folder / "checkpoint")
    shutil.copytree(encoder, folder / "encoder")
    for name in ("rows.jsonl", "rows.jsonl.card.yaml"):
        shutil.copy(trained / name, folder / name)
    registry = open_registry(str(folder / "registry"), None)
    world.champion(folder / "checkpoint", folder, registry, ("fp32", "int8-reduced"))
    items = world.news(80)
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    asyncio.run(_said(folder, items))
    return folder


async def _said(folder, items):
    book = await open_access(f"sqlite:///{folder / 'records.db'}")
    try:
        for place, item in enumerate(items):
            await book.give_feedback(
                Feedback(
                    about="item",
                    target=item["id"],
                    field="sentiment",
                    label="positive",
                    actor="ann",
                    at=1000 + place,
                )
            )
    finally:
        await book.close()


def copied(made, folder, commands, **settings):
    """Begin anew from the template."""
    shutil.copytree(made, folder)
    settings = {
        "registry_url": str(folder / "registry"),
        "records_url": f"sqlite:///{folder / 'records.db'}",
        "models_topic": "",
        **settings,
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "settings.toml").write_text(lines, encoding="utf-8")
    return Refreshed(folder, commands)
