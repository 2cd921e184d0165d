"""`groundswell records`: make the schema of the records database, or say how it stands."""

from pathlib import Path
from typing import Annotated

import typer

records = typer.Typer(no_args_is_help=True, help="The records database: its schema.")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file of settings; GROUNDSWELL_… variables win."),
]


@records.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the database of `records_url` to the schema of this release. Back it up first."""
    from consumers.records.commands import run_upgrade

    typer.echo(run_upgrade(config))


@records.command()
def check(config: ConfigOption = None) -> None:
    """Say whether the database has the schema of this release; exit code 1 if not."""
    from consumers.records.commands import run_check

    said, right = run_check(config)
    typer.echo(said)
    if not right:
        raise typer.Exit(1)
