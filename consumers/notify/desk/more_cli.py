"""The commands ``channels …``, ``silences …`` and ``deliveries …``; what they do is imported when they run."""

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from consumers.notify.desk.cli import NameArgument, OwnerOption, OwnersOption, logged_in, over
from consumers.records.notices.ports import Stage
from consumers.records.notices.values import CHANNEL_KINDS, Matcher, Silence
from groundswell.errors import InputError
from groundswell.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from consumers.notify.ports import Sealer
    from consumers.records.notices.database import DatabaseNotices

channels = typer.Typer(
    no_args_is_help=True, help="Channels: where messages go, with sealed secrets."
)
silences = typer.Typer(no_args_is_help=True, help="Silences: what is not told for a while.")
deliveries = typer.Typer(no_args_is_help=True, help="Deliveries: the queue, and what is dead.")


@channels.command(name="list")
def list_channels(
    owner: OwnersOption = None,
    as_json: JsonOption = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """List channels, without their secrets."""
    from consumers.notify.desk.deeds import run_channels

    over(config, lambda r, _: run_channels(r, owner, as_json=as_json))


@channels.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    kind: Annotated[str, typer.Option(help="webhook, apprise, dingtalk, feishu, wecom, console.")],
    url: Annotated[str, typer.Option(envvar="CHANNEL_URL", help="Its address; secret.")] = "",
    secret: Annotated[
        list[str] | None,
        typer.Option(envvar="CHANNEL_SECRET", help="Signing secret; a webhook gets a new one."),
    ] = None,
    owner: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a channel; address and secret can also come from CHANNEL_URL and CHANNEL_SECRET."""
    from consumers.notify.desk.deeds import add_channel

    if kind not in CHANNEL_KINDS:
        raise InputError(f"--kind {kind}: must be one of {', '.join(CHANNEL_KINDS)}")
    made: Any = (kind, url, tuple(secret or ()))

    async def run(records: "DatabaseNotices", sealer: "Sealer") -> int:
        channel = await add_channel(records, sealer, logged_in(owner), name, made)
        typer.echo(f"channel {channel.name} leads to {channel.shown}")
        return 0

    over(config, run, sealed=True)


@channels.command()
def rotate(
    name: NameArgument,
    only: Annotated[bool, typer.Option("--only", help="End the older secrets.")] = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """Give a webhook a new signing secret; older ones sign too until --only."""
    from consumers.notify.desk.deeds import run_rotate

    over(config, lambda r, s: run_rotate(r, s, name, only=only), sealed=True)


@channels.command()
def disable(
    name: NameArgument,
    why: Annotated[str, typer.Option(help="Why.")] = "switched off by a person",
    config: ConfigOption = None,
) -> None:
    """Let one take nothing; what is queued waits."""
    from consumers.notify.desk.deeds import run_switch

    over(config, lambda r, _: run_switch(r, name, why or "switched off by a person"))


@channels.command()
def enable(name: NameArgument, config: ConfigOption = None) -> None:
    """Let one take messages again."""
    from consumers.notify.desk.deeds import run_switch

    over(config, lambda r, _: run_switch(r, name, ""))


@channels.command()
def remove(name: NameArgument, config: ConfigOption = None) -> None:
    """Forget one with its secrets; not while a subscription uses it."""
    from consumers.notify.desk.deeds import run_remove

    over(config, lambda r, _: run_remove(r, name))


@channels.command()
def key() -> None:
    """Print a new key for `secrets_key`."""
    from consumers.notify.sealing import new_key

    typer.echo(new_key())


@silences.command(name="list")
def list_silences(as_json: JsonOption = False, config: ConfigOption = None) -> None:  # noqa: FBT002
    """List the silences that have not ended."""
    from consumers.notify.desk.deeds import run_silences

    over(config, lambda r, _: run_silences(r, as_json=as_json))


@silences.command(name="add")
def add_silence(  # noqa: PLR0913 - each argument is an option of the command
    matchers: Annotated[
        list[str], typer.Argument(metavar="LABEL=VALUE…", help="As in topic=rates kind!=no_data.")
    ],
    *,
    span: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, in place of --for.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="From when, as in 2026-03-01T14:30; default: now.")
    ] = None,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it hides.")] = False,
    owner: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """Silence what matches, at most 30 days, and show what that hides."""
    from consumers.notify.desk.deeds import run_silence
    from consumers.notify.desk.making import new_id
    from consumers.records.desk.moments import moment_of, span_of

    wanted, author = tuple(matcher_of(text) for text in matchers), logged_in(owner)
    if (span is None) == (until is None):
        raise InputError("say how long: either --for 2h, or --until 2026-03-01T14:30")

    async def run(records: "DatabaseNotices", _sealer: "Sealer") -> int:
        now = await records.now()
        begin = now if start is None else moment_of("--from", start, now)
        end = begin + span_of("--for", span) if span else moment_of("--until", until or "", now)
        if end <= now:
            raise InputError("the silence would be over already: let it end in the future")
        silence = Silence(new_id(), wanted, begin, end, author, comment)
        return await run_silence(records, silence, only_show=preview)

    over(config, run)


def matcher_of(text: str) -> Matcher:
    """Return the matcher of "topic=rates|banks" or "kind!=no_data". Raises ``InputError``."""
    import msgspec

    label, equals, values = text.partition("=")
    op = "!=" if label.endswith("!") else "="
    given = {
        "label": label.removesuffix("!"),
        "op": op,
        "values": [value for value in values.split("|") if value] if equals else [],
    }
    try:
        return msgspec.convert(given, Matcher)
    except msgspec.ValidationError as error:
        raise InputError(f"{text!r}: {error}") from None


@silences.command()
def end(name: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None) -> None:
    """End one now; what goes on is told at once."""
    from consumers.notify.desk.deeds import run_end

    over(config, lambda r, _: run_end(r, name))


@deliveries.command(name="list")
def list_deliveries(
    stage: Annotated[
        str | None, typer.Option("--state", help="waiting, sent, dead, combined.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows.")] = 50,
    as_json: JsonOption = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """List the queue, the newest first."""
    from consumers.notify.desk.deeds import run_deliveries

    if stage is not None and stage not in get_args(Stage):
        raise InputError(f"--state {stage}: must be one of {', '.join(get_args(Stage))}")
    chosen: Any = stage
    over(config, lambda r, _: run_deliveries(r, chosen, limit, as_json=as_json))


@deliveries.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="NUMBER…")] = None,
    channel: Annotated[str | None, typer.Option(help="All dead ones of a channel.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All dead ones.")] = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """Try dead deliveries again, with the same keys."""
    from consumers.notify.desk.deeds import run_replay

    over(config, lambda r, _: run_replay(r, numbers or (), channel, every=every))
