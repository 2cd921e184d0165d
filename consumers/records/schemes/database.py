"""Schemes in SQLite or PostgreSQL; see ``consumers/records/database.py`` for the rules."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from consumers.records import statements as sql
from consumers.records.engine import engine_of, reading, translated, writing
from consumers.records.schema import ready
from consumers.records.schemes.memory import no_room
from consumers.records.schemes.ports import SchemeOnRecord
from consumers.records.schemes.tables import schemes
from groundswell.schemes import SCHEMES, Scheme


async def open_schemes(url: str, *, make: bool = True) -> "DatabaseSchemes":
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
    return DatabaseSchemes(engine)


def missing(url: str) -> bool:
    """Say whether ``url`` names a SQLite file that is not there."""
    engine = engine_of(url)
    engine.dispose()
    return engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists()


class DatabaseSchemes:
    """The ``SchemeRecords`` port; ``wall`` is the time in ms, by default the database's."""

    def __init__(self, engine: sa.Engine, wall: Callable[[sa.Connection], int] = sql.wall) -> None:
        self._engine = engine
        self._wall = wall

    async def schemes(self, *, dropped: bool = False) -> Sequence[SchemeOnRecord]:
        return await asyncio.to_thread(self._schemes, dropped=dropped)

    def _schemes(self, *, dropped: bool) -> Sequence[SchemeOnRecord]:
        query = sa.select(schemes).order_by(schemes.c.name)
        if not dropped:
            query = query.where(~schemes.c.dropped)
        with reading(self._engine) as connection:
            # By name in the order of code points, as the twin: a database may sort otherwise.
            return sorted(map(_on_record, connection.execute(query)), key=lambda s: s.name)

    async def add(self, name: str, scheme: Scheme) -> SchemeOnRecord:
        return await asyncio.to_thread(self._add, name, scheme)

    def _add(self, name: str, scheme: Scheme) -> SchemeOnRecord:
        with writing(self._engine) as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            held = connection.execute(_one(name)).one_or_none()
            if held is not None and not held.dropped:
                return _on_record(held)
            living = sa.select(sa.func.count()).select_from(schemes).where(~schemes.c.dropped)
            if connection.execute(living).scalar_one() >= SCHEMES:
                raise no_room()
            values = {
                "words": msgspec.json.encode(scheme).decode(),
                "dropped": False,
                "at": self._wall(connection),
            }
            statement = insert(schemes).values(name=name, **values)
            # Where two add one name at once the first stands, as it would one after the other.
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_=values, where=schemes.c.dropped
                )
            )
            return _on_record(connection.execute(_one(name)).one())

    async def drop(self, name: str) -> bool:
        return await asyncio.to_thread(self._drop, name)

    def _drop(self, name: str) -> bool:
        with writing(self._engine) as connection:
            living = (schemes.c.name == name) & ~schemes.c.dropped
            values = {"dropped": True, "at": self._wall(connection)}
            dropped = connection.execute(sa.update(schemes).where(living).values(values))
            return dropped.rowcount == 1

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.dispose)


def _one(name: str) -> sa.Select[Any]:
    return sa.select(schemes).where(schemes.c.name == name)


def _on_record(row: sa.Row[Any]) -> SchemeOnRecord:
    scheme = msgspec.json.decode(row.words, type=Scheme)
    return SchemeOnRecord(row.name, scheme, bool(row.dropped), row.at)
