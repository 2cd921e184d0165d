"""
What goes of the queue and of its log, once it is old.

Rules: of the queue only what is done, counted from when it was; of the log its beginning, never something out
of its middle, and nothing within ``LOG_KEPT_DAYS``, which a trigger enforces. The newest row of either
stays: SQLite gives the number of a newest row that went to the next one, and a worker that slept would
take that for what it had claimed.
"""

from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa

from consumers.records.notices.ports import Pruned
from consumers.records.notices.tables import WAITS, notification_log
from consumers.records.notices.tables import deliveries as queue

LOG_KEPT_DAYS: Final = 90
LOG_KEPT_MS: Final = LOG_KEPT_DAYS * 86_400_000 + 60_000
"""A minute more than the trigger asks for: its clock is read a moment before, and cut to seconds."""


def prune(
    connection: sa.Connection, now: int, deliveries: int | None, log: int | None, limit: int
) -> Pruned:
    """Remove what has been done, and what was said, for longer than so many ms; at most ``limit`` each."""
    return Pruned(
        0 if deliveries is None else _queue(connection, now - deliveries, limit),
        0 if log is None else _log(connection, now - max(log, LOG_KEPT_MS), limit),
    )


def _newest(table: sa.Table) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.max(table.c.number)).scalar_subquery()


def _queue(connection: sa.Connection, before: int, limit: int) -> int:
    old = (queue.c.state != WAITS) & (queue.c.finished < before) & (queue.c.number < _newest(queue))
    # Whoever prunes at the same time, or replays a dead one, is passed over and not waited for.
    chosen = (
        sa.select(queue.c.number)
        .where(old)
        .order_by(queue.c.finished, queue.c.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    numbers = list(connection.scalars(chosen))
    if numbers:
        connection.execute(sa.delete(queue).where(queue.c.number.in_(numbers)))
    return len(numbers)


def _log(connection: sa.Connection, before: int, limit: int) -> int:
    line = notification_log.c
    first = (
        sa.select(line.number, line.at)
        .where(line.number < _newest(notification_log))
        .order_by(line.number)
        .limit(limit)
    )
    old = [row.number for row in takewhile(lambda r: r.at < before, connection.execute(first))]
    if old:
        connection.execute(sa.delete(notification_log).where(line.number <= old[-1]))
    return len(old)
