"""
Who calls, and whether they may: before any route runs.

Rules: a key comes in the header ``Authorization: Bearer``, never in an address. Unknown, revoked and expired
keys are answered alike, after the same comparison. Requests without a good key are limited by their
address; others by their key.
"""

from typing import Final, cast

import structlog
from fastapi import Request

from consumers.records.access.values import ApiKey
from consumers.web.core import keys
from consumers.web.core.access import BY_LINK, NEEDS, ROLES, Caller, Role, Scope, granted
from consumers.web.core.limits import idle, take
from consumers.web.core.problems import Refusal
from consumers.web.parts import Parts, parts_of
from groundswell.errors import Transient

MOST_BUCKETS: Final = 10_000
NOTED_MS: Final = 60_000
_NOBODY: Final = keys.hashed("nobody's key")

log = structlog.get_logger()


async def guard(request: Request) -> None:
    """Let a request through to its route, or raise ``Refusal``."""
    parts, operation = parts_of(request), operation_of(request)
    if operation in BY_LINK:
        limited(parts, request, f"address {address_of(request)}")
        return
    key = await key_of(parts, request)
    if key is None:
        limited(parts, request, f"address {address_of(request)}")
        raise Refusal(
            "unauthorised",
            "send a good key as `Authorization: Bearer …`; `groundswell keys create` makes one",
            headers={"WWW-Authenticate": 'Bearer realm="groundswell"'},
        )
    role = cast("Role", key.role)
    narrowed = cast("tuple[Scope, ...]", key.scopes)
    caller = Caller(key.id, key.owner, role, granted(role, narrowed))
    request.state.caller = caller
    limited(parts, request, f"key {key.id}")
    needed = NEEDS[operation]
    if needed not in caller.scopes:
        raise Refusal("forbidden", f"this needs the scope {needed}, which the key has not")


def operation_of(request: Request) -> str:
    """Return the id of the operation that a request asks for."""
    return str(request.scope["route"].operation_id)


def address_of(request: Request) -> str:
    """Return where a request comes from, as far as the server knows."""
    return request.client.host if request.client else "unknown"


async def key_of(parts: Parts, request: Request) -> ApiKey | None:
    """Return the key that a request shows, if it opens anything."""
    text = keys.bearer(request.headers.get("authorization"))
    if text is None:
        parts.metrics.denied.labels("none").inc()
        return None
    name = keys.id_of(text)
    held = await parts.access.key(name) if name else None
    good = keys.same(text, held.hashed if held else _NOBODY)
    if held is None or not good or held.role not in ROLES:
        parts.metrics.denied.labels("unknown").inc()
        return None
    now = parts.clock.wall()
    standing = held.standing(now)
    if standing != "good":
        parts.metrics.denied.labels(standing).inc()
        return None
    if held.used is None or now - held.used >= NOTED_MS:
        await _noted(parts, held)
    return held


async def _noted(parts: Parts, key: ApiKey) -> None:
    """Write down that a key is used; not with every request, since writers wait for one another."""
    try:
        await parts.access.used(key.id)
    except Transient as error:
        log.warning("the use of a key is not noted", key=key.id, error=str(error))


def limited(parts: Parts, request: Request, who: str) -> None:
    """Take a request off a caller's allowance. Raises ``Refusal`` where none is left."""
    now, rate = parts.clock.now(), parts.rate
    if who not in parts.buckets and len(parts.buckets) >= MOST_BUCKETS:
        for name in idle(parts.buckets, rate, now):
            del parts.buckets[name]
        if len(parts.buckets) >= MOST_BUCKETS:
            parts.buckets.clear()
    taken = take(parts.buckets.get(who), rate, now)
    parts.buckets[who] = taken.bucket
    headers = {
        "RateLimit-Limit": str(rate.burst),
        "RateLimit-Remaining": str(taken.left),
        "RateLimit-Reset": str(round(taken.full + 0.5)),
    }
    request.state.limits = headers
    if not taken.allowed:
        parts.metrics.limited.inc()
        wait = str(max(1, round(taken.wait + 0.5)))
        raise Refusal("too-many-requests", f"wait {wait} s", headers={"Retry-After": wait})
