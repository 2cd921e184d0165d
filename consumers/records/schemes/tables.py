"""The table of schemes; times are ms since 1970, the words are JSON as text."""

from sqlalchemy import BigInteger, Boolean, Column, Table, Text

from consumers.records.tables import metadata

schemes = Table(
    "schemes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("words", Text, nullable=False),
    Column("dropped", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
)
