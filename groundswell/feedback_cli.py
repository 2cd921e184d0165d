"""The commands ``groundswell feedback …``: their options; what they do is imported when they run."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundswell.options import ConfigOption, settings_of

if TYPE_CHECKING:
    from consumers.records.access.database import DatabaseAccess

feedback = typer.Typer(
    no_args_is_help=True, help="What people say of labels: ask, take in, give out settled."
)

TrustedOption = Annotated[
    list[str] | None, typer.Option(help="Whose word settles a label alone; repeatable.")
]
OutOption = Annotated[str, typer.Option("--out", "-o", help="Where to write; -: stdout.")]


def _over(config: Path | None, program: "Callable[[DatabaseAccess], Awaitable[Any]]") -> Any:
    """Run a program over the records of the settings; they must be there."""
    from consumers.records.access.database import open_access

    async def run() -> Any:
        url = settings_of(config).records_url.get_secret_value()
        book = await open_access(url, make=False)
        try:
            return await program(book)
        finally:
            await book.close()

    return asyncio.run(run())


@feedback.command(name="import")
def import_(
    files: Annotated[
        list[str],
        typer.Argument(help="JSON lines with `id`, `field` and `label`, as from `queue`."),
    ],
    *,
    actor: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Who says so, where a row has no `actor`."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Add labels that people gave to the records; what they said already is not added again."""
    from training.refresh.desk import take_in

    who = actor or getpass.getuser()
    taken = _over(config, lambda book: take_in(book, files, who))
    typer.echo(
        f"{taken.added} added; {taken.known} were said already; {taken.empty} rows have no label"
    )


@feedback.command()
def export(
    *,
    out: OutOption = "-",
    items: Annotated[
        list[str] | None, typer.Option(help="JSON lines with the texts of the items; repeatable.")
    ] = None,
    trusted: TrustedOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the settled labels, a row an item; conflicts are named. Exit code 1 if there are any."""
    from training.refresh.desk import give_out

    found = _over(config, lambda book: give_out(book, items or (), frozenset(trusted or ()), out))
    for conflict in found.conflicts:
        typer.echo(f"{conflict.item}, {conflict.field}: {'; '.join(conflict.said)}", err=True)
    typer.echo(
        f"{len(found.labels)} labels are settled, {len(found.conflicts)} in conflict, "
        f"{found.waiting} wait for another vote",
        err=True,
    )
    if found.conflicts:
        raise typer.Exit(1)


@feedback.command()
def queue(  # noqa: PLR0913 - each argument is an option of the command
    files: Annotated[
        list[str], typer.Argument(help="JSON lines that `classify` wrote, or of topic `opinions`.")
    ],
    *,
    count: Annotated[int, typer.Option(min=1, help="Items to ask about.")] = 50,
    field: Annotated[str, typer.Option(help="sentiment or topic.")] = "sentiment",
    challenger: Annotated[
        list[str] | None,
        typer.Option(help="The same items as another model labelled them; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random share.")] = 0,
    trusted: TrustedOption = None,
    out: OutOption = "-",
    config: ConfigOption = None,
) -> None:
    """Choose what to ask people next, with the reason for each: fill in `label`, then import it."""
    from training.refresh.desk import ask

    settings = settings_of(config)
    rows = asyncio.run(
        ask(settings, files, challenger or (), field, count, seed, frozenset(trusted or ()), out)
    )
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    told = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    typer.echo(f"{len(rows)} items: {told or 'nothing is left to ask'}", err=True)
