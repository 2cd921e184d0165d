"""The commands ``groundswell series …``: their options; what they do is imported when they run."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundswell.options import ConfigOption, JsonOption, run_to_end, settings_of
from groundswell.schemes import Scheme

if TYPE_CHECKING:
    from consumers.series.commands import Desk

series = typer.Typer(
    no_args_is_help=True, help="Series: what is counted; schemes of your own words."
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="As in scheme:oil or entity:norvik; bare: a scheme.")
]


def _over(config: Any, program: "Callable[[Desk], Awaitable[int]]", *, make: bool = False) -> None:
    """Run a program over the counts and records of the settings."""
    from consumers.series.commands import opened

    async def run() -> int:
        async with opened(settings_of(config), make=make) as desk:
            return await program(desk)

    run_to_end(run())


@series.command(name="list")
def list_series(
    *,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind: topic, entity, scheme, language.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Series to show at most.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the series, the ones that counted last first, with their last 24 hours."""
    from consumers.series.commands import listed

    _over(config, lambda desk: listed(desk, kind, limit, as_json=as_json))


@series.command(name="show")
def show_series(
    name: NameArgument, *, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show a series: its words, since when it is counted, its last 24 hours, its newest stories."""
    from consumers.series.commands import told

    _over(config, lambda desk: told(desk, name, as_json=as_json))


@series.command(name="add-scheme")
def add_scheme(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in oil-spill.")],
    *,
    must: Annotated[
        list[str] | None, typer.Option(help="A word that must be there; may repeat.")
    ] = None,
    some: Annotated[
        list[str] | None, typer.Option("--any", help="One of these must be there; may repeat.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A word that must not; may repeat.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Count what holds your words: whole words or several in a row, whatever their case."""
    from consumers.series.commands import added

    scheme = Scheme(tuple(must or ()), tuple(some or ()), tuple(exclude or ()))
    _over(config, lambda desk: added(desk, name, scheme), make=True)


@series.command(name="drop")
def drop_series(name: NameArgument, config: ConfigOption = None) -> None:
    """Drop a scheme or an entity, and remove its counts; an entity may be found again."""
    from consumers.series.commands import dropped

    _over(config, lambda desk: dropped(desk, name))
