"""
An operation of the API: what it takes and gives, for the application and for the OpenAPI document alike.

Rule: shapes are msgspec structs, whose JSON Schemas (draft 2020-12, as OpenAPI 3.1 has them) stand in the
document; what is decoded is checked against the same.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import FastAPI

from consumers.web.core.access import BY_LINK, NEEDS
from consumers.web.core.problems import MEDIA_TYPE, TYPES, Problem
from groundswell import __version__

V1: Final = "/api/v1"
_SCHEMAS: Final = "#/components/schemas/{name}"
_ALWAYS: Final = (400, 401, 403, 405, 422, 429, 500, 503)
_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `groundswell keys create`: gsw_….",
}


class Operation(NamedTuple):
    """
    ``gives``: the shape of a good answer, a media type, or None for an empty one.

    ``more``: statuses of problems beyond those that every operation may have; ``takes``: the shape of the
    body; ``other``: further media types of the answer; ``also``: further statuses of a good one;
    ``needs_body``: whether a body must be sent;
    ``wants_match``, ``hears_match``: whether If-Match must, or may, be sent.
    """

    method: str
    path: str
    call: Callable[..., Any]
    tag: str
    gives: Any = None
    takes: Any = None
    status: int = 200
    more: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    other: tuple[str, ...] = ()
    needs_body: bool = True
    wants_match: bool = False
    hears_match: bool = False

    @property
    def id(self) -> str:
        """The id of the operation: the name of its function."""
        return self.call.__name__


def added(app: FastAPI, operations: Iterable[Operation]) -> None:
    """Add operations to the application."""
    for one in operations:
        app.add_api_route(
            one.path,
            one.call,
            methods=[one.method],
            operation_id=one.id,
            tags=[one.tag],
            status_code=one.status,
            response_model=None,
            responses=_responses(one),
            openapi_extra=_extra(one),
        )


def _responses(one: Operation) -> dict[int | str, dict[str, Any]]:
    good: dict[str, Any] = {"description": "Done."}
    if isinstance(one.gives, str):
        good["content"] = {one.gives: {"schema": {"type": "string"}}}
    elif one.gives is not None:
        content: dict[str, Any] = {"application/json": {"schema": _reference(one.gives)}}
        good["content"] = content | {name: {"schema": {"type": "string"}} for name in one.other}
    found: dict[int | str, dict[str, Any]] = dict.fromkeys((one.status, *one.also), good)
    if one.method == "GET" and one.gives is not None:
        found[304] = {"description": "You have it already (If-None-Match)."}
    body = (413, 415) if one.takes is not None else ()
    refusals = {status: kind for kind, (status, _) in TYPES.items()}
    for status in sorted({*_ALWAYS, *body, *one.more}):
        found[status] = {
            "description": TYPES[refusals[status]][1] + ".",
            "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
        }
    return found


def _extra(one: Operation) -> dict[str, Any]:
    extra: dict[str, Any] = {"security": [] if one.id in BY_LINK else [{"key": []}]}
    if one.id in NEEDS:
        extra["x-scope"] = NEEDS[one.id]
    if one.takes is not None:
        extra["requestBody"] = {
            "required": one.needs_body,
            "content": {"application/json": {"schema": _reference(one.takes)}},
        }
    if one.wants_match or one.hears_match:
        without = "needed" if one.wants_match else "without it, whatever stands there"
        extra["parameters"] = [
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": f"The ETag of what is changed; {without}.",
                "schema": {"type": "string"},
            }
        ]
    return extra


def _reference(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_SCHEMAS)
    return dict(schema)


def document(app: FastAPI, operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    from fastapi.openapi.utils import get_openapi

    found: dict[str, Any] = get_openapi(
        title="Groundswell",
        version=__version__,
        openapi_version="3.1.0",
        description="Financial opinion as it happens: alerts, series, subscriptions, news. See docs/api.md.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    kinds = [k for one in operations for k in (one.gives, one.takes) if _shaped(k)]
    _, shapes = msgspec.json.schema_components([*kinds, Problem], ref_template=_SCHEMAS)
    held: dict[str, Any] = found.get("components", {}).get("schemas", {})
    ours = {n: s for n, s in held.items() if n not in {"HTTPValidationError", "ValidationError"}}
    found["components"] = {
        "schemas": dict(sorted({**ours, **shapes}.items())),
        "securitySchemes": {"key": _KEY},
    }
    for operation in _operations(found):
        operation["responses"] = dict(sorted(operation["responses"].items()))
    return found


def _shaped(kind: Any) -> bool:
    return kind is not None and not isinstance(kind, str)


def _operations(found: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return [operation for path in found["paths"].values() for operation in path.values()]
