"""
The tables of access, as this release reads and writes them; the migrations make them.

Rule: ``audit_log`` and ``feedback`` are only ever added to, which triggers enforce.
"""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, Text

from consumers.records.tables import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hashed", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    Column("used", BigInteger),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("number", _NUMBER, Identity(always=True), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("about", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Index("feedback_target", "about", "target"),
)
