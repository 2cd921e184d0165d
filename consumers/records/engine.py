"""
The way to the database: its address, its connections, and what its errors mean.

Rules: SQLite runs in WAL mode, waits five seconds for a writer, and a transaction that writes says so from
its start (BEGIN IMMEDIATE), so that it never fails half-way for a lock. PostgreSQL writes under READ
COMMITTED with rows locked, and reads under REPEATABLE READ; it ends the session of a process that pauses
inside a transaction, so that another can take over. No message holds a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from groundswell.errors import Bug, CannotContinue, CannotStart, SettingsError, Transient

BUSY_SECONDS = 5
_PATIENCE = " ".join(
    f"-c {name}={BUSY_SECONDS}s" for name in ("lock_timeout", "idle_in_transaction_session_timeout")
)
# A server that is gone without a word (a machine, a network) is noticed, not waited for.
_NOTICED = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_SCHEMA_GONE = ("no such table", "no such column", "has no column")
_BROKEN = ("malformed", "not a database", "readonly")


def engine_of(url: str) -> sa.Engine:
    """Return the engine for ``url``. Raises ``SettingsError``; connects to nothing yet."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise SettingsError(
            "records_url: not an address; use sqlite:///FILE or postgresql://…"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    raise SettingsError(
        f"records_url: {parsed.get_backend_name()} is not supported; use sqlite:///FILE or "
        "postgresql://…"
    )


def _sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError("records_url: name a file, as in sqlite:///groundswell.db")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir():
        raise CannotStart(f"records_url: the folder {folder} does not exist; create it")
    engine = sa.create_engine(
        url.set(drivername="sqlite+pysqlite"), connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else the driver begins transactions by itself, and late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_timeout=BUSY_SECONDS,
            connect_args={"connect_timeout": BUSY_SECONDS, "options": _PATIENCE, **_NOTICED},
        )
    except ImportError:
        raise CannotStart(
            "records_url: PostgreSQL needs its driver: pip install 'groundswell[postgres]'"
        ) from None


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that writes."""
    with translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that reads, all of it as of one instant."""
    with translated():
        options: dict[str, Any] = {"reads": True}
        if engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with engine.execution_options(**options).begin() as connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except PoolTimeout as error:
        raise Transient("the records database has no connection left") from error
    except DBAPIError as error:
        raise _meaning(error) from error


def _meaning(error: DBAPIError) -> Exception:
    said = str(error.orig).strip().split("\n")[0]
    if isinstance(error, IntegrityError):
        return Bug(f"the records database refuses what was written ({said})")
    gone = isinstance(error, ProgrammingError) or any(words in said for words in _SCHEMA_GONE)
    if gone:
        return CannotContinue(
            f"the records database is not as this release made it ({said}): see `groundswell records "
            "check`"
        )
    if any(words in said for words in _BROKEN):
        return CannotContinue(f"the records database cannot be used ({said}): see docs/records.md")
    away = isinstance(error, OperationalError | InterfaceError | InternalError)
    if away or error.connection_invalidated:
        return Transient(f"the records database is away ({said})")
    return Bug(f"the records database refuses a statement ({said})")
