"""
Pages and entity tags.

A cursor says where the next page begins. Rules: it is opaque, it names the list that it belongs to, and
whatever else it is given to refuses it. An entity tag is strong (RFC 9110, section 8.8.3): equal tags,
equal bytes.
"""

import base64
import binascii
import hashlib
import re
from typing import Final

from groundswell.errors import Rejected

_LONGEST: Final = 600
_TAG: Final = re.compile(r'(W/)?("[\x21\x23-\x7e]*")')


def cursor(what: str, place: str) -> str:
    """Return the cursor to ``place`` of a list."""
    return base64.urlsafe_b64encode(f"{what}\n{place}".encode()).decode().rstrip("=")


def place_of(what: str, text: str) -> str:
    """Return the place that a cursor of a list holds. Raises ``Rejected``."""
    refusal = Rejected("bad_cursor", "the cursor is none of this list: take it from `next`")
    if len(text) > _LONGEST or not text.isascii():
        raise refusal
    try:
        held = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise refusal from None
    name, line, place = held.partition("\n")
    if name != what or not line or not place:
        raise refusal
    return place


def number_of(what: str, text: str | None) -> int | None:
    """Return the number that a cursor holds; None for None. Raises ``Rejected``."""
    if text is None:
        return None
    place = place_of(what, text)
    if not (place.isascii() and place.isdigit() and len(place) <= 18):  # noqa: PLR2004 - fits 64 bits
        raise Rejected("bad_cursor", "the cursor is none of this list: take it from `next`")
    return int(place)


def tag_of(body: bytes) -> str:
    """Return the entity tag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def version_tag(version: int) -> str:
    """Return the entity tag of what is numbered by versions."""
    return f'"v{version}"'


def not_modified(if_none_match: str | None, tag: str) -> bool:
    """Say whether who has what ``If-None-Match`` names has it already; weak comparison."""
    return _names(if_none_match, tag, weak=True)


def still(if_match: str, tag: str) -> bool:
    """Say whether ``If-Match`` names what stands; strong comparison."""
    return _names(if_match, tag, weak=False)


def _names(header: str | None, tag: str, *, weak: bool) -> bool:
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(held == tag and (weak or not w) for w, held in _TAG.findall(header))
