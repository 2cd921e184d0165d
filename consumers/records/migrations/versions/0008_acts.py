"""Who is to look after an alert, what was said of it, what it is snoozed at; links that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, make the table."""
    ratio = sa.Column("ratio", sa.Float(53), nullable=False, server_default="0")
    op.add_column("alerts", ratio)
    for name in ("assigned", "commented", "snoozed"):
        op.add_column("alerts", sa.Column(name, sa.Text))
    op.create_table(
        "used_links",
        sa.Column("link", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("used_links_until", "used_links", ["until"])
