"""Records for tests: where they live, and what is written into them."""

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from consumers.records.alerts import Episode, Minute, Move, State, alert_id
from consumers.records.database import DatabaseRecords, open_records
from consumers.records.engine import engine_of
from consumers.records.memory import MemoryRecords
from consumers.records.schema import upgrade

_NAMES = itertools.count()
T0 = 1_700_000_000_000
M0 = T0 // 60_000


@dataclass
class Hand:
    """A clock that is set by hand, in ms."""

    at: int = T0

    def __call__(self, _connection: object = None) -> int:
        return self.at


@dataclass
class World:
    """Each `place` is an empty database; all records opened on it share it."""

    kind: str
    folder: Path
    server: str = ""
    clock: Hand = field(default_factory=Hand)
    _twin: MemoryRecords | None = None
    _url: str = ""

    def url(self) -> str:
        if not self._url:
            name = f"t{next(_NAMES)}"
            if self.kind == "sqlite":
                self._url = f"sqlite:///{self.folder}/{name}.db"
            else:
                self._url = new_database(self.server, name)
        return self._url

    @asynccontextmanager
    async def open(self):
        if self.kind == "twin":
            self._twin = self._twin or MemoryRecords(self.clock)
            yield self._twin
            return
        if not self._url and self.kind == "postgresql":
            engine = engine_of(self.url())
            upgrade(engine)
            engine.dispose()
        records = await open_records(self.url())
        records._wall = self.clock
        try:
            yield records
        finally:
            await records.close()


def new_database(server: str, name: str) -> str:
    """Make an empty database on a server; return its URL."""
    engine = engine_of(server)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


def database_of(records: object) -> sa.Engine:
    assert isinstance(records, DatabaseRecords)
    return records._engine


SERIES = "topic:rates"
ID = alert_id("surge", SERIES, M0)


def episode(name: str = ID, **more) -> Episode:
    given = {"kind": "surge", "series": SERIES, "onset": M0, "about": "tone", "severity": "warning"}
    return Episode(name, **{**given, **more})


def move(before: State, after: State, alert: str = ID, **more) -> Move:
    return Move(more.pop("series", SERIES), before, after, f"{before} to {after}", alert, **more)


def fired(minute: int = M0, after: int | None = None, **more) -> Minute:
    """A minute in which the alert fires."""
    return Minute(minute, after, episodes=(episode(**more),), moves=(move("normal", "firing"),))
