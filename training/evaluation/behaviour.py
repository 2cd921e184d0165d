"""
Behaviour: what a function promises of changed texts (CheckList; Ribeiro et al. 2020).

A directional test replaces whole words in texts that the model gives a label, and expects another one.
An invariance test changes what must not matter, and expects the same. Pure: texts in, texts out; the
caller asks the model.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from groundswell.tasks import Direction, Function, Invariance
from groundswell.text import normalise
from training.evaluation.bootstrap import Estimate, share
from training.evaluation.names import swap_names
from training.examples import Span

EXAMPLES: Final = 5
"""Failures that a report shows of each test."""
LINK: Final = "https://news.example.com/a1b2c3"
_WORD_CHARACTER: Final = re.compile(r"[A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Change:
    """A text (its place among the texts) and what became of it."""

    place: int
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A text for which the test failed: what was read before and after, and what the model said."""

    before: str
    after: str
    label_before: str
    label_after: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    The outcome of one test.

    ``tried`` texts were changed, of which ``same`` read the same to the model (a link that is always
    taken out, say) and cannot fail. ``flips`` counts other labels after than before, ``failures`` those
    that are against the test: for invariance the flips, for a direction whatever was not expected.
    """

    name: str
    kind: str
    expected: str
    tried: int
    same: int
    flips: int
    failures: int
    flip_rate: Estimate
    failure_rate: Estimate
    examples: tuple[Failure, ...]


def replace_words(text: str, words: Mapping[str, str]) -> str | None:
    """
    Return the text with whole words replaced, or None where none of them stands in it.

    Capitals are kept: a word in capitals gives capitals, one with a capital first a capital first. A
    word taken out takes the blank before it along. The longest of several words that fit is taken.
    """
    lower = {word.lower(): other for word, other in words.items()}
    longest = sorted(lower, key=len, reverse=True)
    pattern = re.compile("|".join(rf" ?{_bounded(word)}" for word in longest), re.IGNORECASE)
    changed, count = pattern.subn(lambda match: _cased(match[0], lower), text)
    return changed.strip() if count else None


def _bounded(word: str) -> str:
    """Bound a word where it begins and ends with a letter of a script that parts words by blanks."""
    before = r"(?<![A-Za-z0-9_])" if _WORD_CHARACTER.match(word[0]) else ""
    after = r"(?![A-Za-z0-9_])" if _WORD_CHARACTER.match(word[-1]) else ""
    return f"{before}{re.escape(word)}{after}"


def _cased(found: str, lower: Mapping[str, str]) -> str:
    word = found.removeprefix(" ") if found.lower() not in lower else found
    other = lower[word.lower()]
    if not other:
        return ""
    if word.isupper() and len(word) > 1:
        other = other.upper()
    elif word[0].isupper():
        other = other[0].upper() + other[1:]
    return found[: len(found) - len(word)] + other


def directed(test: Direction, texts: Sequence[str], given: Sequence[str]) -> list[Change]:
    """Return the changes of a directional test: of the texts that have its label and one of its words."""
    return [
        Change(place, changed)
        for place, (text, label) in enumerate(zip(texts, given, strict=True))
        if label == test.given and (changed := replace_words(text, test.replace)) is not None
    ]


def varied(
    kind: Invariance, texts: Sequence[str], spans: Sequence[Sequence[Span]] | None
) -> list[Change]:
    """Return the changes of an invariance test; ``spans`` holds the names of each text, if known."""
    found: list[Change] = []
    for place, text in enumerate(texts):
        changed: str | None
        if kind == "add_url":
            changed = f"{text} {LINK}"
        elif kind == "upper_case":
            changed = text.upper()
        else:
            changed = swap_names(text, spans[place], kind) if spans else None
        if changed is not None and changed != text:
            found.append(Change(place, changed))
    return found


def as_read(changes: Sequence[Change], max_chars: int) -> list[str]:
    """Return the changed texts as the model reads them."""
    return [normalise(change.text, max_chars) for change in changes]


def outcome(
    test: Direction | Invariance,
    changes: Sequence[Change],
    read: Sequence[str],
    texts: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
) -> Behaviour:
    """Judge a test; ``read`` and ``after`` go with ``changes``, ``before`` with all the ``texts``."""
    flips = 0
    failed: list[Failure] = []
    for change, now, label in zip(changes, read, after, strict=True):
        was = before[change.place]
        flips += label != was
        if _fails(test, was, label):
            failed.append(Failure(texts[change.place], now, was, label))
    tried = len(changes)
    directional = isinstance(test, Direction)
    expected = "the same label"
    if isinstance(test, Direction):
        expected = test.expect or f"not {test.given}"
    return Behaviour(
        name=test.name if isinstance(test, Direction) else test,
        kind="direction" if directional else "invariance",
        expected=expected,
        tried=tried,
        same=sum(now == texts[c.place] for c, now in zip(changes, read, strict=True)),
        flips=flips,
        failures=len(failed),
        flip_rate=share(flips, tried),
        failure_rate=share(len(failed), tried),
        examples=tuple(failed[:EXAMPLES]),
    )


def _fails(test: Direction | Invariance, was: str, now: str) -> bool:
    if not isinstance(test, Direction):
        return now != was
    return now != test.expect if test.expect else now == test.given


def needs_names(function: Function) -> bool:
    """Whether any test of the function changes names."""
    return not {"company_names", "person_names"}.isdisjoint(function.invariance)
