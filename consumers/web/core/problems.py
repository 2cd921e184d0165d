"""
Problems as RFC 9457 has them: ``application/problem+json``.

Rules: ``type`` is a name that programs may compare, with a sentence in ``docs/api.md``; ``detail`` says
what was wrong, where, and what to do, and repeats no secret.
"""

from http import HTTPStatus
from typing import Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
TYPES: Final[dict[str, tuple[int, str]]] = {
    "bad-request": (400, "The request cannot be read"),
    "unauthorised": (401, "A key is needed"),
    "forbidden": (403, "The key may not do this"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "The method is not one of this address"),
    "conflict": (409, "What stands there does not allow it"),
    "precondition-failed": (412, "It has changed meanwhile"),
    "too-large": (413, "The body is too large"),
    "unsupported": (415, "The media type is not read"),
    "invalid": (422, "A field cannot be meant"),
    "precondition-required": (428, "Say what you change: If-Match"),
    "too-many-requests": (429, "Too many requests"),
    "internal": (500, "A fault of Groundswell"),
    "unavailable": (503, "Something that is needed is away"),
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem; ``errors`` names each field at fault."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[str, ...] = ()


class Refusal(Exception):
    """An answer that is a problem; ``headers`` go with it."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        errors: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The status of the answer."""
        return TYPES[self.kind][0]


def problem(
    kind: str, detail: str = "", errors: tuple[str, ...] = (), instance: str = ""
) -> Problem:
    """Return the problem of a kind."""
    status, title = TYPES[kind]
    return Problem(f"urn:groundswell:problem:{kind}", title, status, detail, instance, errors)


def kind_of(status: int) -> str:
    """Return the kind of a status that the framework chose."""
    known = {held: kind for kind, (held, _) in TYPES.items()}
    if status in known:
        return known[status]
    return "bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
