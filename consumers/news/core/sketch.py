"""
The sketch of an item: all that is kept of its text to find its near-duplicates, in some 400 bytes.

    title    the hashes of its words in order, and their kinds
    body     the MinHash signature of its shingles (two words each), and how many there are
    facts    the hashes of the numbers and names in the body, the least 16
    bands    the keys under which it is found: it is compared with what shares one of them

Rules: at most ``MAX_TEXT`` characters and ``MAX_BODY`` words are looked at, so that a long text costs no
more than a page; an item without a title takes the beginning of its body for one.
"""

import re
from array import array
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final, Literal
from zlib import crc32

import msgspec

from consumers.news.core.minhash import (
    long_bands,
    long_signature,
    short_bands,
    short_signature,
)
from consumers.news.core.words import bare, words_of
from groundswell.text import normalise

MAX_TEXT: Final = 4000
MAX_TITLE: Final = 400
MAX_BODY: Final = 200
"""Words of a body that are looked at."""
LEAST_BODY: Final = 10
"""A body of fewer words says nothing that its title does not."""
FACTS: Final = 16

_SMALL: Final = "a"
"""Digits and capitals stand before it (those of Latin script without marks)."""
_ROUND: Final = "()[]{}\"'“”‘’.,;:!?-–—"
_CHARACTER: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""A character that is a word: kana, Chinese, Korean."""


class Sketch(msgspec.Struct, frozen=True, array_like=True):
    """See the module; numbers are packed little-endian: ``title`` and ``facts`` 4 bytes, ``body`` 2."""

    title: bytes
    kinds: bytes
    body: bytes
    size: int
    facts: bytes
    bands: tuple[bytes, ...]


def sketch_of(title: str, body: str, source: str = "", names: Collection[str] = ()) -> Sketch:
    """
    Return the sketch of an item.

    ``names`` are the names that the model found in it.
    """
    head = normalise(title, MAX_TITLE)
    text = body[:MAX_TEXT]
    if not head:
        head, text = normalise(text, MAX_TITLE), text[MAX_TITLE:]
    words = words_of(bare(head, source), names)
    folded = [word.text.encode() for word in words]
    tokens = _tokens(text)
    bins: Sequence[int] = ()
    facts: Sequence[int] = ()
    size = 0
    if len(tokens) >= LEAST_BODY:
        shingles = _shingles(tokens)
        bins, size, facts = long_signature(shingles), len(shingles), _facts(tokens)
    return Sketch(
        title=_packed("I", [crc32(word) for word in folded]),
        kinds=bytes([word.kind for word in words]),
        body=_packed("H", bins),
        size=size,
        facts=_packed("I", facts),
        bands=(*short_bands(short_signature(folded)), *(long_bands(bins) if bins else ())),
    )


def unpacked(packed: bytes, code: Literal["I", "H"]) -> Sequence[int]:
    """Return the numbers of a field of a sketch; ``code`` is "I" for 4 bytes, "H" for 2."""
    return memoryview(packed).cast(code).tolist()


def _packed(code: str, numbers: Sequence[int]) -> bytes:
    return array(code, numbers).tobytes()


def _tokens(text: str) -> list[str]:
    """Cut a body at its blanks, and around each character that is a word."""
    return _CHARACTER.sub(r" \g<0> ", text).split()[:MAX_BODY]


def _shingles(tokens: Sequence[str]) -> set[int]:
    """Hash each two words that follow one another."""
    folded = " ".join(tokens).casefold().encode().split(b" ")
    return {crc32(second, crc32(first)) for first, second in pairwise(folded)}


def _facts(tokens: Sequence[str]) -> tuple[int, ...]:
    """Return the least hashes of what a template is filled with: numbers, and capitalised words."""
    found = {token.strip(_ROUND) for token in tokens[1:] if token < _SMALL}
    return tuple(sorted({crc32(token.casefold().encode()) for token in found if token})[:FACTS])
