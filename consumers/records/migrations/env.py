"""What Alembic runs: the migrations over the connection, and in the transaction, that it is given."""

from alembic import context

from consumers.records.access import tables as _access  # noqa: F401 - adds its tables
from consumers.records.notices import tables as _notices  # noqa: F401 - adds its tables
from consumers.records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
