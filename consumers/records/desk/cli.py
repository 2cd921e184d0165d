"""The commands ``groundswell alerts …``: their options; what they do is imported when they run."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from consumers.records.alerts import Judgement, Kind, Severity, State
from consumers.records.ports import Filter
from groundswell.errors import InputError
from groundswell.options import ConfigOption, JsonOption, run_to_end, settings_of

if TYPE_CHECKING:
    from consumers.records.database import DatabaseRecords

alerts = typer.Typer(no_args_is_help=True, help="Alerts: read them, act on them, judge them.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="An id, or its beginning.")]
IdsArgument = Annotated[
    list[str], typer.Argument(metavar="ID…", help="Ids, or their beginnings; one or more.")
]
SinceOption = Annotated[
    str | None, typer.Option(help="Opened then or later: a date, a time (UTC), or 2h, 7d ago.")
]
UntilOption = Annotated[str | None, typer.Option(help="Opened before: as --since.")]
CommentOption = Annotated[str, typer.Option(help="Why; kept in the history.")]
ActorOption = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who acts; default: who is logged in.")
]


def _over(config: Any, program: "Callable[[DatabaseRecords], Awaitable[int]]") -> None:
    """Run a program over the records of the settings."""
    from consumers.records.desk.commands import opened

    async def run() -> int:
        async with opened(settings_of(config)) as records:
            return await program(records)

    run_to_end(run())


def _known(option: str, values: Sequence[str] | None, kinds: Any) -> Any:
    """Return the values of a repeatable option, each of which must be one of ``kinds``."""
    for value in values or ():
        if value not in get_args(kinds):
            raise InputError(f"{option} {value}: must be one of {', '.join(get_args(kinds))}")
    return tuple(values or ())


@alerts.command(name="list")
def list_alerts(  # noqa: PLR0913 - each argument is an option of the command
    *,
    state: Annotated[list[str] | None, typer.Option(help="firing, recovering, resolved.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="surge, umbrella, event, no_data.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="As in topic:rates.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="warning, critical.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    judged: Annotated[
        bool | None, typer.Option("--judged/--unjudged", help="With a verdict, or without.")
    ] = None,
    acked: Annotated[
        bool | None, typer.Option("--acked/--unacked", help="Acknowledged, or not.")
    ] = None,
    assigned: Annotated[
        str | None, typer.Option(metavar="NAME", help="Assigned to that person or team.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Alerts on a page.")] = 50,
    after: Annotated[
        str | None, typer.Option(help="Where the page begins, as the page before it said.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List alerts, the newest first; options that may be repeated take any of their values."""
    from consumers.records.desk.commands import run_list
    from consumers.records.desk.moments import minute_of
    from consumers.records.folding import words

    which = Filter(
        states=_known("--state", state, State),
        kinds=_known("--kind", kind, Kind),
        series=tuple(series or ()),
        severities=_known("--severity", severity, Severity),
        judged=judged,
        acknowledged=acked,
        assigned=None if assigned is None else words(assigned),
    )

    async def run(records: "DatabaseRecords") -> int:
        now = await records.now()
        between = which._replace(
            since=minute_of("--since", since, now), until=minute_of("--until", until, now)
        )
        return await run_list(records, between, limit, after, json=as_json)

    _over(config, run)


@alerts.command()
def show(name: IdArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:  # noqa: FBT002
    """Show everything about an alert: history, evidence, stories, how each figure is computed."""
    from consumers.records.desk.commands import run_show

    _over(config, lambda records: run_show(records, name, json=as_json))


@alerts.command()
def ack(
    names: IdsArgument,
    comment: CommentOption = "",
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Acknowledge alerts: somebody looks after them. Ends when the severity rises, or the alert."""
    from consumers.records.desk.commands import person, run_act

    who = person(actor)
    _over(config, lambda records: run_act(records, names, "acknowledge", who, comment))


@alerts.command()
def silence(
    names: IdsArgument,
    span: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 7d …")] = None,
    until: Annotated[str | None, typer.Option(help="Until when: a time (UTC).")] = None,
    comment: CommentOption = "",
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Silence alerts, at most 30 days; without --for or --until as long as each lasts."""
    from consumers.records.desk.commands import person, run_act, silence_end

    who = person(actor)

    async def run(records: "DatabaseRecords") -> int:
        end = await silence_end(records, span, until)
        return await run_act(records, names, "silence", who, comment, end)

    _over(config, run)


@alerts.command()
def resolve(
    names: IdsArgument,
    comment: CommentOption = "",
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Resolve alerts: over, whatever the detector says, until it fires again."""
    from consumers.records.desk.commands import person, run_act

    who = person(actor)
    _over(config, lambda records: run_act(records, names, "resolve", who, comment))


@alerts.command()
def assign(
    names: IdsArgument,
    *,
    to: Annotated[str | None, typer.Option(metavar="NAME", help="A person or a team.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Let it go.")] = False,
    comment: CommentOption = "",
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Assign alerts to a person or a team, or to nobody; also ones that are over."""
    from consumers.records.desk.commands import assignee, person, run_act

    who, whom = person(actor), assignee(to, nobody=nobody)
    _over(config, lambda records: run_act(records, names, "assign", who, comment, to=whom))


@alerts.command()
def comment(
    name: IdArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say of it.")],
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Say something of an alert: kept in its history, never changed; also of one that is over."""
    from consumers.records.desk.commands import person, run_act, something

    who, said = person(actor), something(text)
    _over(config, lambda records: run_act(records, [name], "comment", who, said))


@alerts.command()
def snooze(
    names: IdsArgument,
    comment: CommentOption = "",
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """
    Hear nothing more of alerts until they get worse.

    That is when the severity rises, when the effect has doubled, or when one is over and comes back.
    """
    from consumers.records.desk.commands import person, run_act

    who = person(actor)
    _over(config, lambda records: run_act(records, names, "snooze", who, comment))


@alerts.command()
def judge(
    name: IdArgument,
    judgement: Annotated[str, typer.Argument(metavar="hit|miss|void", help="What it was.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the verdict.")],
    actor: ActorOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what an alert was: a hit, a miss (false alarm), or void (a fault of the feed, a test)."""
    from consumers.records.desk.commands import person, run_judge

    (word,) = _known("judgement", [judgement], Judgement)
    who = person(actor)
    _over(config, lambda records: run_judge(records, name, word, reason, who))


@alerts.command()
def export(
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    since: SinceOption = None,
    until: UntilOption = None,
    out: Annotated[str, typer.Option("--out", "-o", help="Where to write; -: stdout.")] = "-",
    config: ConfigOption = None,
) -> None:
    """Write alerts with their histories and verdicts."""
    from consumers.records.desk.export import Format, run_export
    from consumers.records.desk.moments import minute_of

    (chosen,) = _known("--format", [form], Format)

    async def run(records: "DatabaseRecords") -> int:
        now = await records.now()
        which = Filter(
            since=minute_of("--since", since, now), until=minute_of("--until", until, now)
        )
        return await run_export(records, which, chosen, out)

    _over(config, run)


@alerts.command()
def quality(
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """Print precision, and false alarms against the budget, with intervals."""
    from consumers.records.desk.commands import run_quality
    from consumers.records.desk.moments import minute_of

    async def run(records: "DatabaseRecords") -> int:
        now = await records.now()
        first, end = minute_of("--since", since, now), minute_of("--until", until, now)
        return await run_quality(records, first, end, json=as_json)

    _over(config, run)
