"""
A cell: what is known of one series in one minute, hour or day.

Laws: ``merge`` is associative and commutative, and ``ZERO`` is neutral, so cells can be added up in any
order, over minutes and over shards. All numbers are integers, so a replay is bit-identical.

    packed, little-endian:
      12 x u32   items, stories, late items, late stories; each negative, neutral, positive
       1 x u64   sum of P(negative) over all of them, scaled by 10^6
       1 x u8    number of bundles b
       b x u32   hashes of the bundles that spoke: the smallest 8, ascending
       s x u32   hashes of the sources: the smallest 32, ascending (the rest of the bytes)

Late ones stand apart: they are in neither ``items`` nor ``stories``. The smallest k hashes of a set do
not depend on the order in which it was seen; up to k the number of sources is exact, above it is
estimated from how densely the smallest k stand.
"""

import hashlib
import struct
from functools import lru_cache
from typing import Final

import msgspec

BUNDLES_KEPT: Final = 8
SOURCES_KEPT: Final = 32
SCALE: Final = 1_000_000
"""P(negative) is summed in millionths."""

_HEAD: Final = struct.Struct("<12IQB")
_NO_COUNTS: Final = (0,) * 12


class Tally(msgspec.Struct, frozen=True):
    """
    The contents of a cell.

    ``counts`` holds items, stories, late items and late stories in this order, each as negative,
    neutral, positive. ``negative`` is the sum of P(negative) in millionths. ``bundles`` and
    ``sources`` are ascending hashes, at most ``BUNDLES_KEPT`` and ``SOURCES_KEPT`` of them.
    """

    counts: tuple[int, ...] = _NO_COUNTS
    negative: int = 0
    bundles: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()

    @property
    def items(self) -> tuple[int, ...]:
        """Items in time: negative, neutral, positive."""
        return self.counts[0:3]

    @property
    def stories(self) -> tuple[int, ...]:
        """Stories new in this series, in time: negative, neutral, positive."""
        return self.counts[3:6]

    @property
    def late_items(self) -> tuple[int, ...]:
        """Items that came too late: negative, neutral, positive."""
        return self.counts[6:9]

    @property
    def late_stories(self) -> tuple[int, ...]:
        """Stories new in this series that came too late: negative, neutral, positive."""
        return self.counts[9:12]

    @property
    def distinct_sources(self) -> int:
        """How many sources spoke: exact below ``SOURCES_KEPT``, estimated from there on."""
        if len(self.sources) < SOURCES_KEPT:
            return len(self.sources)
        return max(SOURCES_KEPT, round((SOURCES_KEPT - 1) * 2**32 / max(self.sources[-1], 1)))


ZERO: Final = Tally()


def merge(a: Tally, b: Tally) -> Tally:
    """Add two cells up."""
    return Tally(
        tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        a.negative + b.negative,
        smallest({*a.bundles, *b.bundles}, BUNDLES_KEPT),
        smallest({*a.sources, *b.sources}, SOURCES_KEPT),
    )


def smallest(hashes: set[int], kept: int) -> tuple[int, ...]:
    """Return the ``kept`` smallest of ``hashes``, ascending."""
    return tuple(sorted(hashes)[:kept])


def pack(tally: Tally) -> bytes:
    """Encode a cell as it stands in Redis."""
    tails = (*tally.bundles, *tally.sources)
    head = _HEAD.pack(*tally.counts, tally.negative, len(tally.bundles))
    return head + struct.pack(f"<{len(tails)}I", *tails)


def unpack(value: bytes) -> Tally:
    """Decode a cell. Raises ``struct.error`` if it is not one."""
    *counts, negative, bundles = _HEAD.unpack_from(value)
    tails = struct.unpack(f"<{(len(value) - _HEAD.size) // 4}I", value[_HEAD.size :])
    return Tally(tuple(counts), negative, tails[:bundles], tails[bundles:])


@lru_cache(maxsize=65_536)
def hash_of(name: str) -> int:
    """Return the first 4 bytes of the SHA-256 of ``name``, as an unsigned number."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
