"""
The programs that `up` starts: processes of their own, stopped with it, whatever happens.

Rules: each is a session of its own, so that Ctrl-C reaches `up` alone; each dies with its parent; what
they log goes to a file each, whose path is said when one of them ends early.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from consumers.adapters.embedded import die_with_parent
from groundswell.errors import CannotContinue


class Programs:
    """Starts, watches and stops child processes; an async context manager."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = dict(environment)
        self._logs = logs
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str, *, port: int) -> None:
        """Run ``groundswell name``, its health and metrics on ``port``."""
        with (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "groundswell.cli", name),
                env={**self._environment, "GROUNDSWELL_HTTP_PORT": str(port)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def once(self, name: str) -> None:
        """Run ``groundswell name`` to its end. Raises ``CannotContinue`` with what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "groundswell.cli", name),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        output, _ = await process.communicate()
        if process.returncode:
            said = output.decode("utf-8", "replace").strip()
            raise CannotContinue(f"{name} ended with code {process.returncode}: {said}")

    def check(self) -> None:
        """Raise ``CannotContinue`` with the last lines of its log if a program has ended."""
        for name, process in self._running.items():
            if process.returncode is not None:
                log = self._logs / f"{name}.log"
                tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])
                raise CannotContinue(
                    f"{name} ended with code {process.returncode}; its log:\n{tail}"
                )

    async def stop(self, seconds: float) -> None:
        """Ask all to drain, wait up to ``seconds``, then kill what is left."""
        for process in self._running.values():
            if process.returncode is None:
                process.terminate()
        waits = [asyncio.create_task(p.wait()) for p in self._running.values()]
        if waits:
            await asyncio.wait(waits, timeout=seconds)
        for process in self._running.values():
            if process.returncode is None:
                process.kill()
                await process.wait()
        self._running.clear()
