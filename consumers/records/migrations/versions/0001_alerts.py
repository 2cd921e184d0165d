"""The first schema: the lease, the detector's state, alerts, their history, outbox and verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEPT = ("history", "verdicts")


def upgrade() -> None:
    """Make the tables, the one row of the lease, and the triggers that keep what was written."""
    lease = op.create_table(
        "lease",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("minute", sa.BigInteger),
        sa.Column("minute_epoch", sa.BigInteger, nullable=False),
    )
    free = {"name": "watch", "holder": "", "epoch": 0, "expires": 0, "minute_epoch": 0}
    op.bulk_insert(lease, [free])
    op.create_table(
        "states",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    _alerts()
    _lines()
    for table in _KEPT:
        _keep(table)


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("onset", sa.BigInteger, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("peak", sa.Float(53), nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("inhibited_by", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("resolved", sa.BigInteger),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("acknowledged", sa.Text),
        sa.Column("silenced", sa.Text),
        sa.Column("verdict", sa.Text),
    )
    op.create_index("alerts_newest", "alerts", ["opened", "id"])
    op.create_index("alerts_state", "alerts", ["state"])


def _lines() -> None:
    op.create_table(
        "history",
        sa.Column("number", _NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("alert", sa.Text, sa.ForeignKey("alerts.id")),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("severity", sa.Text),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.UniqueConstraint("alert", "sequence", name="history_sequence"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "number",
            _NUMBER,
            sa.ForeignKey("history.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("sent_at", sa.BigInteger),
    )
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "outbox_unsent", "outbox", ["number"], sqlite_where=unsent, postgresql_where=unsent
    )
    op.create_table(
        "verdicts",
        sa.Column("number", _NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("alert", sa.Text, sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("judgement", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("verdicts_alert", "verdicts", ["alert"])


def _keep(table: str) -> None:
    """Let the database itself refuse to change what was written."""
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
