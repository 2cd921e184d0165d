"""The queue in its order by channel, and what is done by when it was done."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'waiting'")
_DONE = sa.text("state <> 'waiting'")


def upgrade() -> None:
    """Make the indexes."""
    op.create_index(
        "deliveries_order",
        "deliveries",
        ["channel", "number"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "deliveries_done",
        "deliveries",
        ["finished"],
        sqlite_where=_DONE,
        postgresql_where=_DONE,
    )
