"""
A Valkey under the test's control: emptied, restarted, and put back to an older state.

Rules: each store has a directory of its own, since the server loads whatever dump lies in it; it writes
a dump only when a test asks for one; it keeps its port over restarts.
"""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redis import Redis

from consumers.adapters.embedded import free_port, serving, store_binary


class Store:
    """One server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self._folder = folder
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the store is stopped"
        return self._process.pid

    def start(self) -> None:
        """Start it with whatever dump lies in its directory."""
        command = [
            *(str(store_binary()), "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--dir", str(self._folder), "--save", "", "--appendonly", "no"),
            *("--maxmemory-policy", "noeviction"),
        ]
        self._process = self._running.enter_context(serving(command, self.port, self._folder))

    def ask(self, *words: str) -> Any:
        """Send one command."""
        with Redis(port=self.port, socket_timeout=10) as client:
            return client.execute_command(*words)

    def stop(self) -> None:
        """Kill it; what no dump holds is lost."""
        if self._process is not None:
            self._process.kill()
        self._running.close()
        self._process = None

    def restart(self) -> None:
        """Save, stop and start again, without scripts and functions."""
        self.ask("SAVE")
        self.stop()
        self.start()
        self.forget_scripts()

    def forget_scripts(self) -> None:
        """Drop every script and function."""
        self.ask("SCRIPT", "FLUSH")
        self.ask("FUNCTION", "FLUSH")

    def empty(self) -> None:
        """Drop every key."""
        self.ask("FLUSHALL")

    def snapshot(self) -> Path:
        """Write a dump; return the copy that was put aside."""
        self.ask("SAVE")
        aside = self._folder / f"aside-{len(list(self._folder.glob('aside-*')))}.rdb"
        shutil.copyfile(self._folder / "dump.rdb", aside)
        return aside

    def put_back(self, snapshot: Path) -> None:
        """Restart from an older snapshot."""
        self.stop()
        shutil.copyfile(snapshot, self._folder / "dump.rdb")
        self.start()
