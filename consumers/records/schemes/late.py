"""The schemes on record for who can do without: opened when first asked for, and again after a failure."""

from collections.abc import Sequence

from consumers.records.schemes.database import DatabaseSchemes, missing, open_schemes
from consumers.records.schemes.ports import SchemeOnRecord


class LateSchemes:
    """
    The ``SchemeList`` port over the database of ``url``, which is never made here.

    While a SQLite file is not there yet, there are no schemes.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: DatabaseSchemes | None = None

    async def schemes(self, *, dropped: bool = False) -> Sequence[SchemeOnRecord]:
        """Return the schemes. Raises what opening or reading the database raises."""
        if self._opened is None:
            if missing(self._url):
                return ()
            self._opened = await open_schemes(self._url, make=False)
        return await self._opened.schemes(dropped=dropped)

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        if self._opened is not None:
            await self._opened.close()
