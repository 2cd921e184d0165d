"""
The real programs as child processes, and what a test does to them.

Rules: each process is a session of its own with a log file of its own; a program that ends unasked
fails whoever waits for something; whatever was started is gone after ``close``.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from consumers.adapters.embedded import die_with_parent, free_port

_PATIENCE = 90.0
"""Seconds until a wait gives up: several joins of the slowest broker, on a busy machine."""


class Finished(NamedTuple):
    """A command that ran to its end."""

    code: int
    out: str
    err: str


class Answer(NamedTuple):
    """What a health endpoint said; status 0: nobody listens."""

    status: int
    body: str


class Program:
    """
    One life of a program: from its start until it is killed or ends.

    ``name`` is the command and a number, as in ``consume-1``; another life of the same name goes on
    in the same log file.
    """

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.port = free_port()
        self.log = log
        self.stopping = False
        self._log_from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command(name.partition("-")[0]),
                env={**environment, "GROUNDSWELL_HTTP_PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        """Return the log of this life."""
        with self.log.open("rb") as stream:
            stream.seek(self._log_from)
            return stream.read().decode("utf-8", "replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; SIGTERM and SIGKILL make its end expected."""
        self.stopping = self.stopping or number in {signal.SIGTERM, signal.SIGKILL}
        self.process.send_signal(number)

    async def ended(self, timeout: float = _PATIENCE) -> int:
        """Wait until it has ended; return its exit code."""
        self.stopping = True
        await until(f"{self.name} ends", lambda: not self.alive, timeout=timeout)
        return self.process.wait()

    async def get(self, path: str) -> Answer:
        """Fetch a page of its health endpoint."""
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}{path}")

    async def metrics(self) -> dict[str, float]:
        """Return every sample of /metrics by name with labels; nothing while nobody listens."""
        answer = await self.get("/metrics")
        samples = {}
        for line in answer.body.splitlines() if answer.status == 200 else ():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                samples[key] = float(value)
        return samples


class Programs:
    """The programs of one test: started, watched and ended together."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self.lives: list[Program] = []
        self._folder = folder

    def start(self, name: str, **overrides: object) -> Program:
        """Start a program; ``overrides`` are settings for this life, in lower case."""
        log = self._folder / f"{name}.log"
        program = Program(name, {**self.environment, **as_variables(overrides)}, log)
        self.lives.append(program)
        return program

    async def run(self, *arguments: str, **overrides: object) -> Finished:
        """Run a command to its end."""
        done = await asyncio.to_thread(
            subprocess.run,
            command(*arguments),
            env={**self.environment, **as_variables(overrides)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    def check(self) -> None:
        """Fail if a program has ended that nobody asked to end."""
        for life in self.lives:
            if not life.alive and not life.stopping:
                tail = "\n".join(life.said().splitlines()[-15:])
                raise AssertionError(
                    f"{life.name} ended with code {life.process.returncode}:\n{tail}"
                )

    async def until(
        self,
        what: str,
        condition: Callable[[], Awaitable[bool]] | Callable[[], bool],
        timeout: float = _PATIENCE,
    ) -> None:
        """Wait for ``condition`` while all programs live; on giving up, show where they stand."""
        try:
            await until(what, condition, watch=self.check, timeout=timeout)
        except TimeoutError as error:
            tails = (
                f"--- {life.name}\n" + "\n".join(life.said().splitlines()[-12:])
                for life in self.lives
                if life.alive
            )
            raise TimeoutError("\n".join((str(error), *tails))) from None

    async def ready(self, *programs: Program, timeout: float = _PATIENCE) -> None:
        """Wait until each of ``programs`` answers 200 at /readyz."""
        for program in programs:

            async def is_ready(program: Program = program) -> bool:
                return (await program.get("/readyz")).status == 200

            await self.until(f"{program.name} is ready", is_ready, timeout)

    def close(self) -> None:
        """End everything at once, the frozen ones included."""
        for life in self.lives:
            life.stopping = True
            if life.alive:
                life.process.kill()
        for life in self.lives:
            life.process.wait()


def command(*arguments: str) -> list[str]:
    """Return the command line of ``groundswell arguments…``."""
    return [sys.executable, "-m", "groundswell.cli", *arguments]


def base_environment() -> dict[str, str]:
    """Return this process's environment without any setting of Groundswell."""
    return {key: value for key, value in os.environ.items() if not key.startswith("GROUNDSWELL_")}


def as_variables(settings: Mapping[str, object]) -> dict[str, str]:
    """Turn settings into ``GROUNDSWELL_…`` variables."""
    return {f"GROUNDSWELL_{key.upper()}": str(value) for key, value in settings.items()}


async def until(
    what: str,
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool],
    *,
    watch: Callable[[], None] = lambda: None,
    timeout: float = _PATIENCE,
) -> None:
    """Poll ``condition`` until it holds. Raises ``TimeoutError`` that says what never came."""
    give_up = time.monotonic() + timeout
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        watch()
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        await asyncio.sleep(0.1)


def freeze(processes: Iterable[int]) -> None:
    """Stop processes where they stand (SIGSTOP)."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)


def thaw(processes: Iterable[int]) -> None:
    """Let frozen processes go on (SIGCONT)."""
    for pid in processes:
        os.kill(pid, signal.SIGCONT)


def _get(url: str) -> Answer:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())
    except OSError:
        return Answer(0, "")
