"""
`groundswell alerts …`: what each command does, prints, and ends with.

Rules: times are by the records' clock. Commands read and change what is there: they never make a database.
Exit code 1 where the answer is no: an alert that is not known, or is over.
"""

import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import typer
from rich.console import Console, RenderableType

from consumers.records.alerts import WATCH, Alert, Judgement
from consumers.records.database import DatabaseRecords, open_records
from consumers.records.desk.forms import PageForm, alert_form, episode_form
from consumers.records.desk.listing import listing
from consumers.records.desk.moments import moment_of, short, span_of
from consumers.records.desk.plain import plain
from consumers.records.desk.report import report
from consumers.records.desk.sheet import sheet, until_worse
from consumers.records.folding import words
from consumers.records.ports import Action, AlertDesk, AlertReader, Filter
from consumers.records.quality import Tally, clipped, quality, tallied
from groundswell.errors import InputError
from groundswell.settings import Settings

LONGEST_SILENCE_DAYS: Final = 30
_LONGEST_TEXT: Final = 2000
LONGEST_NAME: Final = 100
_DAY_MS: Final = 86_400_000
_PAGE: Final = 500
_SHOWN: Final = 10
_PIPED: Final = 160
"""Columns where there is no terminal to ask."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[DatabaseRecords]:
    """Open the records that are there. Raises ``CannotStart`` or ``Transient``."""
    records = await open_records(settings.records_url.get_secret_value(), make=False)
    try:
        yield records
    finally:
        await records.close()


def shown(picture: RenderableType, console: Console | None = None) -> None:
    """Print something to the terminal; for a pipe without blanks at the ends of lines."""
    console = console or screen()
    if console.is_terminal:
        console.print(picture)
        return
    with console.capture() as caught:
        console.print(picture)
    lines = (line.rstrip() for line in caught.get().split("\n"))
    typer.echo("\n".join(lines).strip("\n"))


def screen() -> Console:
    """Return the console, wide where it is no terminal."""
    terminal = Console(highlight=False, markup=False, emoji=False)
    if terminal.is_terminal:
        return terminal
    return Console(width=_PIPED, highlight=False, markup=False, emoji=False)


def as_json(value: object) -> None:
    """Print one JSON object."""
    typer.echo(msgspec.json.encode(value))


async def run_list(
    records: AlertReader, which: Filter, limit: int, after: str | None, *, json: bool
) -> int:
    """Print a page of alerts."""
    page, now = await records.alerts(which, limit, after), await records.now()
    if json:
        as_json(PageForm(tuple(alert_form(alert, now) for alert in page.alerts), page.next))
        return 0
    if not page.alerts:
        typer.echo("no such alert")
        return 0
    console = screen()
    shown(listing(page.alerts, now, console.width), console)
    if page.next is not None:
        typer.echo(f"more: --after {page.next}")
    return 0


async def run_show(records: AlertReader, name: str, *, json: bool) -> int:
    """Print everything about an alert."""
    alert = await chosen(records, name)
    if alert is None:
        return 1
    history, said = await records.history(alert.id), await records.verdicts(alert.id)
    now = await records.now()
    if json:
        as_json(episode_form(alert, history, said, now))
    else:
        shown(sheet(alert, history, said, now))
    return 0


async def chosen(records: AlertReader, name: str) -> Alert | None:
    """Return the alert that ``name`` means; where it means none or several, say so."""
    wanted = name.strip().lower()
    found = await records.beginning(wanted, _SHOWN + 1)
    if len(found) == 1 or (found and found[0].id == wanted):
        return found[0]
    if not found:
        typer.echo(f"groundswell: no alert has an id that begins with {plain(name, 60)}", err=True)
        return None
    several = f"{len(found)}" if len(found) <= _SHOWN else f"more than {_SHOWN}"
    typer.echo(f"groundswell: {plain(name, 60)} begins the ids of {several} alerts:", err=True)
    for alert in found[:_SHOWN]:
        typer.echo(f"  {alert.id}  {alert.state}  {plain(alert.series, 60)}", err=True)
    return None


async def run_act(
    records: AlertDesk, names: Sequence[str], action: Action, actor: str, comment: str,
    until: int | None = None, to: str = "",
) -> int:  # fmt: skip
    """Do something to alerts: to none if any of the names is not clear."""
    _within("TEXT" if action == "comment" else "--comment", comment)
    alerts = [await chosen(records, name) for name in names]
    code = 0
    for alert in dict.fromkeys(alert.id for alert in alerts if alert is not None):
        if None in alerts:
            break
        done = await records.act(alert, action, actor, comment, until, to=to)
        if isinstance(done, Alert):
            told = f" to {plain(to or 'nobody', 60)}" if action == "assign" else ""
            typer.echo(f"{alert} {_DONE[action]}{told} by {plain(actor, 60)}{_until(done, action)}")
        else:
            typer.echo(f"groundswell: {alert}: {done}{_HINTS.get(action, '')}", err=True)
            code = 1
    return 1 if None in alerts else code


_DONE: Final[dict[Action, str]] = {
    "acknowledge": "acknowledged",
    "silence": "silenced",
    "resolve": "resolved",
    "assign": "assigned",
    "comment": "commented on",
    "snooze": "snoozed",
}
_HINTS: Final[dict[Action, str]] = {
    "silence": "; give --for or --until to silence it in case that it is reopened"
}


def _until(alert: Alert, action: Action) -> str:
    if action == "snooze" and alert.snoozed is not None:
        return f" until {until_worse(alert.snoozed)}"
    if action != "silence" or alert.silenced is None:
        return ""
    until = alert.silenced.until
    return " until it ends" if until is None else f" until {short(until)} UTC"


def assignee(to: str | None, *, nobody: bool) -> str:
    """Return to whom alerts are assigned, "" for nobody. Raises ``InputError``."""
    name = words(to or "")
    if nobody == (to is not None):
        raise InputError("say to whom: --to NAME, or --nobody")
    if to is not None and not 0 < len(name) <= LONGEST_NAME:
        raise InputError(f"--to: a person or a team, at most {LONGEST_NAME} characters")
    return name


def something(text: str) -> str:
    """Return a comment. Raises ``InputError`` where it says nothing."""
    if not words(text):
        raise InputError("TEXT: say something")
    return text


async def silence_end(records: AlertReader, span: str | None, until: str | None) -> int | None:
    """Return when a silence ends, in ms; None: with the alert. Raises ``InputError``."""
    if span is not None and until is not None:
        raise InputError("give --for or --until, not both")
    if span is None and until is None:
        return None
    now = await records.now()
    end = now + span_of("--for", span) if span else moment_of("--until", until or "", now)
    if not now < end <= now + LONGEST_SILENCE_DAYS * _DAY_MS:
        raise InputError(
            f"a silence until {short(end)} UTC: must end in the future, and within "
            f"{LONGEST_SILENCE_DAYS} days"
        )
    return end


async def run_judge(
    records: AlertDesk, name: str, judgement: Judgement, reason: str, actor: str
) -> int:
    """Write down what a person says an alert was."""
    _within("--reason", reason)
    alert = await chosen(records, name)
    if alert is None:
        return 1
    done = await records.judge(alert.id, judgement, reason, actor)
    if not isinstance(done, Alert):
        typer.echo(f"groundswell: {alert.id}: {done}", err=True)
        return 1
    typer.echo(f"{alert.id} judged a {judgement} by {plain(actor, 60)}")
    return 0


def _within(option: str, text: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"{option}: {len(text)} characters; at most {_LONGEST_TEXT}")


async def run_quality(
    records: AlertReader, since: int | None, until: int | None, *, json: bool
) -> int:
    """Print how good the alerts of a time were; minutes, the second excluded."""
    spans = clipped(await records.spans(), since, until)
    tally = Tally()
    async for alerts in pages(records, Filter(since=since, until=until)):
        tally = tallied(tally, alerts, spans)
    found = quality(tally, spans)
    if json:
        as_json(found)
    else:
        shown(report(found))
    return 0


async def pages(records: AlertReader, which: Filter) -> AsyncIterator[tuple[Alert, ...]]:
    """Read all alerts of a filter, a page at a time, the newest first."""
    after = None
    while True:
        page = await records.alerts(which, _PAGE, after)
        yield page.alerts
        after = page.next
        if after is None:
            return


def person(given: str | None) -> str:
    """Return who acts: who is named, else who is logged in. Raises ``InputError``."""
    try:
        name = (getpass.getuser() if given is None else given).strip()
    except (OSError, KeyError, ImportError):
        name = ""
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"say who you are: --as NAME, at most {LONGEST_NAME} characters")
    if name == WATCH:
        raise InputError(f"--as {WATCH}: that is the program's own name; say who you are")
    return name
