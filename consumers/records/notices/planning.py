"""
What the planner's transactions are made of.

Rules: the one row of ``planner`` is locked first. A row of the outbox counts as seen by standing in
``planned``, or by lying at or below the ``floor``, which follows at a distance of an hour: no transaction
of ours lasts that long, so that no lower number turns up later.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from consumers.records.alerts import Alert
from consumers.records.notices.ports import LogLine, Plan, Planned, Standing, Work
from consumers.records.notices.rows import lines_planned, planned_row, silence_of, subscription_of
from consumers.records.notices.tables import (
    channels,
    deliveries,
    notification_log,
    planned,
    planner,
    silences,
    subscription_states,
    subscriptions,
)
from consumers.records.ports import Lease
from consumers.records.rows import alert_of, transition_of
from consumers.records.tables import alerts, history, outbox

FLOOR_MS: Final = 3_600_000
_MINE = planner.c.name == "notify"


def locked(connection: sa.Connection) -> sa.Row[Any]:
    """Return the planner's row; nobody else changes it until the transaction ends."""
    return connection.execute(sa.select(planner).where(_MINE).with_for_update()).one()


def put(connection: sa.Connection, **values: Any) -> None:
    """Change the planner's row."""
    connection.execute(sa.update(planner).where(_MINE).values(**values))


def acquired(connection: sa.Connection, holder: str, ttl_ms: int, now: int) -> Lease:
    """Take the lease where it may be taken."""
    held = locked(connection)
    if held.holder not in {"", holder} and held.expires > now:
        return Lease(held.holder, held.epoch, held.expires)
    lease = Lease(holder, held.epoch + 1, now + ttl_ms)
    put(connection, **lease._asdict())
    return lease


def holds(held: sa.Row[Any], lease: Lease) -> bool:
    """Say whether the row is that of a lease."""
    return (held.holder, held.epoch) == (lease.holder, lease.epoch)


def work(connection: sa.Connection, limit: int, now: int) -> Work:
    """Return what there is to plan."""
    row = connection.execute(sa.select(planner).where(_MINE)).one()
    seen = sa.exists().where(planned.c.number == outbox.c.number)
    unseen = (
        sa.select(history)
        .join(outbox, outbox.c.number == history.c.number)
        .where(outbox.c.number > row.floor, ~seen)
        .order_by(history.c.number)
        .limit(limit)
    )
    lines = tuple(map(transition_of, connection.execute(unseen)))
    silent = sa.select(silences).where(silences.c.ends > now)
    return Work(
        row.turn,
        now,
        lines,
        alerts_of(connection, [line.alert for line in lines if line.alert]),
        _standings(connection, now, every=bool(lines)),
        tuple(map(silence_of, connection.execute(silent))),
    )


def _standings(connection: sa.Connection, now: int, *, every: bool) -> tuple[Standing, ...]:
    states = subscription_states
    query = sa.select(subscriptions.c.value, states.c.value.label("state")).join(
        states, states.c.subscription == subscriptions.c.id
    )
    if not every:
        query = query.where(states.c.next_at <= now)
    found: list[Any] = list(connection.execute(query.order_by(subscriptions.c.id)))
    taking = set[str]()
    if found:
        taking = set(connection.scalars(sa.select(channels.c.id).where(channels.c.disabled == "")))
    standing = []
    for row in found:
        one = subscription_of(row)
        reachable = tuple(name for name in one.channels if name in taking)
        standing.append(Standing(one, bytes(row.state), reachable))
    return tuple(standing)


def alerts_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Alert]:
    """Return alerts by id, with those above and beneath them."""
    found: dict[str, Alert] = {}
    for start in range(0, len(ids), 500):
        some = set(ids[start : start + 500])
        query = sa.select(alerts).where(alerts.c.id.in_(some))
        found |= {row.id: alert_of(row) for row in connection.execute(query)}
    above = {a.inhibited_by for a in found.values() if a.inhibited_by} - found.keys()
    umbrellas = {a.id for a in found.values() if a.kind == "umbrella"}
    if above or umbrellas:
        query = sa.select(alerts).where(
            alerts.c.id.in_(above)
            | (alerts.c.inhibited_by.in_(umbrellas) & (alerts.c.state != "resolved"))
        )
        found |= {row.id: alert_of(row) for row in connection.execute(query)}
    return found


def commit(connection: sa.Connection, lease: Lease, plan: Plan, now: int) -> bool:
    """Write a plan where lease and turn hold."""
    held = locked(connection)
    if not holds(held, lease) or held.turn != plan.turn:
        return False
    put(connection, turn=plan.turn + 1, floor=_raised(connection, held.floor, now))
    if plan.rows:
        rows = [{"number": number, "at": now} for number in plan.rows]
        connection.execute(sa.insert(planned), rows)
    known = set(connection.scalars(sa.select(subscriptions.c.id)))
    for name, (value, next_at) in plan.states.items():
        if name in known:
            connection.execute(
                sa.update(subscription_states)
                .where(subscription_states.c.subscription == name)
                .values(value=value, next_at=next_at)
            )
    enqueue(connection, plan.deliveries, now)
    put_lines(connection, plan.lines)
    return True


def _raised(connection: sa.Connection, floor: int, now: int) -> int:
    """Return the new floor, and forget what lies below it."""
    old = sa.select(sa.func.max(planned.c.number)).where(planned.c.at < now - FLOOR_MS)
    raised = connection.scalar(old)
    if raised is None or raised <= floor:
        return floor
    connection.execute(sa.delete(planned).where(planned.c.number <= raised))
    return int(raised)


def enqueue(connection: sa.Connection, new: Sequence[Planned], now: int) -> None:
    """Put messages into the queue, leaving out those that stand there."""
    if not new:
        return
    keys = [one.key for one in new]
    there: set[str] = set()
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        there |= set(
            connection.scalars(sa.select(deliveries.c.key).where(deliveries.c.key.in_(some)))
        )
    fresh = list({one.key: one for one in reversed(new) if one.key not in there}.values())[::-1]
    if not fresh:
        return
    # Numbers follow the order that is given: it is that of the lanes.
    added = sa.insert(deliveries).returning(deliveries.c.number, sort_by_parameter_order=True)
    numbers = connection.execute(added, [planned_row(one, now) for one in fresh]).scalars()
    lines = zip(fresh, numbers, strict=True)
    put_lines(connection, [lines_planned(one, number, now) for one, number in lines])


def put_lines(connection: sa.Connection, lines: Sequence[LogLine]) -> None:
    """Add lines to the log."""
    rows: list[Mapping[str, Any]] = [line._asdict() for line in lines]
    if rows:
        connection.execute(sa.insert(notification_log), rows)
