"""The migrations of the records; Alembic runs them, see ``consumers/records/schema.py``."""
