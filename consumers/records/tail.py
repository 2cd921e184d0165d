"""
The end of the history, read on and on: what happened after a number, in order, nothing left out.

Rule: numbers are given out before transactions end, so a smaller one may appear after a greater one. A
number that is missing below one that is there is therefore waited for: in PostgreSQL a lock that no writer
holds any more (SHARE on the table) says that whoever drew it has ended. What is missing then was taken
back, or forgotten, and never comes. SQLite has one writer: there numbers appear in order.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import sqlalchemy as sa

from consumers.records.alerts import Alert, Transition
from consumers.records.engine import reading, writing
from consumers.records.memory import MemoryRecords
from consumers.records.rows import alert_of, transition_of
from consumers.records.tables import alerts, history


class Happened(NamedTuple):
    """
    A transition of an alert, and the alert as it stands now.

    ``through`` in ``Stretch`` is how far all is known: who goes on reads after that.
    """

    transition: Transition
    alert: Alert


class Stretch(NamedTuple):
    """What happened after a number, in order, up to ``through``; ``more``: there is more already."""

    lines: tuple[Happened, ...]
    through: int
    more: bool


class Tail(Protocol):
    """Reads the end of the history. Raises ``Transient`` or ``CannotContinue``."""

    async def newest(self) -> int:
        """Return the number up to which all is known; 0: nothing has happened."""
        ...

    async def after(self, number: int, limit: int = 500) -> Stretch:
        """Return what alerts did after ``number``, out of at most ``limit`` lines of history."""
        ...


class DatabaseTail:
    """The ``Tail`` port over the database of the records."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    async def newest(self) -> int:
        """See the port."""
        return await asyncio.to_thread(self._newest)

    def _newest(self) -> int:
        with writing(self._engine) as connection:
            self._settle(connection)
            return int(connection.scalar(sa.select(sa.func.max(history.c.number))) or 0)

    async def after(self, number: int, limit: int = 500) -> Stretch:
        """See the port."""
        return await asyncio.to_thread(self._after, number, limit)

    def _after(self, number: int, limit: int) -> Stretch:
        with reading(self._engine) as connection:
            found = _read(connection, number, limit)
        if self._engine.dialect.name == "postgresql" and _gaps(number, found):
            with writing(self._engine) as connection:
                self._settle(connection)
                found = _read(connection, number, limit)
        lines = tuple(Happened(line, alert) for line, alert in found if alert is not None)
        through = found[-1][0].number if found else number
        return Stretch(lines, through, len(found) == limit)

    def _settle(self, connection: sa.Connection) -> None:
        """Wait until whoever has drawn a number has ended."""
        if self._engine.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE history IN SHARE MODE"))


def _read(
    connection: sa.Connection, number: int, limit: int
) -> list[tuple[Transition, Alert | None]]:
    query = (
        sa.select(history).where(history.c.number > number).order_by(history.c.number).limit(limit)
    )
    lines = list(map(transition_of, connection.execute(query)))
    named = sa.select(alerts).where(alerts.c.id.in_({line.alert for line in lines if line.alert}))
    known = {row.id: alert_of(row) for row in connection.execute(named)}
    return [(line, known.get(line.alert)) for line in lines]


def _gaps(number: int, found: Iterable[tuple[Transition, Alert | None]]) -> bool:
    numbers = [line.number for line, _ in found]
    return bool(numbers) and numbers[-1] - number != len(numbers)


class MemoryTail:
    """The twin over the twin of the records."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records

    async def newest(self) -> int:
        """See the port."""
        return max(self._records._history, default=0)  # noqa: SLF001 - it shares its twin's history

    async def after(self, number: int, limit: int = 500) -> Stretch:
        """See the port."""
        held = self._records._history  # noqa: SLF001 - it shares its twin's history
        found = [held[n] for n in sorted(held) if n > number][:limit]
        lines = []
        for line in found:
            alert = await self._records.alert(line.alert) if line.alert else None
            if alert is not None:
                lines.append(Happened(line, alert))
        return Stretch(tuple(lines), found[-1].number if found else number, len(found) == limit)
