"""
The tables of the records, as this release reads and writes them.

Rules: the migrations make them, and a test compares both. Times are ms since 1970, minutes are minutes
since 1970; evidence, marks and verdicts are JSON as text. ``history`` and ``verdicts`` are only ever added
to, which triggers enforce; but lines of history without an alert go after a time. One row of ``lease`` is what every decided minute locks.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only where the key is an INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("minute", BigInteger),
    Column("minute_epoch", BigInteger, nullable=False),
)

states = Table(
    "states",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("series", Text, nullable=False),
    Column("onset", BigInteger, nullable=False),
    Column("about", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("peak", Float(53), nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("inhibited_by", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("resolved", BigInteger),
    Column("sequence", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("acknowledged", Text),
    Column("silenced", Text),
    Column("verdict", Text),
    Column("ratio", Float(53), nullable=False, server_default="0"),
    Column("assigned", Text),
    Column("commented", Text),
    Column("snoozed", Text),
    Index("alerts_newest", "opened", "id"),
    Index("alerts_state", "state"),
    # Every minute asks for them, and they are few.
    Index("alerts_closed", "id", sqlite_where=text("closed = 1"), postgresql_where=text("closed")),
)

history = Table(
    "history",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("alert", Text, ForeignKey("alerts.id")),
    Column("series", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("minute", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("severity", Text),
    Column("evidence", Text, nullable=False),
    UniqueConstraint("alert", "sequence", name="history_sequence"),
    # What is removed after a time.
    Index(
        "history_bare",
        "minute",
        sqlite_where=text("alert IS NULL"),
        postgresql_where=text("alert IS NULL"),
    ),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", _NUMBER, ForeignKey("history.number"), primary_key=True, autoincrement=False),
    Column("sent_at", BigInteger),
    Index(
        "outbox_unsent",
        "number",
        sqlite_where=text("sent_at IS NULL"),
        postgresql_where=text("sent_at IS NULL"),
    ),
)

spans = Table(
    "spans",
    metadata,
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("budget", Float(53), nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("alert", Text, ForeignKey("alerts.id"), nullable=False),
    Column("judgement", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("verdicts_alert", "alert"),
)

used_links = Table(
    "used_links",
    metadata,
    Column("link", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("used_links_until", "until"),
)
