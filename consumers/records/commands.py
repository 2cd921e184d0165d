"""`groundswell records upgrade | check`: what they print, and their exit codes."""

import typer

from consumers.records import schema
from consumers.records.engine import engine_of, writing
from groundswell.settings import Settings


def run_upgrade(settings: Settings) -> int:
    """Bring the database to this release's schema."""
    engine = engine_of(settings.records_url.get_secret_value())
    try:
        before = schema.upgrade(engine)
    finally:
        engine.dispose()
    if before.verdict == "right":
        typer.echo(schema.explained(before))
    else:
        typer.echo(f"the records database went from {before.held or 'empty'} to {before.needed}")
    return 0


def run_check(settings: Settings) -> int:
    """Say how the database stands; 1 if a program would refuse it."""
    engine = engine_of(settings.records_url.get_secret_value())
    try:
        with writing(engine) as connection:
            found = schema.schema_of(connection)
    finally:
        engine.dispose()
    typer.echo(schema.explained(found))
    return 0 if found.verdict == "right" else 1
