"""
MinHash: how alike two sets are, from a few numbers each.

The share of places in which two signatures agree estimates the Jaccard resemblance |A & B| / |A | B|
(Broder 1997). A short set (the words of a headline) is hashed anew for each place; a long one (the
shingles of a body) is hashed once, and place i holds the least hash of its i-th part (one permutation
hashing, Li, Owen and Zhang 2012), which costs a tenth. Items that share a *band*, some places taken
together, are candidates: with r places a band and b bands a pair of resemblance J shares one with
probability 1 - (1 - J^r)^b (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3).

Rule: every number here is the same in every process, on every machine and in every release: consumers
compare what others have written.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from zlib import crc32

PLACES: Final = 24
"""Places of the signature of a short set."""
BINS: Final = 64
"""Places of the signature of a long set."""
ROWS: Final = 3
"""Places in a band."""
BODY_BANDS: Final = 12
EMPTY: Final = 0
"""What stands in a place of a long set that nothing fell into."""


_BIN_BITS: Final = BINS.bit_length() - 1


def _multipliers(count: int) -> tuple[int, ...]:
    """Odd 64-bit numbers from a fixed recurrence (Knuth's MMIX generator)."""
    out, state = [], 20_170_424
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        out.append(state | 1)
    return tuple(out)


_A: Final = _multipliers(PLACES)


@lru_cache(maxsize=8192)
def _values(word: bytes) -> tuple[int, ...]:
    """Hash a word anew for each place (multiply-shift, Dietzfelbinger et al. 1997); words come again."""
    value = crc32(word)
    return tuple([((value * a) & 0xFFFFFFFFFFFFFFFF) >> 32 for a in _A])


def short_signature(words: Iterable[bytes]) -> tuple[int, ...]:
    """Return the ``PLACES`` numbers of a set of words; none for an empty set."""
    return tuple(map(min, zip(*map(_values, words), strict=True)))


def long_signature(hashes: Iterable[int]) -> tuple[int, ...]:
    """Return the ``BINS`` numbers (16 bits each) of a set of hashes; ``EMPTY`` where nothing fell."""
    least = {h & (BINS - 1): (h >> _BIN_BITS) & 0xFFFF or 1 for h in sorted(hashes, reverse=True)}
    return tuple([least.get(place, EMPTY) for place in range(BINS)])


def resemblance(a: Sequence[int], b: Sequence[int]) -> float:
    """Estimate the Jaccard resemblance of two long sets from their signatures; 0 where both are empty."""
    both = sum([x == y and x != EMPTY for x, y in zip(a, b, strict=True)])
    used = sum([x != EMPTY or y != EMPTY for x, y in zip(a, b, strict=True)])
    return both / used if used else 0.0


def containment(share: float, a: int, b: int) -> float:
    """Return how much of the smaller set the larger one holds, from J and both sizes; at most 1."""
    smaller = min(a, b)
    return min(1.0, share / (1 + share) * (a + b) / smaller) if smaller else 0.0


def short_bands(signature: Sequence[int]) -> tuple[bytes, ...]:
    """Return the keys of the bands of a short set."""
    return tuple(
        _key(b"t", band, signature[at : at + ROWS])
        for band, at in enumerate(range(0, len(signature), ROWS))
    )


def long_bands(signature: Sequence[int]) -> tuple[bytes, ...]:
    """
    Return the keys of the bands of a long set; none for an empty one.

    An empty place borrows from the next filled one (densification by rotation, Shrivastava and Li
    2014), so that short bodies have candidates as well.
    """
    filled = [place for place in signature if place != EMPTY]
    if not filled:
        return ()
    dense, following = list(signature), filled[0]
    for at in range(BINS - 1, -1, -1):
        if dense[at] == EMPTY:
            dense[at] = following
        following = dense[at]
    step = BINS // BODY_BANDS
    return tuple(
        _key(b"b", band, dense[band * step : band * step + ROWS]) for band in range(BODY_BANDS)
    )


def _key(kind: bytes, band: int, places: Sequence[int]) -> bytes:
    """Name a band in 6 bytes: its kind, its number, and a hash of its places."""
    return kind + bytes((band,)) + crc32(array("I", places).tobytes()).to_bytes(4, "little")
