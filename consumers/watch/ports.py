"""
The port of the counts as ``watch`` sees them: how far each partition is read, and what a minute held.

Rules: nothing here writes. Every method may raise ``Transient`` (the store is away: ask again) or
``CannotContinue`` (the store holds what this release cannot read). A store that was emptied answers with
less, not with an error: whoever asks compares the marks before and after.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec

from consumers.watch.core.evidence import Seen


class Story(msgspec.Struct, frozen=True):
    """
    A story of a series, as evidence.

    ``published`` in ms since 1970; ``negative`` is the model's P(negative) of its first item in the
    series; ``copies`` items of ``sources`` outlets told it.
    """

    story: str
    title: str
    source: str
    url: str
    published: int
    negative: float
    copies: int = 1
    sources: int = 1


class CountView(Protocol):
    """Reads the counts; all shards are added up."""

    async def marks(self) -> Mapping[int, int]:
        """Return the mark (ms since 1970, 0: none) of each partition that has a state."""
        ...

    async def series(self) -> Mapping[str, int]:
        """Return every series with the newest minute (since 1970) in which it counted."""
        ...

    async def seen(
        self, series: Collection[str], first: int, last: int
    ) -> Mapping[int, Mapping[str, Seen]]:
        """Return what the minutes ``first`` to ``last`` held, by minute; a quiet series is left out."""
        ...

    async def stories(self, series: str, first: int, last: int, limit: int) -> tuple[Story, ...]:
        """Return at most ``limit`` distinct negative stories of those minutes, the surest first."""
        ...

    async def bundles(self) -> Mapping[int, str]:
        """Return the names behind the hashes of bundles."""
        ...
