"""
What the workers' transactions are made of.

Rules: a channel's row is locked by who claims of it, so that its pace is one for all workers. A delivery
is claimed only if no earlier one of its lane waits, and none of the lane "*", which itself waits for all
earlier ones. Whatever is written about a claim names its fence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from consumers.records.notices import pacing
from consumers.records.notices.planning import enqueue, put_lines
from consumers.records.notices.ports import Claim, Limits, LogLine, Outcome
from consumers.records.notices.rows import channel_of, claim_of, message_of
from consumers.records.notices.tables import WAITS, channels, deliveries
from consumers.records.notices.values import Message

BARRIER = "*"
_MOST_AT_ONCE = 10
"""Deliveries of one channel in one claim: one worker shall not take all."""


def claim(
    connection: sa.Connection,
    worker: str,
    limit: int,
    lease_ms: int,
    pace: Mapping[str, Limits],
    now: int,
) -> tuple[Claim, ...]:
    """Lease what is due."""
    ready = (
        (deliveries.c.state == WAITS)
        & (deliveries.c.next_at <= now)
        & (deliveries.c.leased_until <= now)
    )
    due = sa.exists().where(deliveries.c.channel == channels.c.id, ready)
    open_ = (
        sa.select(channels)
        .where(due, channels.c.disabled == "", channels.c.blocked_until <= now)
        .order_by(channels.c.id)
        .with_for_update(skip_locked=True)
    )
    claims: list[Claim] = []
    for row in connection.execute(open_).all():
        limits = pace.get(row.kind, ())
        times = msgspec.json.decode(row.times, type=tuple[int, ...])
        most = min(pacing.room(times, limits, now), limit - len(claims), _MOST_AT_ONCE)
        if most <= 0:
            continue
        taken = _taken(connection, row, ready, most, (worker, now + lease_ms))
        claims += taken
        if taken and limits:
            used = pacing.after(times, limits, now, len(taken))
            connection.execute(
                sa.update(channels)
                .where(channels.c.id == row.id)
                .values(times=msgspec.json.encode(used).decode())
            )
    return tuple(claims)


def _taken(
    connection: sa.Connection,
    channel: sa.Row[Any],
    ready: sa.ColumnElement[bool],
    most: int,
    holder: tuple[str, int],
) -> list[Claim]:
    before = deliveries.alias("before")
    earlier = (
        (before.c.state == WAITS)
        & (before.c.channel == deliveries.c.channel)
        & (before.c.number < deliveries.c.number)
    )
    blocked = (
        sa.exists().where(earlier, before.c.lane == deliveries.c.lane)
        | sa.exists().where(earlier, before.c.lane == BARRIER)
        | ((deliveries.c.lane == BARRIER) & sa.exists().where(earlier))
    )
    heads = (
        sa.select(deliveries)
        .where(ready, deliveries.c.channel == channel.id, ~blocked)
        .order_by(deliveries.c.number)
        .limit(most)
    )
    claims = []
    worker, until = holder
    for row in connection.execute(heads).all():
        done = connection.execute(
            sa.update(deliveries)
            .where(
                deliveries.c.number == row.number,
                deliveries.c.fence == row.fence,
                deliveries.c.state == WAITS,
            )
            .values(
                fence=row.fence + 1,
                attempts=row.attempts + 1,
                leased_until=until,
                worker=worker,
            )
        )
        if done.rowcount:
            behind = _behind(connection, row) if row.attempts else ()
            claims.append(claim_of(row, channel_of(channel), until, behind))
    return claims


def _behind(connection: sa.Connection, row: sa.Row[Any]) -> tuple[tuple[int, Message], ...]:
    """Return what waits behind a delivery in its lane, as far as the next barrier."""
    if row.lane == BARRIER:
        return ()
    waits = (
        (deliveries.c.state == WAITS)
        & (deliveries.c.channel == row.channel)
        & (deliveries.c.number > row.number)
    )
    barrier = connection.scalar(
        sa.select(sa.func.min(deliveries.c.number)).where(waits, deliveries.c.lane == BARRIER)
    )
    query = sa.select(deliveries.c.number, deliveries.c.payload).where(
        waits, deliveries.c.lane == row.lane
    )
    if barrier is not None:
        query = query.where(deliveries.c.number < barrier)
    found = connection.execute(query.order_by(deliveries.c.number).limit(50))
    return tuple((number, message_of(payload)) for number, payload in found)


def settle(
    connection: sa.Connection, tries: Sequence[tuple[Claim, Outcome]], now: int
) -> list[bool]:
    """
    Write how tries ended; say for each whether its claim still held.

    Channels that change are locked first, as ``claim`` does, and all rows in one order.
    """
    changing = {c.channel.id for c, o in tries if o.disable or o.blocked_until}
    if changing:
        lock = sa.select(channels.c.id).where(channels.c.id.in_(changing))
        connection.execute(lock.order_by(channels.c.id).with_for_update())
    answers = dict.fromkeys(range(len(tries)), False)
    for place in sorted(answers, key=lambda n: tries[n][0].number):
        answers[place] = _settled(connection, *tries[place], now)
    held = [one for one, written in zip(tries, answers.values(), strict=True) if written]
    put_lines(connection, [tried(claim, outcome, now) for claim, outcome in held])
    enqueue(connection, [notice for _, outcome in held for notice in outcome.notices], now)
    return list(answers.values())


def _settled(connection: sa.Connection, claim: Claim, outcome: Outcome, now: int) -> bool:
    done = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.number == claim.number,
            deliveries.c.fence == claim.fence,
            deliveries.c.state == WAITS,
        )
        .values(
            state=outcome.stage,
            said=outcome.said,
            next_at=outcome.next_at,
            leased_until=0,
            finished=None if outcome.stage == "waiting" else now,
        )
    )
    if not done.rowcount:
        return False
    changes: dict[str, object] = {}
    if outcome.disable:
        changes["disabled"] = outcome.disable
    if outcome.blocked_until:
        changes["blocked_until"] = outcome.blocked_until
    if changes:
        this = channels.c.id == claim.channel.id
        connection.execute(sa.update(channels).where(this).values(**changes))
    return True


def tried(claim: Claim, outcome: Outcome, now: int) -> LogLine:
    """Return the line that says how a try ended."""
    return LogLine(
        at=now,
        subscription=claim.subscription,
        action="retry" if outcome.stage == "waiting" else outcome.stage,
        reason=claim.message.reason,
        lane=claim.lane,
        channel=claim.channel.id,
        delivery=claim.number,
        detail=f"try {claim.attempts}: {outcome.said}",
    )


def combine(connection: sa.Connection, claim: Claim, into: int, message: Message, now: int) -> bool:
    """Leave a claimed delivery, and those between, to a later one of its lane."""
    mine = (deliveries.c.number == claim.number) & (deliveries.c.fence == claim.fence)
    waits = deliveries.c.state == WAITS
    if connection.scalar(sa.select(deliveries.c.number).where(mine, waits)) is None:
        return False
    changed = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.number == into, waits, deliveries.c.attempts == 0)
        .values(payload=msgspec.json.encode(message).decode(), next_at=now)
    )
    if not changed.rowcount:
        return False
    gone = connection.execute(
        sa.update(deliveries)
        .where(
            waits,
            deliveries.c.channel == claim.channel.id,
            deliveries.c.lane == claim.lane,
            deliveries.c.number.between(claim.number, into - 1),
        )
        .values(state="combined", finished=now, said=f"combined into {into}")
        .returning(deliveries.c.number)
    )
    lines = [combined(claim, number, into, now) for number in sorted(gone.scalars())]
    put_lines(connection, lines)
    return True


def combined(claim: Claim, number: int, into: int, now: int) -> LogLine:
    """Return the line that says that one was combined into another."""
    return LogLine(
        at=now,
        subscription=claim.subscription,
        action="combined",
        reason=claim.message.reason,
        lane=claim.lane,
        channel=claim.channel.id,
        delivery=number,
        detail=f"combined into {into}",
    )
