"""
Which minutes were decided under which budget; an index of what a person resolved.

And lines of history that belong to no alert may go.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the indices, and loosen the trigger."""
    op.create_table(
        "spans",
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("budget", sa.Float(53), nullable=False),
    )
    op.create_index(
        "alerts_closed",
        "alerts",
        ["id"],
        sqlite_where=sa.text("closed = 1"),
        postgresql_where=sa.text("closed"),
    )
    bare = sa.text("alert IS NULL")
    op.create_index("history_bare", "history", ["minute"], sqlite_where=bare, postgresql_where=bare)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER history_no_delete")
        op.execute(
            "CREATE TRIGGER history_no_delete BEFORE DELETE ON history WHEN OLD.alert IS NOT NULL "
            "BEGIN SELECT RAISE(ABORT, 'history is only ever added to'); END"
        )
        return
    op.execute("DROP TRIGGER history_kept ON history")
    op.execute(
        "CREATE TRIGGER history_kept BEFORE UPDATE ON history "
        "FOR EACH ROW EXECUTE FUNCTION history_kept()"
    )
    op.execute(
        "CREATE TRIGGER history_not_deleted BEFORE DELETE ON history "
        "FOR EACH ROW WHEN (OLD.alert IS NOT NULL) EXECUTE FUNCTION history_kept()"
    )
