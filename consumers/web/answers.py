"""
Reading bodies and writing answers.

Rules: a body is JSON of a known shape, bounded in bytes and in time; what is wrong with it is a problem that
names the place. An answer to GET carries a strong entity tag, and is empty (304) for who has it already; a
change may name the tag that it was made over.
"""

import asyncio
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request, Response

from consumers.web.core.pages import not_modified, still, tag_of
from consumers.web.core.problems import MEDIA_TYPE, Problem, Refusal, problem
from consumers.web.parts import parts_of

T = TypeVar("T")
JSON: Final = "application/json"
BODY_SECONDS: Final = 30.0
_NOT_MODIFIED: Final = 304
_NO_CONTENT: Final = 204


async def body_of(request: Request) -> bytes:
    """Return the body. Raises ``Refusal`` where it is no JSON, too large or too slow."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and given != JSON:
        raise Refusal("unsupported", f"{given[:100]} is not read: send {JSON}")
    most = parts_of(request).settings.serve_max_body_bytes
    parts, length = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > most:
                    raise Refusal("too-large", f"the limit is {most} bytes: send less at once")
                parts.append(part)
    except TimeoutError:
        raise Refusal("bad-request", f"the body took longer than {BODY_SECONDS:g} s") from None
    return b"".join(parts)


async def read(request: Request, kind: type[T]) -> T:
    """Return the body as ``kind``. Raises ``Refusal``."""
    return decoded(await body_of(request), kind)


def decoded(body: bytes, kind: type[T]) -> T:
    """Return JSON as ``kind``. Raises ``Refusal``."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Refusal("invalid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad-request", f"the body is not JSON: {str(error)[:200]}") from None


def answer(
    request: Request,
    value: Any,
    *,
    status: int = 200,
    tag: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a value as JSON, with its entity tag."""
    body = msgspec.json.encode(value)
    return sent(request, body, JSON, status=status, tag=tag or tag_of(body), headers=headers)


def sent(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    tag: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return bytes, or nothing (304) to who has them already."""
    told = {"Cache-Control": "private, no-cache", **(headers or {})}
    if tag is not None:
        told["ETag"] = tag
        if request.method in {"GET", "HEAD"} and not_modified(
            request.headers.get("if-none-match"), tag
        ):
            return Response(status_code=_NOT_MODIFIED, headers=told)
    return Response(body, status_code=status, media_type=media_type, headers=told)


def empty() -> Response:
    """Return an answer without a body."""
    return Response(status_code=_NO_CONTENT)


def matched(request: Request, tag: str, *, needed: bool = False) -> None:
    """Raise ``Refusal`` where ``If-Match`` names something else than what stands, or is needed and missing."""
    given = request.headers.get("if-match")
    if given is None:
        if needed:
            raise Refusal("precondition-required", "send If-Match with the ETag that you have read")
        return
    if not still(given, tag):
        raise Refusal("precondition-failed", "read it again, and send its new ETag")


def refused(found: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return a problem."""
    return Response(
        msgspec.json.encode(found),
        status_code=found.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal(error: Refusal, path: str) -> Response:
    """Return the answer of a refusal."""
    return refused(problem(error.kind, error.detail, error.errors, path), error.headers)
