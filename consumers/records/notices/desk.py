"""What the transactions of a person are made of: subscriptions, channels, silences, the queue, the log."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from consumers.records.alerts import OPEN, Alert, Transition
from consumers.records.notices.planning import put_lines
from consumers.records.notices.ports import Delivery, LogLine, Stage
from consumers.records.notices.rows import (
    channel_of,
    delivery_of,
    line_of,
    silence_of,
    subscription_of,
)
from consumers.records.notices.tables import (
    channels,
    deliveries,
    notification_log,
    silences,
    subscription_states,
    subscriptions,
)
from consumers.records.notices.values import Channel, Silence, Subscription
from consumers.records.rows import alert_of, transition_of
from consumers.records.tables import alerts, history, outbox


def put_subscription(
    connection: sa.Connection, new: Subscription, version: int | None, now: int
) -> int | Literal["changed meanwhile", "name taken", "unknown channel"]:
    """Add or replace a subscription; it is decided again at once."""
    held = connection.scalar(
        sa.select(subscriptions.c.version).where(subscriptions.c.id == new.id).with_for_update()
    )
    if version is not None and (held or 0) != version:
        return "changed meanwhile"
    twin = sa.select(subscriptions.c.id).where(
        subscriptions.c.owner == new.owner,
        subscriptions.c.name == new.name,
        subscriptions.c.id != new.id,
    )
    if connection.scalar(twin) is not None:
        return "name taken"
    there = sa.select(channels.c.id).where(channels.c.id.in_(new.channels))
    if set(connection.scalars(there)) != set(new.channels):
        return "unknown channel"
    values = {
        "owner": new.owner,
        "name": new.name,
        "value": msgspec.json.encode(new).decode(),
        "version": (held or 0) + 1,
        "changed": now,
    }
    if held is None:
        connection.execute(sa.insert(subscriptions).values(id=new.id, **values))
        connection.execute(
            sa.insert(subscription_states).values(subscription=new.id, value=b"", next_at=0)
        )
    else:
        connection.execute(
            sa.update(subscriptions).where(subscriptions.c.id == new.id).values(**values)
        )
        touch(connection, new.id)
    return (held or 0) + 1


def touch(connection: sa.Connection, subscription: str | None = None) -> None:
    """Let a subscription, or all, be decided again at the next turn."""
    statement = sa.update(subscription_states).values(next_at=0)
    if subscription is not None:
        statement = statement.where(subscription_states.c.subscription == subscription)
    connection.execute(statement)


def delete_subscription(connection: sa.Connection, name: str) -> bool:
    """Remove a subscription and what was kept of it."""
    connection.execute(
        sa.delete(subscription_states).where(subscription_states.c.subscription == name)
    )
    gone = connection.execute(sa.delete(subscriptions).where(subscriptions.c.id == name))
    return bool(gone.rowcount)


def list_subscriptions(
    connection: sa.Connection, owner: str | None
) -> tuple[tuple[Subscription, int], ...]:
    """Return subscriptions by owner and name."""
    query = sa.select(subscriptions).order_by(subscriptions.c.owner, subscriptions.c.name)
    if owner is not None:
        query = query.where(subscriptions.c.owner == owner)
    return tuple((subscription_of(row), row.version) for row in connection.execute(query))


def put_channel(connection: sa.Connection, new: Channel, now: int) -> bool:
    """Add or replace a channel; subscriptions are decided again, since one more may take messages."""
    twin = sa.select(channels.c.id).where(
        channels.c.owner == new.owner, channels.c.name == new.name, channels.c.id != new.id
    )
    if connection.scalar(twin) is not None:
        return False
    values: dict[str, Any] = {name: getattr(new, name) for name in new.__struct_fields__}
    if connection.scalar(sa.select(channels.c.id).where(channels.c.id == new.id)) is None:
        fresh = {"created": now, "times": "[]", "blocked_until": 0}
        connection.execute(sa.insert(channels).values({**values, **fresh}))
    else:
        del values["created"]
        connection.execute(sa.update(channels).where(channels.c.id == new.id).values(values))
    touch(connection)
    return True


def list_channels(connection: sa.Connection, owner: str | None) -> tuple[Channel, ...]:
    """Return channels by owner and name."""
    query = sa.select(channels).order_by(channels.c.owner, channels.c.name)
    if owner is not None:
        query = query.where(channels.c.owner == owner)
    return tuple(map(channel_of, connection.execute(query)))


def disable_channel(connection: sa.Connection, name: str, why: str) -> bool:
    """Let a channel take nothing more, or messages again."""
    done = connection.execute(
        sa.update(channels).where(channels.c.id == name).values(disabled=why, blocked_until=0)
    )
    touch(connection)
    return bool(done.rowcount)


def remove_channel(
    connection: sa.Connection, name: str, now: int
) -> Literal["removed", "unknown", "in use"]:
    """Remove a channel that no subscription uses; a row without secrets stays for what was delivered."""
    held = connection.execute(
        sa.select(channels).where(channels.c.id == name).with_for_update()
    ).one_or_none()
    if held is None or held.disabled == "removed":
        return "unknown"
    if any(name in one.channels for one, _ in list_subscriptions(connection, None)):
        return "in use"
    this = deliveries.c.channel == name
    waits = this & (deliveries.c.state == "waiting")
    connection.execute(
        sa.update(deliveries)
        .where(waits)
        .values(state="dead", finished=now, said="the channel was removed")
    )
    if connection.scalar(sa.select(deliveries.c.number).where(this).limit(1)) is None:
        connection.execute(sa.delete(channels).where(channels.c.id == name))
    else:
        bare = {"sealed": b"", "shown": "", "disabled": "removed", "name": f"removed {name}"}
        connection.execute(sa.update(channels).where(channels.c.id == name).values(bare))
    return "removed"


def put_silence(connection: sa.Connection, new: Silence) -> None:
    """Add or replace a silence."""
    connection.execute(sa.delete(silences).where(silences.c.id == new.id))
    value = msgspec.json.encode(new).decode()
    connection.execute(sa.insert(silences).values(id=new.id, value=value, ends=new.end))
    touch(connection)


def list_silences(connection: sa.Connection, ended: int) -> tuple[Silence, ...]:
    """Return the silences that end after a time, by start."""
    query = sa.select(silences).where(silences.c.ends > ended)
    found = map(silence_of, connection.execute(query))
    return tuple(sorted(found, key=lambda silence: (silence.start, silence.id)))


def list_deliveries(
    connection: sa.Connection,
    stage: Stage | None,
    channel: str | None,
    limit: int,
    before: int | None,
) -> tuple[Delivery, ...]:
    """Return rows of the queue, the newest first."""
    query = sa.select(deliveries).order_by(deliveries.c.number.desc()).limit(limit)
    if stage is not None:
        query = query.where(deliveries.c.state == stage)
    if channel is not None:
        query = query.where(deliveries.c.channel == channel)
    if before is not None:
        query = query.where(deliveries.c.number < before)
    return tuple(map(delivery_of, connection.execute(query)))


def replay(connection: sa.Connection, numbers: Sequence[int], now: int) -> int:
    """Let dead deliveries be tried again."""
    again = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.number.in_(numbers), deliveries.c.state == "dead")
        .values(state="waiting", next_at=now, attempts=0, leased_until=0, finished=None)
        .returning(deliveries)
    ).all()
    put_lines(connection, [replayed(delivery_of(row), now) for row in again])
    return len(again)


def replayed(row: Delivery, now: int) -> LogLine:
    """Return the line that says that a dead delivery is tried again."""
    return LogLine(
        at=now,
        subscription=row.subscription,
        action="replayed",
        reason=row.message.reason,
        lane=row.lane,
        channel=row.channel,
        delivery=row.number,
    )


def log(
    connection: sa.Connection, subscription: str | None, limit: int, before: int | None
) -> tuple[tuple[int, LogLine], ...]:
    """Return lines of the log, the newest first."""
    lines = notification_log
    query = sa.select(lines).order_by(lines.c.number.desc()).limit(limit)
    if subscription is not None:
        query = query.where(lines.c.subscription == subscription)
    if before is not None:
        query = query.where(lines.c.number < before)
    return tuple((row.number, line_of(row)) for row in connection.execute(query))


def told_since(connection: sa.Connection, at: int) -> tuple[tuple[Transition, Alert], ...]:
    """Return what alerts did since a time and was told, each with the alert as it stands."""
    query = (
        sa.select(history)
        .join(outbox, outbox.c.number == history.c.number)
        .where(history.c.at >= at, history.c.alert.is_not(None))
        .order_by(history.c.number)
    )
    lines = list(map(transition_of, connection.execute(query)))
    named = sa.select(alerts).where(
        alerts.c.id.in_(sa.select(history.c.alert).where(history.c.at >= at))
    )
    known = {row.id: alert_of(row) for row in connection.execute(named)}
    return tuple((line, known[line.alert]) for line in lines)


def going_on(connection: sa.Connection) -> tuple[Alert, ...]:
    """Return the alerts that are open, by id."""
    query = sa.select(alerts).where(alerts.c.state.in_(OPEN))
    return tuple(sorted(map(alert_of, connection.execute(query)), key=lambda alert: alert.id))
