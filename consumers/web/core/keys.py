"""
API keys: ``gsw_<id>_<secret>``.

Rules: the id (8 hexadecimal digits) is public and finds the row; the secret is 32 random bytes. What is
kept is the SHA-256 of the whole key: with 256 random bits in it, a slow hash would protect nothing more.
Keys are compared in constant time.
"""

import base64
import hashlib
import hmac
import re
from typing import Final, NamedTuple

PREFIX: Final = "gsw"
ID_BYTES: Final = 4
SECRET_BYTES: Final = 32
_FORM: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{8}})_([A-Za-z0-9_-]{{43}})")
_SHOWN: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{8}})_[A-Za-z0-9_-]+")


class NewKey(NamedTuple):
    """A key as it is made: ``text`` is shown once, ``hashed`` is kept."""

    id: str
    text: str
    hashed: str


def new_key(random: bytes) -> NewKey:
    """Return the key that 36 random bytes make."""
    if len(random) != ID_BYTES + SECRET_BYTES:
        raise ValueError(f"a key is made of {ID_BYTES + SECRET_BYTES} bytes")
    name = random[:ID_BYTES].hex()
    secret = base64.urlsafe_b64encode(random[ID_BYTES:]).decode().rstrip("=")
    text = f"{PREFIX}_{name}_{secret}"
    return NewKey(name, text, hashed(text))


def hashed(text: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(text: str) -> str | None:
    """Return the public part of a key, None if it is not formed like one."""
    found = _FORM.fullmatch(text)
    return found[1] if found else None


def same(text: str, kept: str) -> bool:
    """Say whether ``text`` is the key whose hash is kept, in constant time."""
    return hmac.compare_digest(hashed(text), kept)


def bearer(header: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (RFC 6750), None where there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def redacted(text: str) -> str:
    """Return a text without the secrets of keys in it."""
    return _SHOWN.sub(rf"{PREFIX}_\1_…", text)
