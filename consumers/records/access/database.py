"""Access in SQLite or PostgreSQL; see ``consumers/records/database.py`` for the rules."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from consumers.records import statements as sql
from consumers.records.access.tables import api_keys, audit_log, feedback
from consumers.records.access.values import ApiKey, AuditLine, Feedback
from consumers.records.engine import engine_of, reading, translated, writing
from consumers.records.folding import words
from consumers.records.schema import ready

T = TypeVar("T")
MINUTE_MS: Final = 60_000


async def open_access(url: str, *, make: bool = True) -> "DatabaseAccess":
    """
    Connect, and check the schema. Raises ``CannotStart`` or ``Transient``.

    ``make``: whether a SQLite file that is missing or empty is made; else it is refused.
    """
    engine = engine_of(url)
    try:
        with translated():
            await asyncio.to_thread(ready, engine, make=make)
    except BaseException:
        engine.dispose()
        raise
    return DatabaseAccess(engine)


class DatabaseAccess:
    """The ``Access`` port; ``wall`` is the time in ms, by default the database's."""

    def __init__(self, engine: sa.Engine, wall: Callable[[sa.Connection], int] = sql.wall) -> None:
        self._engine = engine
        self._wall = wall

    async def _write(self, call: Callable[[sa.Connection], T]) -> T:
        def transaction() -> T:
            with writing(self._engine) as connection:
                return call(connection)

        return await asyncio.to_thread(transaction)

    async def _read(self, call: Callable[[sa.Connection], T]) -> T:
        def transaction() -> T:
            with reading(self._engine) as connection:
                return call(connection)

        return await asyncio.to_thread(transaction)

    async def add_key(self, key: ApiKey) -> bool:
        def call(connection: sa.Connection) -> bool:
            row = {**_row(key), "scopes": " ".join(key.scopes), "created": self._wall(connection)}
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            added = insert(api_keys).values(row).on_conflict_do_nothing(index_elements=["id"])
            return connection.scalar(added.returning(api_keys.c.id)) is not None

        return await self._write(call)

    async def key(self, id: str) -> ApiKey | None:  # noqa: A002
        def call(connection: sa.Connection) -> ApiKey | None:
            one = sa.select(api_keys).where(api_keys.c.id == id)
            row = connection.execute(one).one_or_none()
            return None if row is None else _key(row)

        return await self._read(call)

    async def keys(self) -> tuple[ApiKey, ...]:
        every = sa.select(api_keys).order_by(api_keys.c.created, api_keys.c.id)
        return await self._read(lambda connection: tuple(map(_key, connection.execute(every))))

    async def revoke(self, id: str) -> bool:  # noqa: A002
        def call(connection: sa.Connection) -> bool:
            this = api_keys.c.id == id
            first = sa.update(api_keys).where(this, api_keys.c.revoked.is_(None))
            connection.execute(first.values(revoked=self._wall(connection)))
            return connection.scalar(sa.select(api_keys.c.id).where(this)) is not None

        return await self._write(call)

    async def used(self, id: str) -> None:  # noqa: A002
        def call(connection: sa.Connection) -> None:
            now = self._wall(connection)
            before = api_keys.c.used.is_(None) | (api_keys.c.used <= now - MINUTE_MS)
            noted = sa.update(api_keys).where(api_keys.c.id == id, before)
            connection.execute(noted.values(used=now))

        await self._write(call)

    async def audit(self, line: AuditLine) -> None:
        def call(connection: sa.Connection) -> None:
            row = {**_row(line), "at": self._wall(connection)}
            connection.execute(sa.insert(audit_log).values(row))

        await self._write(call)

    async def audited(
        self, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, AuditLine], ...]:
        query = sa.select(audit_log).order_by(audit_log.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(audit_log.c.number < before)
        return await self._read(
            lambda connection: tuple(
                (row.number, _of(AuditLine, row)) for row in connection.execute(query)
            )
        )

    async def give_feedback(self, said: Feedback) -> int:
        def call(connection: sa.Connection) -> int:
            row = {**_row(said), "at": self._wall(connection)}
            added = sa.insert(feedback).values(row).returning(feedback.c.number)
            return int(connection.execute(added).scalar_one())

        return await self._write(call)

    async def feedback(self, limit: int = 100, after: int = 0) -> tuple[tuple[int, Feedback], ...]:
        query = (
            sa.select(feedback)
            .where(feedback.c.number > after)
            .order_by(feedback.c.number)
            .limit(limit)
        )
        return await self._read(
            lambda connection: tuple(
                (row.number, _of(Feedback, row)) for row in connection.execute(query)
            )
        )

    async def now(self) -> int:
        return await self._read(self._wall)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.dispose)


def _row(value: ApiKey | AuditLine | Feedback) -> dict[str, Any]:
    fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
    return {name: words(held) if isinstance(held, str) else held for name, held in fields}


def _key(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(**{**_fields(ApiKey, row), "scopes": tuple(row.scopes.split())})


def _of(kind: type[T], row: sa.Row[Any]) -> T:
    return kind(**_fields(kind, row))


def _fields(kind: Any, row: sa.Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in kind.__struct_fields__}
