"""The script in which a text is mainly written: what of its language is plain to see without a model."""

import unicodedata
from collections import Counter
from typing import Final

NONE: Final = "none"
"""Of a text without a letter."""
_MOST: Final = 400
"""Letters that are looked at."""
_ALIKE: Final = {"HIRAGANA": "kana", "KATAKANA": "kana", "CJK": "han"}


def script_of(text: str) -> str:
    """
    Return the script of most letters, as its letters are called in Unicode: latin, cyrillic, han, arabic.

    Japanese is kana where any kana stands, since its other half is written in han.
    """
    letters = [letter for letter in text if letter.isalpha()][:_MOST]
    found = Counter(_of(letter) for letter in letters)
    if found["kana"]:
        return "kana"
    return found.most_common(1)[0][0] if found else NONE


def _of(letter: str) -> str:
    if letter.isascii():
        return "latin"
    name = unicodedata.name(letter, "OTHER").split()[0].partition("-")[0]
    return _ALIKE.get(name, name.lower())
