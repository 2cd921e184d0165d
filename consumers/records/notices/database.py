"""
Notification in SQLite or PostgreSQL; see ``consumers/records/database.py`` for the rules.

Rules: who waits for a lock longer than the engine's patience is told ``Transient``. SQLite has one writer, so
that the writers of one process take turns here and do not wait for its lock by polling.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import sqlalchemy as sa

from consumers.records import statements as sql
from consumers.records.alerts import Alert, Transition
from consumers.records.engine import engine_of, reading, translated, writing
from consumers.records.notices import desk, planning, pruning, queueing
from consumers.records.notices.ports import (
    Claim,
    Delivery,
    Limits,
    LogLine,
    Outcome,
    Plan,
    Planned,
    Pruned,
    Stage,
    Work,
)
from consumers.records.notices.tables import WAITS, deliveries
from consumers.records.notices.together import Together
from consumers.records.notices.values import Channel, Message, Silence, Subscription
from consumers.records.ports import Lease
from consumers.records.schema import ready

T = TypeVar("T")


async def open_notices(url: str) -> "DatabaseNotices":
    """Connect, and check the schema. Raises ``CannotStart`` or ``Transient``."""
    engine = engine_of(url)
    try:
        with translated():
            await asyncio.to_thread(ready, engine)
    except BaseException:
        engine.dispose()
        raise
    return DatabaseNotices(engine)


class DatabaseNotices:
    """The ``Notices`` port; ``wall`` is the time in ms, by default the database's."""

    def __init__(self, engine: sa.Engine, wall: Callable[[sa.Connection], int] = sql.wall) -> None:
        self._engine = engine
        self._wall = wall
        alone = engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock() if alone else contextlib.nullcontext()
        self._settled = Together(self._settle_all)

    async def _write(self, call: Callable[[sa.Connection], T]) -> T:
        def transaction() -> T:
            with writing(self._engine) as connection:
                return call(connection)

        async with self._turn:
            return await asyncio.to_thread(transaction)

    async def _read(self, call: Callable[[sa.Connection], T]) -> T:
        def transaction() -> T:
            with reading(self._engine) as connection:
                return call(connection)

        return await asyncio.to_thread(transaction)

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        return await self._write(lambda c: planning.acquired(c, holder, ttl_ms, self._wall(c)))

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        def renewed(connection: sa.Connection) -> Lease | None:
            if not planning.holds(planning.locked(connection), lease):
                return None
            expires = self._wall(connection) + ttl_ms
            planning.put(connection, expires=expires)
            return lease._replace(expires=expires)

        return await self._write(renewed)

    async def release(self, lease: Lease) -> None:
        def released(connection: sa.Connection) -> None:
            if planning.holds(planning.locked(connection), lease):
                planning.put(connection, holder="", expires=0)

        await self._write(released)

    async def work(self, limit: int = 200) -> Work:
        return await self._read(lambda c: planning.work(c, limit, self._wall(c)))

    async def alerts_of(self, ids: Sequence[str]) -> Mapping[str, Alert]:
        return await self._read(lambda c: planning.alerts_of(c, ids))

    async def commit_plan(self, lease: Lease, plan: Plan) -> bool:
        return await self._write(lambda c: planning.commit(c, lease, plan, self._wall(c)))

    async def claim(
        self, worker: str, limit: int, lease_ms: int, pace: Mapping[str, Limits]
    ) -> tuple[Claim, ...]:
        return await self._write(
            lambda c: queueing.claim(c, worker, limit, lease_ms, pace, self._wall(c))
        )

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        return await self._settled((claim, outcome))

    async def _settle_all(self, tries: Sequence[tuple[Claim, Outcome]]) -> Sequence[bool]:
        return await self._write(lambda c: queueing.settle(c, tries, self._wall(c)))

    async def combine(self, claim: Claim, into: int, message: Message) -> bool:
        return await self._write(lambda c: queueing.combine(c, claim, into, message, self._wall(c)))

    async def waiting(self) -> tuple[int, int | None]:
        def counted(connection: sa.Connection) -> tuple[int, int | None]:
            figures = sa.select(sa.func.count(), sa.func.min(deliveries.c.planned_at))
            row = connection.execute(figures.where(deliveries.c.state == WAITS)).one()
            return row[0], row[1]

        return await self._read(counted)

    async def prune(self, deliveries: int | None, log: int | None, limit: int = 500) -> Pruned:
        def pruned(connection: sa.Connection) -> Pruned:
            return pruning.prune(connection, self._wall(connection), deliveries, log, limit)

        return await self._write(pruned)

    async def put_subscription(
        self, subscription: Subscription, version: int | None = None
    ) -> int | Literal["changed meanwhile", "name taken", "unknown channel"]:
        return await self._write(
            lambda c: desk.put_subscription(c, subscription, version, self._wall(c))
        )

    async def delete_subscription(self, id: str) -> bool:  # noqa: A002
        return await self._write(lambda c: desk.delete_subscription(c, id))

    async def subscriptions(self, owner: str | None = None) -> tuple[tuple[Subscription, int], ...]:
        return await self._read(lambda c: desk.list_subscriptions(c, owner))

    async def put_channel(self, channel: Channel) -> bool:
        return await self._write(lambda c: desk.put_channel(c, channel, self._wall(c)))

    async def channels(self, owner: str | None = None) -> tuple[Channel, ...]:
        return await self._read(lambda c: desk.list_channels(c, owner))

    async def disable_channel(self, id: str, why: str) -> bool:  # noqa: A002
        return await self._write(lambda c: desk.disable_channel(c, id, why))

    async def remove_channel(
        self,
        id: str,  # noqa: A002
    ) -> Literal["removed", "unknown", "in use"]:
        return await self._write(lambda c: desk.remove_channel(c, id, self._wall(c)))

    async def put_silence(self, silence: Silence) -> None:
        await self._write(lambda c: desk.put_silence(c, silence))

    async def silences(self, ended: int) -> tuple[Silence, ...]:
        return await self._read(lambda c: desk.list_silences(c, ended))

    async def enqueue(self, deliveries: Sequence[Planned]) -> None:
        await self._write(lambda c: planning.enqueue(c, deliveries, self._wall(c)))

    async def deliveries(
        self,
        stage: Stage | None = None,
        channel: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> tuple[Delivery, ...]:
        return await self._read(lambda c: desk.list_deliveries(c, stage, channel, limit, before))

    async def replay(self, numbers: Sequence[int]) -> int:
        return await self._write(lambda c: desk.replay(c, numbers, self._wall(c)))

    async def log(
        self, subscription: str | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, LogLine], ...]:
        return await self._read(lambda c: desk.log(c, subscription, limit, before))

    async def told_since(self, at: int) -> tuple[tuple[Transition, Alert], ...]:
        return await self._read(lambda c: desk.told_since(c, at))

    async def going_on(self) -> tuple[Alert, ...]:
        return await self._read(desk.going_on)

    async def now(self) -> int:
        return await self._read(self._wall)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.dispose)
