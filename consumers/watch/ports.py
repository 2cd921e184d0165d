"""
The ports of ``watch``: the counts as it sees them, and what may say more about models.

Rules: nothing here writes. Every method may raise ``Transient`` (the store is away: ask again) or
``CannotContinue`` (the store holds what this release cannot read). A store that was emptied answers with
less, not with an error: whoever asks compares the marks before and after.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.evidence import Seen
from consumers.watch.core.story import Story

__all__ = ["CountView", "ShadowView", "SourceNames", "Story", "Unsaid"]


class CountView(Protocol):
    """Reads the counts; all shards are added up."""

    async def marks(self) -> Mapping[int, int]:
        """Return the mark (ms since 1970, 0: none) of each partition that has a state."""
        ...

    async def touched(self, first: int) -> Mapping[str, int]:
        """Return the series that counted in minute ``first`` or later, with their newest minute."""
        ...

    async def seen(
        self, series: Collection[str], first: int, last: int
    ) -> Mapping[int, Mapping[str, Seen]]:
        """
        Return what the minutes ``first`` to ``last`` held, by minute; a quiet series is left out.

        ``Seen.trusted`` stays empty: ``watch`` fills it in from ``sources`` and its own list.
        """
        ...

    async def stories(self, series: str, first: int, last: int, limit: int) -> tuple[Story, ...]:
        """
        Return at most ``limit`` distinct negative stories of the series, the surest first.

        Those whose first negative item counted there in the minutes ``first`` to ``last``, in time or
        late; copies that came later only add to ``copies`` and ``sources``. Ties in the order of
        ``minute``, then ``story``, so that what is read again is the same.
        """
        ...

    async def bundles(self) -> Mapping[int, str]:
        """Return the names behind the hashes of bundles."""
        ...


class ShadowView(Protocol):
    """Reads what a new bundle said, before it spoke, of items that the old one labelled."""

    async def shadows(self) -> Mapping[int, Shadow]:
        """Return, by the hash of a bundle, how it and the one before it labelled the same items."""
        ...


class SourceNames(Protocol):
    """Reads the names of sources."""

    async def sources(self) -> Mapping[int, str]:
        """Return the names behind the hashes of sources, as far as they are known."""
        ...


class Unsaid:
    """Knows nothing: ``ShadowView`` and ``SourceNames`` where nobody keeps such notes."""

    async def shadows(self) -> Mapping[int, Shadow]:
        """Return nothing: no bundle was compared."""
        return {}

    async def sources(self) -> Mapping[int, str]:
        """Return nothing: sources are then named by their hashes."""
        return {}
