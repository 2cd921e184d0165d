"""For administrators: keys without their secrets, and the audit log."""

from typing import Annotated, Final

import msgspec
from fastapi import Path, Query, Request, Response

from consumers.records.access.values import ApiKey
from consumers.records.desk.moments import iso
from consumers.web.answers import answer, empty
from consumers.web.core.pages import cursor, number_of
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import parts_of

_LIST: Final = "audit"


class KeyForm(msgspec.Struct, frozen=True):
    """A key without its secret; ``scopes`` empty: all of its role's."""

    id: str
    owner: str
    role: str
    scopes: tuple[str, ...]
    state: str
    created: str
    expires: str | None
    revoked: str | None
    used: str | None


class KeysForm(msgspec.Struct, frozen=True):
    """All keys, the oldest first."""

    keys: tuple[KeyForm, ...]


class AuditForm(msgspec.Struct, frozen=True):
    """Who did what to what, when, and with which status it was answered."""

    number: int
    at: str
    actor: str
    key: str
    action: str
    target: str
    outcome: str


class AuditPage(msgspec.Struct, frozen=True):
    """Lines of the audit log, the newest first."""

    audit: tuple[AuditForm, ...]
    next: str | None


async def list_keys(request: Request) -> Response:
    """List all keys, without their secrets."""
    access = parts_of(request).access
    now = await access.now()
    return answer(request, KeysForm(tuple(key_form(key, now) for key in await access.keys())))


def key_form(key: ApiKey, now: int) -> KeyForm:
    """Return a key as programs read it."""
    ends = (None if at is None else iso(at) for at in (key.expires, key.revoked, key.used))
    return KeyForm(
        key.id, key.owner, key.role, key.scopes, key.standing(now), iso(key.created), *ends
    )


async def revoke_key(
    request: Request, key: Annotated[str, Path(pattern="^[0-9a-f]{8}$")]
) -> Response:
    """Revoke a key: it opens nothing from the next request on."""
    if not await parts_of(request).access.revoke(key):
        raise Refusal("not-found", f"no key has the id {key}")
    return empty()


async def list_audit(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """List what was done through the API, the newest first."""
    lines = await parts_of(request).access.audited(limit + 1, number_of(_LIST, after))
    page = lines[:limit]
    told = tuple(
        AuditForm(n, iso(li.at), li.actor, li.key, li.action, li.target, li.outcome)
        for n, li in page
    )
    more = cursor(_LIST, str(page[-1][0])) if len(lines) > limit else None
    return answer(request, AuditPage(told, more))


OPERATIONS: Final = (
    Operation("GET", f"{V1}/keys", list_keys, "keys", KeysForm),
    Operation("DELETE", f"{V1}/keys/{{key}}", revoke_key, "keys", status=204, more=(404,)),
    Operation("GET", f"{V1}/audit", list_audit, "audit", AuditPage),
)
