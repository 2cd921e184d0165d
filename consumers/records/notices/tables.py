"""
The tables of notification, as this release reads and writes them.

Rules: as in ``consumers/records/tables.py``. ``notification_log`` is only ever added to, and keeps its
lines for 90 days, which triggers enforce. The one row of ``planner`` is what every plan locks; ``planned``
are the rows of the outbox above its ``floor`` that have been seen: numbers may become visible out of order,
so that a cursor alone would pass over some.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from consumers.records.tables import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

planner = Table(
    "planner",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
)

planned = Table(
    "planned",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed", BigInteger, nullable=False),
    UniqueConstraint("owner", "name", name="subscriptions_name"),
)

subscription_states = Table(
    "subscription_states",
    metadata,
    Column("subscription", Text, ForeignKey("subscriptions.id"), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("next_at", BigInteger),
)

channels = Table(
    "channels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("disabled", Text, nullable=False),
    Column("times", Text, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
    UniqueConstraint("owner", "name", name="channels_name"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Index("silences_ends", "ends"),
)

WAITS: ColumnElement[str] = literal_column("'waiting'")
"""Written out, not bound: only so does a database know that the indexes of what waits are enough."""

_WAITING: Any = {
    "sqlite_where": text("state = 'waiting'"),
    "postgresql_where": text("state = 'waiting'"),
}
_DONE: Any = {
    "sqlite_where": text("state <> 'waiting'"),
    "postgresql_where": text("state <> 'waiting'"),
}

deliveries = Table(
    "deliveries",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("channel", Text, ForeignKey("channels.id"), nullable=False),
    Column("subscription", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("planned_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("finished", BigInteger),
    Column("said", Text, nullable=False),
    Index("deliveries_lane", "channel", "lane", "number", **_WAITING),
    Index("deliveries_order", "channel", "number", **_WAITING),
    Index("deliveries_due", "next_at", **_WAITING),
    Index("deliveries_done", "finished", **_DONE),
)

notification_log = Table(
    "notification_log",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("delivery", BigInteger),
    Column("detail", Text, nullable=False),
    Index("notification_log_subscription", "subscription", "number"),
)
