"""
From a name in a text to the series of whom it names.

Rules: NFKC, case folded, punctuation and white space folded, a leading *the* and the usual company forms
at the end dropped: `The Norvik Holdings, Inc.` and `norvik holdings` are one. A law: folding a folded name
changes nothing. What is left without a letter, or is longer than 64 characters, names nobody.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

COMPANIES: Final = frozenset({"org", "organisation", "organization", "company", "issuer"})
"""The types of entities that are companies or organisations, in small letters."""
NAME_KEPT: Final = 64

_FORMS: Final = re.compile(
    r"(?:ab|ag|aktiengesellschaft|as|asa|bhd|bv|co|company|corp|corporation|cv|gmbh|inc|incorporated|kg|"
    r"kgaa|kk|limited|llc|llp|lp|ltd|nv|oao|oy|oyj|pao|pjsc|plc|pte|pty|pvt|sa|sab|sae|sarl|sas|se|spa|"
    r"srl|tbk|ulc|and)"
)
_CJK_FORMS: Final = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|股份公司|株式会社)$")
_DROPPED: Final = re.compile(r"['’`.]")
_FOLDED: Final = re.compile(r"[\W_]+")


def folded_name(text: str) -> str:
    """Return the folded name, or "" if it names nobody."""
    return _folded(text[: 4 * NAME_KEPT])  # cut first: what is remembered must be short


@lru_cache(maxsize=65_536)
def _folded(text: str) -> str:
    name = unicodedata.normalize("NFKC", text).casefold()
    name = unicodedata.normalize("NFKC", name).replace("&", " and ")
    words = _FOLDED.sub(" ", _DROPPED.sub("", name)).split()
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    while len(words) > 1 and _FORMS.fullmatch(words[-1]):
        words.pop()
    name = " ".join(words)
    while (shorter := _CJK_FORMS.sub("", name).rstrip()) != name and shorter:
        name = shorter
    if len(name) > NAME_KEPT or not any(c.isalpha() for c in name):
        return ""
    return name
