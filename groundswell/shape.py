"""
The shape of a word: what an uncased tokenizer throws away, and what names need.

The shape of a word's first characters goes into the model through ``token_type_ids``, in training and
in serving alike. Rule: the numbers are part of every model that was trained with them.
"""

from typing import Final

OTHER: Final = 0
"""Special tokens, padding, and what holds no letter and no digit."""
LOWER: Final = 1
TITLE: Final = 2
UPPER: Final = 3
MIXED: Final = 4
DIGITS: Final = 5
SHAPES: Final = 6
"""How many shapes there are: the size of the token-type vocabulary."""


def shape_of(word: str) -> int:
    """
    Return the shape of a word as the tokenizer cuts it: no blank, no punctuation inside.

    A word with a digit is ``DIGITS`` whatever else it holds; one capital letter alone is ``TITLE``;
    a script without case (Chinese) is ``LOWER``.
    """
    if word.islower():
        return DIGITS if _has_digit(word) else LOWER
    if not any(map(str.isalnum, word)):
        return OTHER
    if _has_digit(word):
        return DIGITS
    if word[0].isupper() and (len(word) == 1 or word[1:].islower()):
        return TITLE
    if word.isupper():
        return UPPER
    return MIXED if any(c.isupper() for c in word) else LOWER


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word))
