"""
Headlines 2017–2020, labelled by the default model, through `groundswell detect --tick 1d`.

Most are dated to the day only. `events.json` holds what moved the news of its time, written down before the
run; an alarm is explained by an event in whose topics (or keyword) it is, if its onset or its decision lies
within the event's days. The labels are made once and kept in the folder of work, never in the project.

The items dated to the minute are of one source, three a day: the gate of two sources holds every alarm back,
so that they show that the live path and `detect` decide alike, and no more.
"""

import contextlib
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from consumers.watch.detect import Plan, run

EVENTS = Path(__file__).with_name("events.json")
BUDGETS = (0.05, 0.2, None)
KEYWORDS = ("boeing, 737 max, 737", "wirecard")


class Event(msgspec.Struct):
    """What happened, from ``first`` to ``last``; ``must`` are the days in which it has to be found."""

    name: str
    first: date
    last: date
    topics: list[str] = []
    match: str = ""
    must: tuple[date, date] | None = None
    must_topics: list[str] = []


class Events(msgspec.Struct):
    """The list."""

    note: str
    events: list[Event]


class Alarm(msgspec.Struct):
    """An alarm of a run, and the event that explains it ("": none)."""

    series: str
    about: str
    severity: str
    onset: date
    decided: date
    observed: int
    expected: float
    event: str = ""


class Run(msgspec.Struct):
    """The alarms of one call of the command, against its budget."""

    series: int
    budget: float
    days: int
    alarms: list[Alarm]
    must: dict[str, str]
    """What had to be found, by series: the day of its decision, or "" if it was not."""


def measured(data: Path, work: Path, bundle: Path, log: Any) -> list[Run] | None:
    """Label, detect, explain; None without the data."""
    source = data / "stream" / "headlines_2017_2020.jsonl"
    if not source.exists():
        log(f"not measured: {source} is not here")
        return None
    labelled = work / "headlines.labelled.jsonl"
    if not labelled.exists():
        _label(source, labelled, work, bundle)
        log("labelled")
    events = msgspec.json.decode(EVENTS.read_bytes(), type=Events).events
    out = []
    for budget in BUDGETS:
        out.append(_ran(Plan(labelled, tick=1440, budget=budget), events))
        log(f"by topic, budget {budget or 'default'}")
    for budget in (0.02, None):
        out.append(_ran(Plan(labelled, tick=1440, match=KEYWORDS, budget=budget), events))
        log(f"by keyword, budget {budget or 'default'}")
    return out


def _label(source: Path, labelled: Path, work: Path, bundle: Path) -> None:
    """Write the rows with labels, by `groundswell classify --stories`."""
    from typer.testing import CliRunner

    from groundswell.cli import app

    rows = work / "headlines.jsonl"
    with source.open(encoding="utf-8") as lines, rows.open("w", encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            kept = {name: row[name] for name in ("published_at", "title", "source")}
            out.write(json.dumps(kept | {"body": row["summary"]}, ensure_ascii=False) + "\n")
    part = labelled.with_suffix(".part")
    options = ["--stories", "--out", str(part), "--bundle", str(bundle)]
    result = CliRunner().invoke(app, ["classify", str(rows), *options])
    if result.exit_code:
        raise SystemExit(f"classify failed: {result.output}")
    part.rename(labelled)


def _ran(plan: Plan, events: list[Event]) -> Run:
    told, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(said):
        run(plan)
    summary = said.getvalue().split()
    series, days = int(summary[summary.index("in") + 1]), int(summary[summary.index("over") + 1])
    alarms = [_alarm(json.loads(line), events) for line in told.getvalue().splitlines()]
    return Run(
        series=series,
        budget=plan.budget or series / 30,
        days=days,
        alarms=alarms,
        must=_must(alarms, events, by_word=bool(plan.match)),
    )


def _alarm(row: dict[str, Any], events: list[Event]) -> Alarm:
    alarm = Alarm(
        series=row["series"],
        about=row["kind"],
        severity=row.get("severity", ""),
        onset=date.fromisoformat(row.get("onset", row["decided"])[:10]),
        decided=date.fromordinal(date.fromisoformat(row["decided"][:10]).toordinal() - 1),
        observed=row.get("observed", 0),
        expected=row.get("expected", 0.0),
    )
    for event in events:
        if any(event.first <= day <= event.last for day in (alarm.onset, alarm.decided)) and _of(
            event, alarm.series
        ):
            alarm.event = event.name
            break
    return alarm


def _of(event: Event, series: str) -> bool:
    kind, _, name = series.partition(":")
    return name == event.match if kind == "match" else name in event.topics


def _must(alarms: list[Alarm], events: list[Event], *, by_word: bool) -> dict[str, str]:
    """Return, for what has to be found, when it was."""
    out = {}
    for event in events:
        if event.must is None:
            continue
        first, last = event.must
        names = [f"match:{event.match}"] if by_word else [f"topic:{t}" for t in event.must_topics]
        for name in names:
            if event.match and by_word and event.must_topics:
                continue
            when = [
                str(a.decided) for a in alarms if a.series == name and first <= a.decided <= last
            ]
            out[f"{event.name}, {name}"] = when[0] if when else ""
    return out
