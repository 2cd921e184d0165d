"""
The words of a headline, and what a difference in each of them would mean.

Two headlines that share most of their words may still say different things: another number, another
company, the opposite direction, a denial. So each word has a kind:

    NUMBER     holds a digit, is a number in letters, or a month
    NAME       a name: the model found it, or only it is capitalised
    MAYBE      capitalised where everything is (a headline in title case, a first word): perhaps a name
    UP, DOWN   a direction, or a good or bad turn: *rises*, *falls*
    NOT        a negation
    PLAIN      anything else

Rules: words that carry no meaning alone are left out; plurals and other endings of one word are one
word; each Chinese, Japanese or Korean character is a word of its own, and MAYBE: nothing shows a name.
What outlets put around a wire story (their name, ``UPDATE 1-``) is taken off.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from consumers.news.core.lexicon import DOWN, NOT, OUTLET, SPELT, STOP, UP, stem

MAX_WORDS: Final = 24
"""Words of a headline that are looked at."""


class Kind(IntEnum):
    """What a word is; the number stands in a packed sketch."""

    PLAIN = 0
    NUMBER = 1
    NAME = 2
    MAYBE = 3
    UP = 4
    DOWN = 5
    NOT = 6


class Word(NamedTuple):
    """A word, folded, and its kind."""

    text: str
    kind: Kind


_WORD: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d+(?:[.,]\d+)*|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['’][^\W\d_]+)?|\S",
)
_PREFIX: Final = re.compile(
    r"^\s*(?:(?:update|refile|rpt|corrected|correction|wrapup|breaking|breaking news|exclusive|"
    r"brief|flash|alert|just in|live)\s*\d*\s*(?:[-–—:|]\s*|(?<=\d)\s+))+",
    re.IGNORECASE,
)
_SUFFIX: Final = re.compile(
    r"\s*(?:\s[-–—|]\s|\|)\s*([^-–—|]{2,40})$|\s*[(\[]([^()\[\]]{2,40})[)\]]$"
)
_LEXICON: Final = (
    (Kind.NOT, NOT),
    (Kind.UP, UP),
    (Kind.DOWN, DOWN),
    (Kind.NUMBER, SPELT),
)
_FIRST_CHARACTER: Final = "\u3040"
"""From here on a character is a word: kana, Chinese, Korean."""
_OUTLET_WORDS: Final = 4
"""Words of an outlet's name at most."""


def bare(title: str, source: str) -> str:
    """Return a title, already normalised, without what outlets put around it."""
    title = _PREFIX.sub("", title) or title
    found = _SUFFIX.search(title)
    if found is not None and found.start() > 0:
        tail = (found[1] or found[2]).strip().casefold()
        words = tail.split()
        if tail == source.strip().casefold() or (
            len(words) <= _OUTLET_WORDS and words[-1].strip(".") in OUTLET
        ):
            return title[: found.start()]
    return title


def words_of(title: str, names: Collection[str] = ()) -> tuple[Word, ...]:
    """
    Return the words of a bare title, in order; ``names`` is what the model found.

    A word that stands twice counts once, where it first stands.
    """
    found: list[str] = _WORD.findall(_plain(title))
    letters = [w for w in found if w[0].isalpha() and w.casefold() not in STOP]
    capitals = sum(w[0].isupper() for w in letters)
    titled = 10 * capitals >= 7 * max(len(letters), 1)
    known = {part for name in names for part in _parts(name)}
    out: dict[str, Kind] = {}
    for place, word in enumerate(found):
        for text, kind in _read(word, known, titled=titled or not place):
            out.setdefault(text, kind)
        if len(out) >= MAX_WORDS:
            break
    return tuple(Word(*entry) for entry in list(out.items())[:MAX_WORDS])


def _parts(name: str) -> Iterator[str]:
    for word in _WORD.findall(_plain(name)):
        yield stem(word.casefold())


def _plain(text: str) -> str:
    """Fold the width of letters and digits, and ligatures."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _read(word: str, known: Collection[str], *, titled: bool) -> Iterator[tuple[str, Kind]]:
    """Yield what a word says: nothing, itself, or its negation besides."""
    text, kind, negates = _folded(word.casefold())
    if not text:
        return
    if negates:
        yield "not", Kind.NOT
    if kind is None:
        kind = _by_shape(word, text, known, titled=titled)
    yield text, kind


@lru_cache(maxsize=16_384)
def _folded(word: str) -> tuple[str, Kind | None, bool]:
    """Return a word's stem ("": it says nothing), what it always is (None: its shape tells), "n't"."""
    if not word[0].isalnum() or word in STOP:
        return "", None, False
    text = word.replace(",", "")
    if word[0].isdigit():
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text, Kind.NUMBER, False
    text = stem(text)
    kind = next((kind for kind, words in _LEXICON if text in words), None)
    return text, kind, word.endswith(("n't", "n’t"))


def _by_shape(word: str, text: str, known: Collection[str], *, titled: bool) -> Kind:
    if text in known or (word[0].isupper() and not titled):
        return Kind.NAME
    if word[0].isupper() or word[0] >= _FIRST_CHARACTER:
        return Kind.MAYBE
    return Kind.PLAIN
