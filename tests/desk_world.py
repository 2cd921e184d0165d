"""Alerts for the tests of the desk: written as `watch` writes them, read through the command line."""

import asyncio
import os
import sys
from dataclasses import dataclass, field

import msgspec
import pytest

from consumers.records.alerts import Episode, Minute, Move, Verdict, alert_id
from consumers.records.database import DatabaseRecords, open_records
from consumers.records.ports import Committed
from consumers.watch.core.budget import log_threshold
from consumers.watch.core.effect import effect_of
from consumers.watch.core.evidence import Null, Span
from consumers.watch.core.parameters import Parameters
from consumers.watch.evidence import Evidence, Usual
from consumers.watch.ports import Story
from groundswell import cli

DAY = 20_500
M0 = DAY * 1440
"""Midnight of 16 February 2026, in minutes since 1970."""

RATES, BANKS = "topic:rates", "topic:banks"
HOSTILE = "=cmd|'/c calc'!A1 [bold red]not markup[/] \x1b[2J\u202eevil"
STORIES = (
    Story("a", "Rate rise feared, bonds fall", "wire", "https://x.test/1", M0 * 60_000, 0.97, 3, 2),
    Story("b", HOSTILE, "blog\x07", "https://x.test/\x1b]8;;", M0 * 60_000, 0.91),
)


def evidence(series: str, onset: int, stories=STORIES, **changed) -> bytes:
    """The evidence that `watch` would write of 17 negative stories in an hour, 4.1 expected."""
    parameters, null = Parameters(), Null(0.1, 40.0, 0.25, 0.07, 0.2)
    span = Span(onset, 4.1, 17, 21, sources=(1, 2, 3), trusted=(1,))
    held = Evidence(
        minute=onset + 60,
        log_evidence=11.3,
        log_threshold=log_threshold(0.5, 1.0, 12, parameters.tick),
        budget=0.5,
        series=12,
        effect=effect_of(span, null, parameters),
        null=Usual(**null._asdict()),
        parameters=parameters,
        bundles=("default-1",),
        stories=tuple(stories),
    )
    return msgspec.json.encode({**msgspec.to_builtins(held), **changed})


@dataclass
class Written:
    """A SQLite file, and the minutes that were written to it."""

    url: str
    last: int | None = None
    ids: list[str] = field(default_factory=list)
    _records: DatabaseRecords | None = None

    def write(self, minute: int, **parts) -> None:
        """Commit a decided minute under a budget of a half a day."""
        told = Minute(minute, self.last, budget=0.5, **parts)
        assert isinstance(asyncio.run(self._commit(told)), Committed)
        self.last = minute

    async def _commit(self, minute: Minute):
        self._records = self._records or await open_records(self.url)
        lease = await self._records.acquire("w", 60_000)
        return await self._records.commit_minute(lease, minute)

    def close(self) -> None:
        """Let go of the file."""
        if self._records is not None:
            asyncio.run(self._records.close())

    def fire(self, series: str, minute: int, kind="surge", **more) -> str:
        """Let an alert fire; returns its id."""
        onset = minute - 60
        name = alert_id(kind, series, onset)
        told = {"about": "tone", "severity": "warning", "peak": 11.3, **more}
        told.setdefault("evidence", evidence(series, onset))
        episode = Episode(name, kind, series, onset, **told)
        cause = "the evidence reached the threshold"
        move = Move(series, "pending", "firing", cause, name, told["severity"], told["evidence"])
        self.write(minute, episodes=(episode,), moves=(move,))
        self.ids.append(name)
        return name

    def end(self, name: str, series: str, minute: int) -> None:
        """Let an alert recover and resolve."""
        moves = (
            Move(series, "firing", "recovering", "the last hour looks usual", name),
            Move(series, "recovering", "resolved", "it went on looking usual", name),
        )
        self.write(minute, moves=moves)

    def verdict(self, minute: int, *verdicts: Verdict) -> None:
        """Let the rule judge."""
        self.write(minute, verdicts=verdicts)


@dataclass
class Desk(Written):
    """The command line over a file; ``url`` may be changed."""

    capsys: pytest.CaptureFixture[str] | None = None
    monkeypatch: pytest.MonkeyPatch | None = None

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Call `groundswell alerts …`; returns exit code, stdout and stderr."""
        assert self.capsys
        assert self.monkeypatch
        for key in [key for key in os.environ if key.startswith("GROUNDSWELL_")]:
            self.monkeypatch.delenv(key)
        self.monkeypatch.setenv("GROUNDSWELL_RECORDS_URL", self.url)
        self.monkeypatch.setattr(sys, "argv", ["groundswell", "alerts", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    def json(self, *arguments: object):
        """Call a command that must succeed with `--json`; returns what it printed."""
        code, out, err = self.run(*arguments, "--json")
        assert (code, err) == (0, "")
        return msgspec.json.decode(out)
