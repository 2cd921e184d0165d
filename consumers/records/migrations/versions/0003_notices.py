"""What subscribers are told: subscriptions, channels, silences, deliveries, and the log of all that."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Make the tables; what was told before stays untold."""
    _planning()
    _wishes()
    _queue()
    _log()


def _planning() -> None:
    planner = op.create_table(
        "planner",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("floor", sa.BigInteger, nullable=False),
    )
    floor = op.get_bind().scalar(sa.text("SELECT coalesce(max(number), 0) FROM outbox"))
    free = {"name": "notify", "holder": "", "epoch": 0, "expires": 0, "turn": 0, "floor": floor}
    op.bulk_insert(planner, [free])
    op.create_table(
        "planned",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _wishes() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("owner", "name", name="subscriptions_name"),
    )
    op.create_table(
        "subscription_states",
        sa.Column("subscription", sa.Text, sa.ForeignKey("subscriptions.id"), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("next_at", sa.BigInteger),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Text, nullable=False),
        sa.Column("times", sa.Text, nullable=False),
        sa.Column("blocked_until", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("owner", "name", name="channels_name"),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
    )
    op.create_index("silences_ends", "silences", ["ends"])


def _queue() -> None:
    op.create_table(
        "deliveries",
        sa.Column("number", _NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, sa.ForeignKey("channels.id"), nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("planned_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("said", sa.Text, nullable=False),
    )
    for name, columns in (("lane", ["channel", "lane", "number"]), ("due", ["next_at"])):
        op.create_index(
            f"deliveries_{name}",
            "deliveries",
            columns,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        )


def _log() -> None:
    table = "notification_log"
    op.create_table(
        table,
        sa.Column("number", _NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("delivery", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("notification_log_subscription", table, ["subscription", "number"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is only ever added to'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_kept()"
    )
