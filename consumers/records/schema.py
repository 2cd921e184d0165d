"""
The schema of the records: made, brought up to date, and checked before a program starts.

Rules: a program starts on exactly the schema of its release. A SQLite file that is empty gets it on first
use; everything else is changed by ``groundswell records upgrade`` alone, in one transaction, and one
process at a time.
"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from consumers.records.access import tables as _access  # noqa: F401 - adds its tables
from consumers.records.engine import reading, writing
from consumers.records.notices import tables as _notices  # noqa: F401 - adds its tables
from consumers.records.schemes import tables as _schemes  # noqa: F401 - adds its table
from groundswell.errors import CannotStart

_LOCK: Final = 7_421_906_385
"""A number of our own for PostgreSQL's advisory locks."""


class Schema(NamedTuple):
    """What the database holds (None: nothing) against what this release needs."""

    held: str | None
    needed: str
    verdict: Literal["empty", "older", "right", "unknown"]


def schema_of(connection: sa.Connection) -> Schema:
    """Compare the database with this release."""
    scripts = ScriptDirectory.from_config(_config())
    needed = scripts.get_current_head() or ""
    held = MigrationContext.configure(connection).get_current_revision()
    if held is None:
        return Schema(None, needed, "empty")
    if held == needed:
        return Schema(held, needed, "right")
    known = {script.revision for script in scripts.walk_revisions()}
    return Schema(held, needed, "older" if held in known else "unknown")


def upgrade(engine: sa.Engine) -> Schema:
    """Bring the database to this release's schema; return what it held. Raises ``CannotStart``."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        before = schema_of(connection)
        if before.verdict == "unknown":
            raise CannotStart(_unknown(before))
        if before.verdict != "right":
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before


def ready(engine: sa.Engine, *, make: bool = True) -> None:
    """Refuse what is not this release's schema; ``make`` it in a SQLite file that is empty."""
    file = engine.url.database or ""
    if not make and engine.dialect.name == "sqlite" and not Path(file).exists():
        raise CannotStart(
            f"records_url: there is no file {file}; name the one that `watch` writes, or call this in "
            "its folder"
        )
    with reading(engine) as connection:
        schema = schema_of(connection)
    if make and schema.verdict == "empty" and engine.dialect.name == "sqlite":
        upgrade(engine)
    elif schema.verdict != "right":
        raise CannotStart(explained(schema))


def explained(schema: Schema) -> str:
    """Say in a sentence how the database stands, and what to do."""
    if schema.verdict == "right":
        return f"the records database has schema {schema.held}, as this release needs"
    if schema.verdict == "empty":
        return "the records database is empty: run `groundswell records upgrade`"
    if schema.verdict == "older":
        return (
            f"the records database has schema {schema.held}, older than {schema.needed}: stop all "
            "programs, back it up, run `groundswell records upgrade`"
        )
    return _unknown(schema)


def _unknown(schema: Schema) -> str:
    return (
        f"the records database has schema {schema.held}, which this release ({schema.needed}) does not "
        "know: a newer release made it; run that one, or put back the backup from before"
    )


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
