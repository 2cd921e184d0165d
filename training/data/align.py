"""
Where a character of the raw text stands in the normalised one.

``trace`` takes the steps of ``groundswell.text.normalise`` and remembers the origin of each character.
Rule: the two agree, or ``trace`` refuses: it never gives a place in a text that the model does not read.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

from groundswell.text import normalise

Pairs: TypeAlias = list[tuple[str, int]]
"""Characters with their places in the raw text."""

_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_BLANKS: Final = frozenset({"Cc", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Traced:
    """A normalised text; ``origins[i]`` is the place in the raw text of its character ``i``, rising."""

    text: str
    origins: Sequence[int]

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Return where the raw characters from ``start`` to ``end`` stand; None if nothing is left."""
        kept = [
            place
            for place, origin in enumerate(self.origins)
            if start <= origin < end and self.text[place] != " "
        ]
        return (kept[0], kept[-1] + 1) if kept else None


def trace(raw: str, limit: int) -> Traced:
    """
    Normalise the first ``limit`` characters of ``raw``, as ``normalise`` does, and cut what grew beyond.

    Raises ``ValueError`` for a text whose characters join in a way that cannot be followed.
    """
    text = normalise(raw, limit)
    if raw[:limit] == text:
        return Traced(text, range(len(text)))
    found = _folded(_without_links(_printable(_joined(raw[:limit]))))
    if "".join(c for c, _ in found) != text:
        raise ValueError("write the text in Unicode's form NFC")
    return Traced(text[:limit], [origin for _, origin in found[:limit]])


def _joined(raw: str) -> Pairs:
    """NFC piece by piece; a piece ends before a starter that does not join what stands before it."""
    if unicodedata.is_normalized("NFC", raw):
        return [(c, place) for place, c in enumerate(raw)]
    pieces: Pairs = []
    for place, c in enumerate(raw):
        if pieces and _joins(pieces[-1][0], c):
            pieces[-1] = (pieces[-1][0] + c, pieces[-1][1])
        else:
            pieces.append((c, place))
    return [(c, place) for piece, place in pieces for c in unicodedata.normalize("NFC", piece)]


def _joins(piece: str, c: str) -> bool:
    if unicodedata.combining(c):
        return True
    apart = unicodedata.normalize("NFC", piece) + unicodedata.normalize("NFC", c)
    return unicodedata.normalize("NFC", piece + c) != apart


def _printable(pairs: Pairs) -> Pairs:
    return [
        (c if c.isprintable() else " ", place)
        for c, place in pairs
        if c.isprintable() or unicodedata.category(c) in _BLANKS
    ]


def _without_links(pairs: Pairs) -> Pairs:
    text = "".join(c for c, _ in pairs)
    kept: Pairs = []
    done = 0
    for link in _LINK.finditer(text):
        kept += [*pairs[done : link.start()], (" ", pairs[link.start()][1])]
        done = link.end()
    return kept + pairs[done:]


def _folded(pairs: Pairs) -> Pairs:
    kept: Pairs = []
    for blank, group in groupby(pairs, key=lambda pair: pair[0].isspace()):
        members = list(group)
        kept += [(" ", members[0][1])] if blank else members
    start = 1 if kept and kept[0][0] == " " else 0
    return kept[start:-1] if kept and kept[-1][0] == " " and len(kept) > start else kept[start:]
