"""
The trusted tier: the sources whose word alone is enough for an event.

Rule: a source is trusted by the name under which its items arrive, which is what the operator's own
feeds call it. A link is text that somebody wrote: it lends no trust. The counts keep hashes of names, so
that a name is listed as the feed writes it, or differs from that in case only: as listed, and in lower,
upper and title case.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from consumers.watch.core.evidence import Seen

CUT: Final = 32
"""A minute keeps the hashes of so many sources at most: with as many, others may have spoken too."""


class Tiers(msgspec.Struct, frozen=True):
    """The hashes of the trusted sources."""

    trusted: frozenset[int] = frozenset()

    def trusts(self, source: str) -> bool:
        """Say whether ``source`` is of the trusted tier."""
        return hash_of(source) in self.trusted

    def may_trust(self, seen: Seen) -> bool:
        """Say whether a trusted source may have spoken in a minute."""
        return len(seen.sources) >= CUT or any(source in self.trusted for source in seen.sources)

    def marked(self, seen: Seen) -> Seen:
        """Return what was seen, its trusted sources named."""
        trusted = tuple([source for source in seen.sources if source in self.trusted])
        return seen._replace(trusted=trusted) if trusted else seen


def tiers_of(names: Iterable[str]) -> Tiers:
    """Return the tier of the sources ``names``."""
    spelt = {
        spelling
        for name in names
        for spelling in (name, name.lower(), name.casefold(), name.upper(), name.title())
    }
    return Tiers(frozenset(map(hash_of, spelt)))


def hash_of(name: str) -> int:
    """Return the hash of a source as the counts keep it: 4 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
