"""
What every answer has in common: headers of security and of limits, the audit log, metrics, a last resort.

Rules: every action (whatever is not a GET) of a known caller is audited, whether it was done or refused, in
one place, so that a new route cannot forget it. An error that nobody foresaw is a problem without detail.
Nothing of a request is logged but its operation, its status and the id of its key.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import structlog
from fastapi import Request

from consumers.records.access.values import AuditLine
from consumers.web.answers import refused
from consumers.web.core.access import Caller
from consumers.web.core.keys import redacted
from consumers.web.core.problems import problem
from consumers.web.parts import Parts
from groundswell.errors import GroundswellError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
)
_LONGEST_TARGET: Final = 300

log = structlog.get_logger()


class Edge:
    """Middleware around the whole application."""

    def __init__(self, app: App, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, begun = self._parts.clock.now(), False
        state: dict[str, Any] = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = list(message.get("headers", ()))
                named = {name.lower() for name, _ in headers}
                headers += [(n, v) for n, v in SECURITY if n not in named]
                headers += [
                    (n.lower().encode(), v.encode()) for n, v in state.get("limits", {}).items()
                ]
                message["headers"] = headers
                await self._noted(scope, message["status"], self._parts.clock.now() - started)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            log.exception(
                "a request failed", operation=_operation(scope), kind=type(error).__name__
            )
            if begun:
                raise
            answer = refused(problem("internal", "it is in the log of the program"))
            await answer(scope, receive, sending)

    async def _noted(self, scope: Scope, status: int, seconds: float) -> None:
        operation = _operation(scope)
        self._parts.metrics.requests.labels(operation, str(status)).inc()
        self._parts.metrics.seconds.observe(seconds)
        if scope["method"] not in READS and operation != "none":
            await self._audited(scope, operation, status)

    async def _audited(self, scope: Scope, operation: str, status: int) -> None:
        state = scope["state"]
        caller: Caller | None = state.get("caller")
        actor = caller.owner if caller else state.get("actor")
        if actor is None:
            return  # nobody known: counted as denied, not written down, or anybody could fill the log
        named = [str(value) for value in scope.get("path_params", {}).values()]
        target = str(state.get("target", " ".join(named)))[:_LONGEST_TARGET]
        key = caller.key if caller else ""
        try:
            await self._parts.access.audit(AuditLine(actor, key, operation, target, str(status)))
        except GroundswellError as error:
            self._parts.metrics.unaudited.inc()
            log.warning(
                "an action is not in the audit log",
                operation=operation, status=status, key=key, error=str(error),
            )  # fmt: skip


def _operation(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "operation_id", None) or "none")


def path_of(request: Request) -> str:
    """Return the path that a problem names; of a signed link only its beginning, since it is a secret."""
    path = request.url.path
    return "/a/…" if path.startswith("/a/") else redacted(path[:_LONGEST_TARGET])
