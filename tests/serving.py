"""`groundswell serve` as a process, over a SQLite file; what it says, and an alert to act on."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumers.adapters.embedded import free_port
from consumers.records.alerts import Alert
from consumers.records.database import DatabaseRecords
from tests.records_world import ID, fired

GROUNDSWELL = [sys.executable, "-m", "groundswell.cli"]


@dataclass
class Serving:
    """The program; `port` stays the same over restarts."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/records.db"

    @property
    def environment(self) -> dict[str, str]:
        settings = {
            "records_url": self.url,
            "secrets_key_file": str(self.folder / "key"),
            "serve_port": str(self.port),
            "serve_burst": "100000",
            "serve_requests_a_minute": "1000000",
            "serve_poll_ms": "50",
            **self.more,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GROUNDSWELL_")}
        return kept | {f"GROUNDSWELL_{k.upper()}": v for k, v in settings.items()}

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*GROUNDSWELL, "serve"], env=self.environment, stderr=log, stdout=log
            )
        begun = self.lines("serving")
        deadline = time.monotonic() + 60
        while len(self.lines("serving")) == len(begun):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def lines(self, event: str) -> list[dict[str, Any]]:
        rows = (json.loads(row) for row in self.log.read_text().splitlines() if row[:1] == "{")
        return [row for row in rows if row["event"] == event]

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(30)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command over the same settings."""
        return subprocess.run(
            [*GROUNDSWELL, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def key(self, role: str = "admin", owner: str = "ann") -> str:
        made = self.call("keys", "create", owner, "--role", role)
        assert made.returncode == 0, made.stderr
        return str(made.stdout).strip()


async def fire(records: DatabaseRecords) -> None:
    """Let the alert of the world fire."""
    lease = await records.acquire("watch", 60_000)
    await records.commit_minute(lease, fired())


async def act(records: DatabaseRecords, number: int) -> None:
    """Add a transition."""
    done = await records.act(ID, "acknowledge", "ann", f"note {number}")
    assert isinstance(done, Alert)
