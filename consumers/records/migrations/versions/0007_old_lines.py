"""Lines of the notification log may go, the oldest first, once they are ninety days old."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLE = "notification_log"
_SAYS = f"{_TABLE} is only ever added to, and keeps its lines for 90 days"
_SECONDS = 90 * 86_400


def upgrade() -> None:
    """Loosen the trigger."""
    if op.get_bind().dialect.name == "sqlite":
        young = f"OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - {_SECONDS}) * 1000"
        op.execute(f"DROP TRIGGER {_TABLE}_no_delete")
        op.execute(
            f"CREATE TRIGGER {_TABLE}_no_delete BEFORE DELETE ON {_TABLE} WHEN {young} "
            f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        )
        return
    young = f"OLD.at > (extract(epoch FROM now())::bigint - {_SECONDS}) * 1000"
    op.execute(f"DROP TRIGGER {_TABLE}_kept ON {_TABLE}")
    op.execute(
        f"CREATE OR REPLACE FUNCTION {_TABLE}_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_kept BEFORE UPDATE ON {_TABLE} "
        f"FOR EACH ROW EXECUTE FUNCTION {_TABLE}_kept()"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_not_deleted BEFORE DELETE ON {_TABLE} "
        f"FOR EACH ROW WHEN ({young}) EXECUTE FUNCTION {_TABLE}_kept()"
    )
