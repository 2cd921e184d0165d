"""
Clusters of near-duplicate texts, by MinHash.

Words and word pairs of a text are its shingles (characters in Chinese and Japanese); two texts are
near-duplicates when the Jaccard similarity of their shingles is at least ``SIMILAR``; clusters are the
connected components. Pure: the hash functions are fixed.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

SIMILAR: Final = 0.5
_BANDS: Final = 32
_ROWS: Final = 2
"""32 bands of 2: a pair at similarity .5 is missed once in 10,000 times (1 - s^2)^32."""
_COMPARED: Final = 30
"""A row is compared with at most this many earlier rows of one bucket."""
_PRIME: Final = np.uint64((1 << 31) - 1)
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or one character of a script that writes no blanks."""
_DIGIT: Final = re.compile(r"\d")


def words_of(text: str) -> list[str]:
    """Return the words of a text, case and digits ignored."""
    return _WORD.findall(_DIGIT.sub("0", text.lower()))


def shingles(text: str) -> frozenset[int]:
    """Return hashes of the words and the word pairs of a text, case and digits ignored."""
    words = words_of(text)
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    return frozenset(zlib.crc32(shingle.encode()) for shingle in (*words, *pairs))


def similarity(a: frozenset[int], b: frozenset[int]) -> float:
    """Return the Jaccard similarity of two sets of shingles; 0 if both are empty."""
    both = len(a & b)
    return both / ((len(a) + len(b) - both) or 1)


def clusters(texts: Sequence[str], similar: float = SIMILAR) -> list[int]:
    """Return for each text the number of its cluster: the place of the cluster's first text."""
    sets = [shingles(text) for text in texts]
    parent = list(range(len(texts)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    buckets: list[dict[bytes, list[int]]] = [{} for _ in range(_BANDS)]
    for place, signature in enumerate(_signatures(sets)):
        mine, size = sets[place], len(sets[place])
        content, width = signature.tobytes(), _ROWS * signature.itemsize
        candidates: set[int] = set()
        for band, bucket in enumerate(buckets):
            earlier = bucket.setdefault(content[band * width : (band + 1) * width], [])
            candidates.update(earlier)
            if len(earlier) < _COMPARED:
                earlier.append(place)
        for other in sorted(candidates):
            # Sets whose sizes are too far apart cannot be similar, whatever they share.
            if min(size, len(sets[other])) < similar * max(size, len(sets[other])):
                continue
            a, b = root(place), root(other)
            if a != b and similarity(mine, sets[other]) >= similar:
                parent[max(a, b)] = min(a, b)
    return [root(place) for place in range(len(texts))]


def _signatures(sets: Sequence[frozenset[int]]) -> npt.NDArray[np.uint64]:
    """MinHash signatures, shape [len(sets), _BANDS * _ROWS]."""
    draw = np.random.default_rng(1)
    factor = draw.integers(1, int(_PRIME), _BANDS * _ROWS, dtype=np.uint64)
    offset = draw.integers(0, int(_PRIME), _BANDS * _ROWS, dtype=np.uint64)
    result = np.zeros((len(sets), _BANDS * _ROWS), dtype=np.uint64)
    for place, members in enumerate(sets):
        # An empty set gets a signature of its own, so that it meets nobody.
        values = np.fromiter(members or (place + (1 << 32),), dtype=np.uint64) % _PRIME
        result[place] = ((values[:, None] * factor + offset) % _PRIME).min(axis=0)
    return result
