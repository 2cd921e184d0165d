"""
The port of the schemes on record.

Rules: each method is one transaction, and may raise ``Transient`` or ``CannotContinue`` as those of the
records do. A scheme that was dropped stays on record as dropped, so that its series is dropped wherever it
is still followed; a name that was dropped may be used again.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from groundswell.schemes import Scheme


class SchemeOnRecord(NamedTuple):
    """A scheme as it was typed, by its folded name; when that was, in ms of the database's clock."""

    name: str
    scheme: Scheme
    dropped: bool
    at: int


class SchemeList(Protocol):
    """Reads what people typed."""

    async def schemes(self, *, dropped: bool = False) -> Sequence[SchemeOnRecord]:
        """Return the schemes by name, those ``dropped`` as well if asked for."""
        ...


class SchemeRecords(SchemeList, Protocol):
    """Holds the schemes."""

    async def add(self, name: str, scheme: Scheme) -> SchemeOnRecord:
        """
        Write a scheme down; the same words again change nothing.

        Answers with what is on record then: other words, if the name is taken. Raises ``InputError`` if
        there are ``groundswell.schemes.SCHEMES`` already.
        """
        ...

    async def drop(self, name: str) -> bool:
        """Drop a scheme; False if there is none such."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...
