"""
Texts from outside, made fit for a terminal and for a table. Pure.

Rules: crawled text is hostile. What could steer a terminal (control characters, and so escape sequences),
turn a line round (bidirectional controls) or break it is replaced by a blank; length is bounded; markup is
not read, since whoever shows it wraps it in rich's ``Text``. In CSV a text that a spreadsheet would take
for a formula gets an apostrophe in front (OWASP, CSV injection).
"""

import re
import unicodedata
from typing import Any, Final
from urllib.parse import urlsplit

LIMIT: Final = 300
LONGEST_URL: Final = 2000
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA: Final = re.compile(r"\s*[=+\-@|%＝＋－＠]")


def plain(text: object, limit: int = LIMIT) -> str:
    """Return the text of a value on one line, at most ``limit`` characters and an ellipsis."""
    given = str(text)
    cut = given[: limit * 4]
    shown = "".join(" " if unicodedata.category(c) in _STEERING else c for c in cut)
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit and len(given) == len(cut) else f"{shown[:limit]}…"


def web_address(url: str) -> str:
    """Return an address from outside if it is one of the web, and steers nothing; else ""."""
    if len(url) > LONGEST_URL or any(
        c.isspace() or unicodedata.category(c) in _STEERING for c in url
    ):
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
    except ValueError:
        return ""
    return url if good else ""


def cell(value: object) -> Any:
    """Return what stands in a CSV cell; numbers stay numbers, None is empty."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = plain(value, 5000)
    return f"'{text}" if _FORMULA.match(text) else text
