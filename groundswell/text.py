"""
From a news item to the text that the model reads: the same in training and in serving.

Rule: whatever changes the result here raises ``TEXT_VERSION``; a bundle names the version that it was
trained with, and a consumer refuses another.
"""

import re
import unicodedata
from typing import Final

TEXT_VERSION: Final = 1

_URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")


def normalise(text: str, limit: int) -> str:
    """
    Return ``text`` in NFC, without URLs and control characters, white space folded to one blank.

    At most ``limit`` characters are looked at, so that a hostile text costs no more than a long one.
    """
    cut = unicodedata.normalize("NFC", text[:limit])
    if not cut.isprintable():
        cut = "".join(
            c if c.isprintable() else " " if unicodedata.category(c) in _BLANKS else "" for c in cut
        )
    if "://" in cut or "www." in cut.lower():
        cut = _URL.sub(" ", cut)
    return _SPACE.sub(" ", cut).strip()


_BLANKS: Final = frozenset({"Cc", "Zs", "Zl", "Zp"})


def compose(title: str, body: str, limit: int) -> str:
    """Join title and body into what the model reads, at most ``limit`` characters."""
    head = normalise(title, limit)
    if len(head) >= limit or not body:
        return head[:limit]
    rest = normalise(body, limit - len(head))
    if not head:
        return rest
    if not rest:
        return head
    joint = " " if head[-1] in ".!?:;" else ". "
    return (head + joint + rest)[:limit]


_SCRIPTS: Final = (
    ("zh", 0x4E00, 0x9FFF),
    ("ja", 0x3040, 0x30FF),
    ("ko", 0xAC00, 0xD7AF),
    ("ru", 0x0400, 0x04FF),
    ("ar", 0x0600, 0x06FF),
    ("hi", 0x0900, 0x097F),
    ("el", 0x0370, 0x03FF),
    ("he", 0x0590, 0x05FF),
    ("th", 0x0E00, 0x0E7F),
)


def language_of(tag: str, text: str) -> str:
    """
    Return the primary language of a text: that of its tag, else what its script tells, else "".

    Latin script tells nothing. A text counts as of another script when a third of its letters are.
    """
    if tag:
        return tag.replace("_", "-").partition("-")[0].lower()
    if text.isascii():
        return ""
    letters = sum(c.isalpha() for c in text) or 1
    for language, low, high in _SCRIPTS:
        if 3 * sum(low <= ord(c) <= high for c in text) >= letters:
            return language
    return ""
