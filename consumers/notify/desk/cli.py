"""The commands ``subscribe`` and ``subscriptions …``: their options; what they do is imported when they run."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumers.records.notices.values import (
    ChannelKind,
    Digest,
    Filters,
    Grouping,
    Schedule,
    Subscription,
    Window,
)
from groundswell.errors import InputError
from groundswell.options import ConfigOption, JsonOption, run_to_end, settings_of

if TYPE_CHECKING:
    from consumers.notify.ports import Sealer
    from consumers.records.notices.database import DatabaseNotices

subscriptions = typer.Typer(
    no_args_is_help=True, help="Subscriptions: who is told of what, and how."
)

OwnerOption = Annotated[
    str | None, typer.Option("--owner", metavar="NAME", help="Whose; default: who is logged in.")
]
OwnersOption = Annotated[str | None, typer.Option("--owner", help="Only this owner's.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name, or an id.")]


def over(
    config: Path | None,
    program: "Callable[[DatabaseNotices, Sealer], Awaitable[int]]",
    *,
    sealed: bool = False,
) -> None:
    """Run a program over the records of the settings; ``sealed``: it needs the key."""
    from consumers.notify.desk.commands import opened
    from consumers.notify.sealing import FernetSealer, new_key, sealer_of

    settings = settings_of(config)

    async def run() -> int:
        sealer = sealer_of(settings) if sealed else FernetSealer(new_key())
        async with opened(settings) as records:
            return await program(records, sealer)

    run_to_end(run())


def logged_in(owner: str | None) -> str:
    """Return the owner, by default who is logged in."""
    from consumers.records.desk.commands import person

    return person(owner)


def window_of(option: str, text: str) -> Window:
    """Return the window of "22:00-07:00" or "22:00-07:00 mon,tue". Raises ``InputError``."""
    import msgspec

    times, _, days = text.strip().partition(" ")
    start, dash, end = times.partition("-")
    if not dash:
        raise InputError(f"{option} {text!r}: must be like 22:00-07:00, or 22:00-07:00 mon,tue,fri")
    named = [day.strip().lower()[:3] for day in days.split(",") if day.strip()]
    try:
        return msgspec.convert({"start": start, "end": end, "days": named}, Window)
    except msgspec.ValidationError as error:
        raise InputError(f"{option} {text!r}: {error}") from None


def subscribe(  # noqa: PLR0913 - each argument is an option of the command
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    *,
    topic: Annotated[list[str] | None, typer.Option(help="As in rates; may be repeated.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="A company, a person; likewise.")] = None,
    scheme: Annotated[list[str] | None, typer.Option(help="A query of your own; likewise.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="surge, umbrella, event, no_data.")] = None,
    severity: Annotated[str, typer.Option(help="warning, or only critical.")] = "warning",
    language: Annotated[list[str] | None, typer.Option(help="Of the news, as in zh.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="An outlet that must tell it.")] = None,
    stories: Annotated[int, typer.Option(min=0, help="Stories at least.")] = 0,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A signed webhook.")
    ] = None,
    apprise: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="mailto://, slack://, ntfy:// …")
    ] = None,
    dingtalk: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A bot of 钉钉.")
    ] = None,
    feishu: Annotated[list[str] | None, typer.Option(metavar="URL", help="A bot of 飞书.")] = None,
    wecom: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A bot of 企业微信.")
    ] = None,
    console: Annotated[bool, typer.Option("--console", help="Print where notify runs.")] = False,
    channel: Annotated[list[str] | None, typer.Option(help="A channel that is there.")] = None,
    quiet: Annotated[
        list[str] | None, typer.Option(help='As in "22:00-07:00", or with days.')
    ] = None,
    active: Annotated[list[str] | None, typer.Option(help='As in "09:00-18:00 mon,tue".')] = None,
    zone: Annotated[str, typer.Option(help="IANA zone, as in Asia/Shanghai.")] = "UTC",
    market: Annotated[str, typer.Option(help="Hold while it is closed: XNYS, XSHG …")] = "",
    break_through: Annotated[
        bool,
        typer.Option("--break-through/--no-break-through", help="Critical alerts at any hour."),
    ] = True,
    digest: Annotated[str | None, typer.Option(metavar="HH:MM", help="A daily digest.")] = None,
    digest_only: Annotated[
        bool, typer.Option("--digest-only", help="All but critical alerts wait for it.")
    ] = False,
    cap: Annotated[int, typer.Option(min=0, help="Messages an hour at most; 0: no limit.")] = 0,
    group_by: Annotated[
        list[str] | None, typer.Option(help="kind, class, topic, series, alert; default: kind.")
    ] = None,
    messages_in: Annotated[str, typer.Option("--in", help="Language of messages: en, zh.")] = "en",
    owner: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """Be told of alerts: makes a subscription, and the channels that it names."""
    from consumers.notify.desk.deeds import run_subscribe

    if digest_only and digest is None:
        raise InputError("--digest-only: needs --digest HH:MM")
    new: list[tuple[ChannelKind, str]] = [("console", "")] if console else []
    kinds: tuple[tuple[ChannelKind, list[str] | None], ...] = (
        ("webhook", webhook),
        ("apprise", apprise),
        ("dingtalk", dingtalk),
        ("feishu", feishu),
        ("wecom", wecom),
    )
    new += [(one, url) for one, urls in kinds for url in urls or ()]
    if not new and not channel:
        raise InputError("a channel is needed: --webhook, --apprise, --console, --channel …")
    filters = {
        "topics": topic,
        "entities": entity,
        "schemes": scheme,
        "kinds": kind,
        "languages": language,
        "sources": source,
    }
    wanted = Subscription(
        id="new",
        owner=logged_in(owner),
        name=name,
        channels=(),
        filters=_converted(
            {
                **{k: tuple(v or ()) for k, v in filters.items()},
                "severity": severity,
                "stories": stories,
            },
            Filters,
        ),
        schedule=Schedule(
            zone=zone,
            quiet=tuple(window_of("--quiet", text) for text in quiet or ()),
            active=tuple(window_of("--active", text) for text in active or ()),
            market=market,
            break_through=break_through,
        ),
        digest=None if digest is None else Digest(digest, digest_only),
        grouping=_converted({"group_by": tuple(group_by or ("kind",))}, Grouping),
        cap=cap,
        language=_converted(messages_in, Subscription.__annotations__["language"]),
    )
    over(config, lambda r, s: run_subscribe(r, s, wanted, new, channel or ()), sealed=True)


def _converted(given: Any, kind: Any) -> Any:
    import msgspec

    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"the options cannot be meant: {error}") from None


@subscriptions.command(name="list")
def list_subscriptions(
    owner: OwnersOption = None,
    as_json: JsonOption = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """List subscriptions."""
    from consumers.notify.desk.commands import run_list

    over(config, lambda r, _: run_list(r, owner, as_json=as_json))


@subscriptions.command()
def show(name: NameArgument, config: ConfigOption = None) -> None:
    """Show one as YAML, and what it was told last."""
    from consumers.notify.desk.commands import run_show

    over(config, lambda r, _: run_show(r, name))


@subscriptions.command()
def pause(name: NameArgument, config: ConfigOption = None) -> None:
    """Hold everything back, until it is resumed."""
    from consumers.notify.desk.commands import run_pause

    over(config, lambda r, _: run_pause(r, name, paused=True))


@subscriptions.command()
def resume(name: NameArgument, config: ConfigOption = None) -> None:
    """Tell again; what goes on is told at once."""
    from consumers.notify.desk.commands import run_pause

    over(config, lambda r, _: run_pause(r, name, paused=False))


@subscriptions.command()
def delete(name: NameArgument, config: ConfigOption = None) -> None:
    """Remove one; its channels stay."""
    from consumers.notify.desk.commands import run_delete

    over(config, lambda r, _: run_delete(r, name))


@subscriptions.command()
def preview(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:  # noqa: FBT002
    """Show what the last seven days would have sent, and what withheld, each with its reason."""
    from consumers.notify.desk.commands import run_preview

    over(config, lambda r, _: run_preview(r, name, as_json=as_json))


@subscriptions.command(name="test")
def send_test(name: NameArgument, config: ConfigOption = None) -> None:
    """Send a test message to every channel of one."""
    from consumers.notify.desk.commands import run_test

    over(config, lambda r, _: run_test(r, name))


@subscriptions.command(name="log")
def show_log(
    name: NameArgument,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Lines.")] = 50,
    as_json: JsonOption = False,  # noqa: FBT002
    config: ConfigOption = None,
) -> None:
    """Show what was sent and withheld, and why, the newest first."""
    from consumers.notify.desk.commands import run_log

    over(config, lambda r, _: run_log(r, name, limit, as_json=as_json))


@subscriptions.command(name="export")
def export_yaml(owner: OwnersOption = None, config: ConfigOption = None) -> None:
    """Print subscriptions as YAML, without secrets."""
    from consumers.notify.desk.commands import run_export

    over(config, lambda r, _: run_export(r, owner))


@subscriptions.command(name="import")
def import_yaml(
    file: Annotated[Path, typer.Argument(help="YAML, as `export` prints it.")],
    config: ConfigOption = None,
) -> None:
    """Take subscriptions in; those of the same owner and name are replaced."""
    from consumers.notify.desk.commands import read, run_import

    text = read(file)
    over(config, lambda r, _: run_import(r, text))
