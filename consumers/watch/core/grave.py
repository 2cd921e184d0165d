"""
Grave content: what one item of a trusted source is enough to tell, without statistics.

A story is grave if P(negative) reaches a bound, and a label of its topics or a phrase of its title is
one of an event's: default, fraud, probe, rating cut, as the list says. Phrases are whole words, case and
width folded; where words stand without spaces (Chinese, Japanese, Korean), anywhere. A phrase does not
count after a word that takes it back ("denies", "no", "cleared of") among the three before it.

Rule: titles are text that somebody wrote: compared, never interpreted.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

import msgspec

from consumers.watch.core.story import Story

_CJK: Final = "\u2e80"
"""From here on stand the scripts that are written without spaces."""

_BEFORE: Final = 3
"""Words before a phrase that may take it back."""

_READ: Final = 500
"""Characters of a title that are read."""


class Grave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event: the topic labels that name it by themselves, and the phrases that do in a title."""

    severity: Literal["warning", "critical"] = "warning"
    labels: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


class Graves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The list: ``events`` by name, the first that holds counts.

    ``negative`` is the least P(negative), ``unless`` the words that take a phrase back.
    """

    events: dict[str, Grave] = {}
    negative: float = 0.8
    unless: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """Which event a story tells, and by what: a label or a phrase."""

    event: str
    severity: Literal["warning", "critical"]
    by: str


def folded(text: str) -> str:
    """Return ``text`` with case and width folded, its apostrophes and spaces alike."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split())


def found_in(story: Story, graves: Graves) -> Found | None:
    """Return the event that ``story`` tells, if it tells one."""
    if story.negative < graves.negative:
        return None
    title = folded(story.title[:_READ])
    for name, grave in graves.events.items():
        label = next((label for label in story.topics if label in grave.labels), None)
        by = label or _phrase(title, grave.phrases, graves.unless)
        if by is not None:
            return Found(name, grave.severity, by)
    return None


def _phrase(title: str, phrases: tuple[str, ...], unless: tuple[str, ...]) -> str | None:
    """Return the first phrase that stands in a folded title and is not taken back."""
    pattern = _pattern(phrases)
    if pattern is None:
        return None
    for match in pattern.finditer(title):
        before = title[: match.start()]
        if match.group() >= _CJK:
            if not any(before.endswith(folded(word)) for word in unless):
                return match.group()
            continue
        near = " " + " ".join(re.findall(r"[\w']+", before)[-_BEFORE:]) + " "
        if not any(f" {folded(word)} " in near for word in unless):
            return match.group()
    return None


@lru_cache(maxsize=64)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return what finds any of the phrases, the longest first."""
    words: Iterable[str] = sorted({folded(p) for p in phrases} - {""}, key=lambda p: (-len(p), p))
    parts = [
        re.escape(word) if word >= _CJK else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words
    ]
    return re.compile("|".join(parts)) if parts else None
