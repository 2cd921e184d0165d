"""
What shadow runs leave for others: how two bundles labelled the same items, by series.

`consume` writes it, and `watch` reads it, so that a new bundle never looks like a surge.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol


class Pair(NamedTuple):
    """The bundle that speaks, and the one that runs in shadow."""

    old: str
    new: str


class Seen(NamedTuple):
    """Items that both labelled, and how many of them each called negative."""

    items: int
    old: int
    new: int

    def plus(self, other: "Seen") -> "Seen":
        """Return both together."""
        return Seen(self.items + other.items, self.old + other.old, self.new + other.new)


ALL: Final = "all"
"""The series of everything that was read; it holds each compared item once."""


class ShadowNotes(Protocol):
    """Keeps what the shadow runs of all consumers saw, by series; soft state."""

    async def add(self, pair: Pair, seen: Mapping[str, Seen]) -> None:
        """Add to what is kept of a pair; raises ``Transient``, and then part of it may be kept."""
        ...

    async def pairs(self) -> Sequence[Pair]:
        """Return for each new bundle the pair in which it ran last; raises ``Transient``."""
        ...

    async def read(self, pair: Pair) -> Mapping[str, Seen]:
        """Return what is kept of a pair, by series; raises ``Transient``."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...
