"""
Signed links by which a message lets its reader do one thing to one alert.

    v1.<action>.<alert>.<expires, s since 1970>.<who, base64url>.<HMAC-SHA256, base64url>

Rules: a link allows one action on one alert, once, until it expires, and says in whose name. It is shown by
GET and acted on by POST alone, since scanners of mail open every link; one to ``open`` an alert shows it and
does nothing. The keys are derived from those that seal secrets: the first signs, all verify.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from groundswell.errors import Rejected

LinkAction: TypeAlias = Literal["acknowledge", "snooze", "open"]
LONGEST_SECONDS: Final = 7 * 86_400
_PURPOSE: Final = b"groundswell action links, v1"
_FORM: Final = re.compile(
    r"(v1\.(acknowledge|snooze|open)\.([0-9a-f]{16}-\d{1,12})\.(\d{1,12})\.([A-Za-z0-9_-]{1,140}))"
    r"\.([A-Za-z0-9_-]{43})"
)


class Allowed(NamedTuple):
    """What a link allows: ``action`` on ``alert`` in the name of ``who``, until ``expires`` (s)."""

    action: LinkAction
    alert: str
    expires: int
    who: str


def link_keys(secrets: str) -> tuple[bytes, ...]:
    """Return the keys of links, out of those that seal secrets (comma separated)."""
    return tuple(
        hmac.digest(key.strip().encode(), _PURPOSE, hashlib.sha256)
        for key in secrets.split(",")
        if key.strip()
    )


def signed(allowed: Allowed, keys: Sequence[bytes]) -> str:
    """Return the token of a link."""
    who = _text(allowed.who.encode()[:100])
    said = f"v1.{allowed.action}.{allowed.alert}.{allowed.expires}.{who}"
    return f"{said}.{_text(hmac.digest(keys[0], said.encode(), hashlib.sha256))}"


def address(base: str, allowed: Allowed, keys: Sequence[bytes]) -> str:
    """Return the address of a link, below that of the pages of `serve`."""
    return f"{base.rstrip('/')}/a/{signed(allowed, keys)}"


def name_of(token: str) -> str:
    """Return by which name it is remembered that a link was used: not the link, which is a secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def opened(token: str, keys: Sequence[bytes], now: int) -> Allowed:
    """Return what a token allows at ``now`` (s since 1970). Raises ``Rejected``."""
    found = _FORM.fullmatch(token)
    if found is None:
        raise Rejected("bad_link", "the link is not whole: open it as it was sent")
    said, given = found[1].encode(), found[6].encode()
    good = [
        hmac.compare_digest(_text(hmac.digest(key, said, hashlib.sha256)).encode(), given)
        for key in keys
    ]
    if not any(good):
        raise Rejected("bad_link", "the link was not made here, or its key is gone")
    if int(found[4]) <= now:
        raise Rejected("expired_link", "the link has expired: open the alert itself")
    try:
        who = base64.urlsafe_b64decode(found[5] + "=" * (-len(found[5]) % 4))
    except binascii.Error:
        raise Rejected("bad_link", "the link is not whole: open it as it was sent") from None
    action = cast("LinkAction", found[2])
    return Allowed(action, found[3], int(found[4]), who.decode("utf-8", "replace"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
