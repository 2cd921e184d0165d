"""
The application: routes, guard, problems, edge; the OpenAPI document.

Rule: an operation without an entry in the table of scopes is a bug that stops the program before it starts.
"""

from typing import Any, Final

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.routing import Match

from consumers.web.answers import refusal
from consumers.web.core.access import unlisted
from consumers.web.core.problems import Refusal, kind_of
from consumers.web.edge import Edge, path_of
from consumers.web.guard import guard
from consumers.web.operations import V1, Operation, added, document
from consumers.web.parts import Parts
from consumers.web.routes import (
    acts,
    admin,
    alerts,
    channels,
    feedback,
    links,
    news,
    schemes,
    series,
    silences,
    streams,
    subscriptions,
)
from groundswell.errors import Bug, CannotContinue, CannotStart, InputError, Rejected, Transient

OPERATIONS: Final[tuple[Operation, ...]] = (
    *streams.OPERATIONS,  # before the alerts, one of whose addresses is a pattern
    *alerts.OPERATIONS,
    *acts.OPERATIONS,
    *series.OPERATIONS,
    *schemes.OPERATIONS,
    *subscriptions.OPERATIONS,
    *channels.OPERATIONS,
    *silences.OPERATIONS,
    *news.OPERATIONS,
    *feedback.OPERATIONS,
    *admin.OPERATIONS,
    *links.OPERATIONS,
)
_RETRY_SECONDS: Final = 5
_NOT_A_METHOD: Final = 405

log = structlog.get_logger()


def build(parts: Parts) -> FastAPI:
    """Return the application over its parts. Raises ``Bug``."""
    app = bare()
    app.state.parts = parts
    app.add_middleware(Edge, parts=parts)
    if parts.settings.serve_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(parts.settings.serve_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match"],
            expose_headers=["ETag", "Location", "Retry-After"],
        )
    return app


def bare() -> FastAPI:
    """Return the application without parts: enough for its document. Raises ``Bug``."""
    missing = unlisted(operation.id for operation in OPERATIONS)
    if missing:
        raise Bug(f"operations that no table of scopes names: {', '.join(missing)}")
    app = FastAPI(
        openapi_url=f"{V1}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(guard)],
        redirect_slashes=False,
    )
    added(app, OPERATIONS)
    held: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        held.update(held or document(app, OPERATIONS))
        return held

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI has it in its own docs
    handled: tuple[tuple[Any, Any], ...] = (
        (Refusal, _refused),
        (RequestValidationError, _bad_parameter),
        (HTTPException, _by_framework),
        (Rejected, _rejected),
        (Transient, _away),
        (CannotContinue, _away),
        (CannotStart, _away),
        (InputError, _bad_input),
    )
    for kind, handler in handled:
        app.add_exception_handler(kind, handler)
    return app


async def _refused(request: Request, error: Refusal) -> Response:
    return refusal(error, path_of(request))


async def _bad_parameter(request: Request, error: RequestValidationError) -> Response:
    faults = tuple(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"[:300]
        for fault in error.errors()
    )
    return refusal(
        Refusal("invalid", "a parameter cannot be meant", errors=faults), path_of(request)
    )


async def _by_framework(request: Request, error: HTTPException) -> Response:
    headers = {str(name): str(value) for name, value in (error.headers or {}).items()}
    if error.status_code == _NOT_A_METHOD:
        headers["Allow"] = ", ".join(_methods(request))
    return refusal(
        Refusal(kind_of(error.status_code), str(error.detail)[:300], headers=headers),
        path_of(request),
    )


def _methods(request: Request) -> list[str]:
    """Return the methods of an address: the framework names those of one route alone."""
    found = {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return sorted(found)


async def _rejected(request: Request, error: Rejected) -> Response:
    kind = "forbidden" if error.reason in {"bad_link", "expired_link"} else "invalid"
    return refusal(Refusal(kind, error.detail), path_of(request))


async def _bad_input(request: Request, error: InputError) -> Response:
    return refusal(Refusal("invalid", str(error)), path_of(request))


async def _away(request: Request, error: Exception) -> Response:
    log.warning("something that is needed is away", error=str(error))
    again = {"Retry-After": str(_RETRY_SECONDS)}
    return refusal(
        Refusal("unavailable", "a service behind the API is away: try again", headers=again),
        path_of(request),
    )
