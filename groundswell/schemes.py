"""
Schemes: a user's words, and whether an opinion matches them.

Rules: a term matches whole words, several of them in a row, whatever their case and width; a term that
holds characters of a script without spaces (Chinese, Japanese, Thai) matches as a substring. Looked at are
the title and the names that the model found, each on its own. All of ``must``, one of ``any`` where there
are any, none of ``exclude``.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import msgspec

from groundswell.errors import InputError
from groundswell.events import Opinion

TERMS: Final = 32
"""Terms of one scheme at most."""
TERM_LENGTH: Final = 64
NAME_LENGTH: Final = 64
SCHEMES: Final = 500
"""Schemes at most: each opinion is compared with those of which it holds a word."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_HAS_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_WORD: Final = re.compile(rf"[^\W_{_UNSPACED}]+")
_NAME: Final = re.compile(r"[\w][\w.-]*")
_SPACE: Final = re.compile(r"\s+")


class Words(NamedTuple):
    """A text made ready: its ``words`` between blanks, and its characters ``whole`` without them."""

    words: str
    whole: str


class Scheme(msgspec.Struct, frozen=True, dict=True):
    """What a user looks for; terms as they were typed."""

    must: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @cached_property
    def _folded(self) -> tuple[tuple[Words, ...], ...]:
        return tuple(tuple(map(_term, terms)) for terms in (self.must, self.any, self.exclude))

    def matches(self, text: Words) -> bool:
        """Say whether a text that was made ready matches."""
        must, some, exclude = self._folded
        return (
            all(_holds(text, term) for term in must)
            and (not some or any(_holds(text, term) for term in some))
            and not any(_holds(text, term) for term in exclude)
        )


class Lookout:
    """
    Many schemes by their names; a text is compared with those of which it holds a word that they need.

    Law: ``matching`` names what comparing with each would.
    """

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        self._schemes = tuple(schemes.items())
        self._always: list[int] = []
        self._by_word: dict[str, list[int]] = {}
        for number, (_, scheme) in enumerate(self._schemes):
            needed = _needed(scheme)
            if not needed:
                self._always.append(number)
            for word in needed:
                self._by_word.setdefault(word, []).append(number)

    def __bool__(self) -> bool:
        """Say whether there is any scheme."""
        return bool(self._schemes)

    def matching(self, text: Words) -> list[str]:
        """Return the names of the schemes that match, in the order in which they were given."""
        numbers = set(self._always)
        for word in set(text.words.split()) & self._by_word.keys():
            numbers.update(self._by_word[word])
        return [
            name
            for name, scheme in map(self._schemes.__getitem__, sorted(numbers))
            if scheme.matches(text)
        ]


def words_of(opinion: Opinion) -> Words:
    """Make an opinion ready to be matched: title and names, apart from one another."""
    return prepared((opinion.title, *dict.fromkeys(e.text for e in opinion.entities)))


def prepared(texts: tuple[str, ...]) -> Words:
    """Make texts ready to be matched; no term reaches from one into the next."""
    parts = [_folded_text(text) for text in texts]
    return Words(
        " \n ".join(f" {' '.join(_WORD.findall(part))} " for part in parts),
        "\n".join(_SPACE.sub("", part) for part in parts),
    )


def checked(name: str, scheme: Scheme) -> str:
    """Return the folded name of a scheme. Raises ``InputError`` if name or terms cannot be used."""
    folded = _SPACE.sub("-", _folded_text(name).strip())
    if not _NAME.fullmatch(folded) or len(folded) > NAME_LENGTH:
        raise InputError(
            f"the name {name!r} cannot be used: take letters, digits, '-', '_' and '.', at most "
            f"{NAME_LENGTH}"
        )
    terms = (*scheme.must, *scheme.any, *scheme.exclude)
    if not scheme.must and not scheme.any:
        raise InputError(f"scheme {folded} looks for nothing: it needs a term in must or in any")
    if len(terms) > TERMS:
        raise InputError(f"scheme {folded} has {len(terms)} terms, at most {TERMS} are read")
    for term in terms:
        if len(term) > TERM_LENGTH or not any(_term(term)):
            raise InputError(
                f"scheme {folded}: the term {term!r} cannot be looked for: it must hold a letter or "
                f"digit, and at most {TERM_LENGTH} characters"
            )
    return folded


def _folded_text(text: str) -> str:
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once)


@lru_cache(maxsize=16_384)
def _term(term: str) -> Words:
    """Return what is looked for: words between blanks, or a substring; the other is empty."""
    folded = _folded_text(term)
    if _HAS_UNSPACED.search(folded):
        return Words("", _SPACE.sub("", folded))
    words = " ".join(_WORD.findall(folded))
    return Words(f" {words} " if words else "", "")


def _needed(scheme: Scheme) -> frozenset[str]:
    """
    Return words of which a text that matches holds one; none where that cannot be said.

    Of what would do, that whose shortest word is longest: long words are rare.
    """
    must, some = (
        [_term(term).words.split() for term in part] for part in (scheme.must, scheme.any)
    )
    choices = [frozenset({word}) for term in must for word in term]
    if some and all(some):
        choices.append(frozenset(max(term, key=len) for term in some))
    return max(choices, key=lambda words: min(map(len, words)), default=frozenset())


def _holds(text: Words, term: Words) -> bool:
    return term.whole in text.whole if term.whole else bool(term.words) and term.words in text.words
