"""Which minutes were decided under which budget; and an index of what a person resolved."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index."""
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
