"""
What the transactions of the records are made of.

Rules: rows are locked in one order, the lease first and then alerts by id, so that no two transactions
wait for each other. A transition is numbered while its alert is locked: numbers of one alert follow its
sequence, also where transactions run side by side.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from consumers.records import folding
from consumers.records.alerts import Alert, Minute, Transition, Verdict
from consumers.records.ports import Filter, Span
from consumers.records.rows import alert_of, assigned_beginning, line_of, row_of
from consumers.records.tables import (
    alerts,
    history,
    lease,
    outbox,
    spans,
    states,
    used_links,
    verdicts,
)

_CLOCKS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
}


def wall(connection: sa.Connection) -> int:
    """Return the time of the database, in ms."""
    clock = _CLOCKS[connection.dialect.name]
    return int(connection.execute(sa.text(f"SELECT {clock}")).scalar_one())


def locked_lease(connection: sa.Connection) -> sa.Row[Any]:
    """Return the row of the lease; nobody else changes it until the transaction ends."""
    return connection.execute(
        sa.select(lease).where(lease.c.name == "watch").with_for_update()
    ).one()


def set_lease(connection: sa.Connection, **values: Any) -> None:
    """Change the row of the lease."""
    connection.execute(sa.update(lease).where(lease.c.name == "watch").values(**values))


def locked_alerts(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Alert]:
    """Return those of the alerts that exist; nobody else changes them until the transaction ends."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    found = sa.select(alerts).where(alerts.c.id.in_(wanted)).order_by(alerts.c.id)
    return {row.id: alert_of(row) for row in connection.execute(found.with_for_update())}


def closed(connection: sa.Connection) -> tuple[str, ...]:
    """Return the alerts that a person resolved and no minute has noticed, by id."""
    return tuple(sorted(connection.scalars(sa.select(alerts.c.id).where(alerts.c.closed))))


def put_states(connection: sa.Connection, changed: Mapping[str, bytes]) -> None:
    """Write the detector's state; an empty value removes one."""
    kept = [{"name": name, "value": value} for name, value in changed.items() if value]
    gone = [{"gone": name} for name, value in changed.items() if not value]
    if kept:
        _upsert(connection, states, kept)
    if gone:
        connection.execute(sa.delete(states).where(states.c.name == sa.bindparam("gone")), gone)


def put_alerts(connection: sa.Connection, changed: Iterable[Alert]) -> None:
    """Write alerts, new ones and others."""
    rows = [row_of(alert) for alert in changed]
    if rows:
        _upsert(connection, alerts, rows)


def put_transition(connection: sa.Connection, transition: Transition, *, tell: bool) -> None:
    """Add a line to the history, and to the outbox."""
    added = sa.insert(history).values(line_of(transition)).returning(history.c.number)
    number = connection.execute(added).scalar_one()
    if tell:
        connection.execute(sa.insert(outbox).values(number=number))


def put_span(connection: sa.Connection, minute: Minute) -> None:
    """Write under which budget a minute was decided."""
    newest = sa.select(spans).order_by(spans.c.since.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    span = folding.spanned(None if row is None else Span(*row), minute)
    if span is not None:
        _upsert(connection, spans, [span._asdict()])


def forget(connection: sa.Connection, before: int | None) -> None:
    """Remove what was never told of series without an alert before a minute."""
    if before is None:
        return
    told = sa.exists().where(outbox.c.number == history.c.number)
    connection.execute(
        sa.delete(history).where(history.c.alert.is_(None), history.c.minute < before, ~told)
    )


def put_verdict(connection: sa.Connection, verdict: Verdict, at: int) -> None:
    """Add what was said of an alert, unless the same actor said the same last."""
    last = connection.execute(
        sa.select(verdicts)
        .where(verdicts.c.alert == verdict.alert, verdicts.c.actor == verdict.actor)
        .order_by(verdicts.c.number.desc())
        .limit(1)
    ).one_or_none()
    if last is None or (last.judgement, last.reason) != (verdict.judgement, verdict.reason):
        values = {name: getattr(verdict, name) for name in verdict.__struct_fields__}
        connection.execute(sa.insert(verdicts).values(**values, at=at))


def link_used(connection: sa.Connection, link: str) -> bool:
    """Say whether a link was used."""
    held = sa.select(used_links.c.link).where(used_links.c.link == link)
    return connection.scalar(held) is not None


def use_link(connection: sa.Connection, link: str, until: int, now: int) -> None:
    """Remember that a link was used, and forget those that are good no longer (times in ms)."""
    connection.execute(sa.delete(used_links).where(used_links.c.until < now))
    connection.execute(sa.insert(used_links).values(link=link, until=until))


def selected(which: Filter) -> sa.Select[Any]:
    """Return the query for a filter, the newest first; ``folding.matches`` says the same."""
    query = sa.select(alerts).order_by(alerts.c.opened.desc(), alerts.c.id.desc())
    for column, values in (
        (alerts.c.state, which.states),
        (alerts.c.kind, which.kinds),
        (alerts.c.series, which.series),
        (alerts.c.severity, which.severities),
    ):
        if values:
            query = query.where(column.in_(values))
    if which.since is not None:
        query = query.where(alerts.c.opened >= which.since)
    if which.until is not None:
        query = query.where(alerts.c.opened < which.until)
    for flag, wanted in (
        (alerts.c.verdict, which.judged),
        (alerts.c.acknowledged, which.acknowledged),
    ):
        if wanted is not None:
            query = query.where(flag.is_not(None) if wanted else flag.is_(None))
    if which.assigned is not None:
        begins = assigned_beginning(which.assigned)
        query = query.where(sa.func.substr(alerts.c.assigned, 1, len(begins)) == begins)
    return query


def _upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    key = list(table.primary_key.columns)
    others = {c.name: statement.excluded[c.name] for c in table.columns if c not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others), rows)
