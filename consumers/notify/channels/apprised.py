"""
Apprise, in a process of its own: mail, Slack, Telegram, ntfy and a hundred others.

Rules: one child, one message at a time; it is started when it is first needed, and killed when a message
takes longer than 20 seconds or the caller gives up: its answer would be taken for the next one's. Addresses
reach it on its input, never on its command line. Apprise says only whether it worked: what did not is tried
again until the schedule ends.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from consumers.notify.core.addresses import Network
from consumers.notify.core.answers import Answer
from consumers.notify.core.leads import Leads
from consumers.notify.core.payloads import text, title_of
from consumers.notify.ports import Letter

SECONDS: Final = 20.0
START_SECONDS: Final = 25.0
BYTES: Final = 30_000
MODULE: Final = "consumers.notify.channels.apprise_child"


class AppriseSender:
    """The ``Sender`` port; the config has ``url``, as Apprise writes it."""

    def __init__(
        self, allowed: Sequence[Network] = (), leads: Leads | None = None, seconds: float = SECONDS
    ) -> None:
        self._allowed = ",".join(map(str, allowed))
        self._leads = leads
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def send(self, letter: Letter) -> Answer:
        """Send once."""
        request = {
            "url": letter.config["url"],
            "title": title_of(letter.message),
            "body": text(letter.message, BYTES, leads=self._leads),
        }
        async with self._turn:
            try:
                child = await self._running()
                async with asyncio.timeout(self._seconds):
                    answer = await self._ask(child, json.dumps(request))
            except TimeoutError:
                self._kill()
                return Answer(None, error=f"no answer within {self._seconds:g} s")
            except (OSError, ValueError) as error:
                self._kill()
                return Answer(None, error=f"Apprise's process failed ({type(error).__name__})")
            except asyncio.CancelledError:
                self._kill()
                raise
        if answer["ok"]:
            return Answer(200)
        return Answer(None, error=str(answer["why"])[:200], refused=bool(answer.get("final")))

    async def _running(self) -> asyncio.subprocess.Process:
        """Return the child, started where it is not there: a busy machine takes seconds for that."""
        child = self._child
        if child is None or child.returncode is not None:
            async with asyncio.timeout(START_SECONDS):
                child = await self._start()
        return child

    async def _ask(self, child: asyncio.subprocess.Process, line: str) -> dict[str, object]:
        if child.stdin is None or child.stdout is None:
            raise OSError("no pipe")
        child.stdin.write(line.encode() + b"\n")
        await child.stdin.drain()
        answer = await child.stdout.readline()
        found: dict[str, object] = json.loads(answer)
        return found

    async def _start(self) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            MODULE,
            self._allowed,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if _passed_on(name)},
        )
        self._child = child
        if child.stdout is None or await child.stdout.readline() != b"ready\n":
            raise OSError("it did not start")
        return child

    def _kill(self) -> None:
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
        self._child = None

    async def close(self) -> None:
        """End the process."""
        child = self._child
        self._kill()
        if child is not None:
            await child.wait()


def _passed_on(name: str) -> bool:
    """Say whether the child may know a variable: none of our settings, and no proxy."""
    return not name.startswith("GROUNDSWELL_") and not name.lower().endswith("_proxy")
