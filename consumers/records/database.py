"""
The records in SQLite or PostgreSQL.

Rules: a method is one transaction in a thread of its own; one that is cancelled may still be done, which
is why each may be called again. Times are the database's: processes on many machines then agree when a
lease has expired. Safety does not hang on that: it is the epoch that is compared.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from consumers.records import folding
from consumers.records import statements as sql
from consumers.records.acting import acted
from consumers.records.alerts import OPEN, Alert, Judgement, Mark, Minute, Said, Transition, Verdict
from consumers.records.engine import engine_of, reading, translated, writing
from consumers.records.ports import (
    FREELY,
    Action,
    Bound,
    Committed,
    Filter,
    Lease,
    Loaded,
    Nothing,
    Outgoing,
    Page,
    Refused,
    Span,
)
from consumers.records.rows import alert_of, transition_of
from consumers.records.schema import ready
from consumers.records.tables import alerts, history, outbox, spans, states, verdicts


async def open_records(url: str, *, make: bool = True) -> "DatabaseRecords":
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
    return DatabaseRecords(engine)


class DatabaseRecords:
    """The ``Records`` port; ``wall`` is the time in ms, by default the database's."""

    def __init__(self, engine: sa.Engine, wall: Callable[[sa.Connection], int] = sql.wall) -> None:
        self._engine = engine
        self._wall = wall

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        return await asyncio.to_thread(self._acquire, holder, ttl_ms)

    def _acquire(self, holder: str, ttl_ms: int) -> Lease:
        with writing(self._engine) as connection:
            held = sql.locked_lease(connection)
            now = self._wall(connection)
            if held.holder not in {"", holder} and held.expires > now:
                return Lease(held.holder, held.epoch, held.expires)
            lease = Lease(holder, held.epoch + 1, now + ttl_ms)
            sql.set_lease(connection, **lease._asdict())
            return lease

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        return await asyncio.to_thread(self._renew, lease, ttl_ms)

    def _renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        with writing(self._engine) as connection:
            if not _holds(sql.locked_lease(connection), lease):
                return None
            expires = self._wall(connection) + ttl_ms
            sql.set_lease(connection, expires=expires)
            return lease._replace(expires=expires)

    async def release(self, lease: Lease) -> None:
        await asyncio.to_thread(self._release, lease)

    def _release(self, lease: Lease) -> None:
        with writing(self._engine) as connection:
            if _holds(sql.locked_lease(connection), lease):
                sql.set_lease(connection, holder="", expires=0)

    async def load(self) -> Loaded:
        return await asyncio.to_thread(self._load)

    def _load(self) -> Loaded:
        with reading(self._engine) as connection:
            minute = connection.scalar(sa.text("SELECT minute FROM lease WHERE name = 'watch'"))
            held = {row.name: bytes(row.value) for row in connection.execute(sa.select(states))}
            newest = sql.selected(Filter())
            live = newest.where(alerts.c.state.in_(OPEN))
            unnoticed = newest.where(alerts.c.closed)
            return Loaded(
                minute,
                held,
                tuple(map(alert_of, connection.execute(live))),
                tuple(map(alert_of, connection.execute(unnoticed))),
            )

    async def commit_minute(self, lease: Lease, minute: Minute) -> Committed | Refused:
        return await asyncio.to_thread(self._commit, lease, minute)

    def _commit(self, lease: Lease, minute: Minute) -> Committed | Refused:
        with writing(self._engine) as connection:
            held = sql.locked_lease(connection)
            if not _holds(held, lease):
                return Refused("not the holder", held.epoch, held.minute)
            if held.minute == minute.minute and held.minute_epoch == lease.epoch:
                return Committed(sql.closed(connection))
            behind = held.minute is not None and minute.minute <= held.minute
            if held.minute != minute.after or behind:
                return Refused("not the next minute", held.epoch, held.minute)
            at = self._wall(connection)
            known = sql.locked_alerts(connection, folding.touched(minute))
            written = folding.applied(known, minute, at)
            sql.set_lease(connection, minute=minute.minute, minute_epoch=lease.epoch)
            sql.put_states(connection, minute.states)
            sql.put_alerts(connection, written.alerts.values())
            for transition, tell in written.transitions:
                sql.put_transition(connection, transition, tell=tell)
            sql.put_span(connection, minute)
            sql.forget(connection, folding.forgotten(held.minute, minute.minute))
            for verdict in minute.verdicts:
                sql.put_verdict(connection, verdict, at)
            return Committed(sql.closed(connection))

    async def alerts(self, which: Filter, limit: int = 100, after: str | None = None) -> Page:
        return await asyncio.to_thread(self._page, which, limit, after)

    def _page(self, which: Filter, limit: int, after: str | None) -> Page:
        query = sql.selected(which)
        if after is not None:
            opened, name = folding.place(after)
            query = query.where(
                (alerts.c.opened < opened) | ((alerts.c.opened == opened) & (alerts.c.id < name))
            )
        with reading(self._engine) as connection:
            found = [alert_of(row) for row in connection.execute(query.limit(limit + 1))]
        more = len(found) > limit
        return Page(tuple(found[:limit]), folding.page_after(found[limit - 1]) if more else None)

    async def alert(self, id: str) -> Alert | None:  # noqa: A002
        return await asyncio.to_thread(self._alert, id)

    def _alert(self, name: str) -> Alert | None:
        return folding.the_one(self._beginning(name, 2), name)

    async def beginning(self, text: str, limit: int = 10) -> tuple[Alert, ...]:
        return await asyncio.to_thread(self._beginning, text, limit)

    def _beginning(self, text: str, limit: int) -> tuple[Alert, ...]:
        begins = sa.func.substr(alerts.c.id, 1, len(text)) == text
        query = sa.select(alerts).where(begins if text else sa.false()).order_by(alerts.c.id)
        with reading(self._engine) as connection:
            return tuple(map(alert_of, connection.execute(query.limit(limit))))

    async def history(self, alert: str) -> tuple[Transition, ...]:
        return await asyncio.to_thread(self._history, alert)

    def _history(self, alert: str) -> tuple[Transition, ...]:
        lines = sa.select(history).where(history.c.alert == alert).order_by(history.c.sequence)
        with reading(self._engine) as connection:
            return tuple(map(transition_of, connection.execute(lines)))

    async def verdicts(self, alert: str) -> tuple[Said, ...]:
        return await asyncio.to_thread(self._verdicts, alert)

    def _verdicts(self, alert: str) -> tuple[Said, ...]:
        said = sa.select(verdicts).where(verdicts.c.alert == alert).order_by(verdicts.c.number)
        with reading(self._engine) as connection:
            return tuple(
                Said(row.alert, row.judgement, row.reason, row.actor, row.at)
                for row in connection.execute(said)
            )

    async def spans(self) -> tuple[Span, ...]:
        return await asyncio.to_thread(self._spans)

    def _spans(self) -> tuple[Span, ...]:
        with reading(self._engine) as connection:
            query = sa.select(spans).order_by(spans.c.since)
            return tuple(Span(*row) for row in connection.execute(query))

    async def now(self) -> int:
        return await asyncio.to_thread(self._now)

    def _now(self) -> int:
        with reading(self._engine) as connection:
            return self._wall(connection)

    async def act(
        self,
        alert: str,
        action: Action,
        actor: str,
        comment: str,
        until: int | None = None,
        *,
        to: str = "",
        bound: Bound = FREELY,
    ) -> Alert | Nothing:
        mark = Mark(folding.words(actor), 0, folding.words(comment), until)
        return await asyncio.to_thread(self._act, alert, action, mark, folding.words(to), bound)

    def _act(self, name: str, action: Action, mark: Mark, to: str, bound: Bound) -> Alert | Nothing:
        with writing(self._engine) as connection:
            at = self._wall(connection)
            known = self._bound(connection, name, bound)
            if isinstance(known, str):
                return known
            done = acted(known, action, msgspec.structs.replace(mark, at=at), to)
            if isinstance(done, str):
                return done
            if bound.link is not None:
                sql.use_link(connection, *bound.link, at)
            if done[1] is not None:
                sql.put_alerts(connection, [done[0]])
                sql.put_transition(connection, done[1], tell=True)
            return done[0]

    def _bound(self, connection: sa.Connection, name: str, bound: Bound) -> Alert | Nothing:
        """Return the alert, locked, if what must hold does."""
        known = sql.locked_alerts(connection, [name]).get(name)
        if known is None:
            return "unknown alert"
        if bound.still is not None and not bound.still(known, self._wall(connection)):
            return "changed meanwhile"
        if bound.link is not None and sql.link_used(connection, bound.link[0]):
            return "the link was used before"
        return known

    async def judge(
        self, alert: str, judgement: Judgement, reason: str, actor: str, bound: Bound = FREELY
    ) -> Alert | Nothing:
        verdict = Verdict(alert, judgement, folding.words(reason), folding.words(actor))
        return await asyncio.to_thread(self._judge, verdict, bound)

    def _judge(self, verdict: Verdict, bound: Bound) -> Alert | Nothing:
        with writing(self._engine) as connection:
            known = self._bound(connection, verdict.alert, bound)
            if isinstance(known, str):
                return known
            judged = folding.judged(known, verdict)
            sql.put_alerts(connection, [judged])
            sql.put_verdict(connection, verdict, self._wall(connection))
            return judged

    async def unsent(self, limit: int = 100) -> tuple[Outgoing, ...]:
        return await asyncio.to_thread(self._unsent, limit)

    def _unsent(self, limit: int) -> tuple[Outgoing, ...]:
        waiting = (
            sa.select(history)
            .join(outbox, outbox.c.number == history.c.number)
            .where(outbox.c.sent_at.is_(None))
            .order_by(history.c.number)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            lines = [transition_of(row) for row in connection.execute(waiting)]
            named = sa.select(alerts).where(alerts.c.id.in_({line.alert for line in lines}))
            known = {row.id: alert_of(row) for row in connection.execute(named)}
        return tuple(Outgoing(line.number, line, known.get(line.alert)) for line in lines)

    async def sent(self, numbers: Sequence[int]) -> None:
        await asyncio.to_thread(self._sent, numbers)

    def _sent(self, numbers: Sequence[int]) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sa.update(outbox)
                .where(outbox.c.number.in_(numbers), outbox.c.sent_at.is_(None))
                .values(sent_at=self._wall(connection))
            )

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.dispose)


def _holds(held: sa.Row[tuple[object, ...]], lease: Lease) -> bool:
    return (held.holder, held.epoch) == (lease.holder, lease.epoch)
