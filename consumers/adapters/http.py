"""
The small HTTP server of a program: /metrics, /healthz, /readyz.

Rules: it runs on the program's own event loop, so that an answer of /healthz proves that the loop turns;
/readyz is 503 with its reasons as JSON while anything is waited for; nothing that a client sends is
interpreted but method and path, and each connection is answered once and closed.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from groundswell.errors import CannotStart

_SECONDS: Final = 5.0
_JSON: Final = "application/json"
_STATUS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
_HEADER_LINES: Final = 200


class Health:
    """What the program waits for or does without, by part; it is ready when it waits for nothing."""

    def __init__(self) -> None:
        self._parts: dict[str, str | None] = {}
        self._lacking: dict[str, str] = {}

    def waiting(self, part: str, why: str) -> None:
        """Say that ``part`` is away, in a sentence."""
        self._parts[part] = why

    def limping(self, part: str, why: str) -> None:
        """Say that ``part`` is away and done without, in a sentence."""
        self._parts[part] = None
        self._lacking[part] = f"done without: {why}"

    def working(self, part: str) -> None:
        """Say that ``part`` answers (again)."""
        self._parts[part] = None
        self._lacking.pop(part, None)

    @property
    def ready(self) -> bool:
        """Whether nothing is waited for."""
        return not any(self._parts.values())

    @property
    def parts(self) -> dict[str, str]:
        """Every part, with "ok", why it is waited for, or why it is done without."""
        return {part: why or self._lacking.get(part, "ok") for part, why in self._parts.items()}


@asynccontextmanager
async def serving(
    host: str, port: int, health: Health, registry: CollectorRegistry
) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port. Raises ``CannotStart`` if it cannot be had."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(_response(*_answer(await _request(reader), health, registry)))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or sent what is no request: nobody is left to be told
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, host, port)
    except OSError as error:
        raise CannotStart(
            f"http_host, http_port: cannot listen on {host}:{port} ({error.strerror})"
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Read a request's head; return method and path."""
    line = await reader.readuntil(b"\n")
    for _ in range(_HEADER_LINES):
        if not (await reader.readuntil(b"\n")).strip():
            break
    method, _, rest = line.decode("latin-1").partition(" ")
    return method, rest.partition(" ")[0].partition("?")[0]


def _answer(
    request: tuple[str, str], health: Health, registry: CollectorRegistry
) -> tuple[int, str, bytes]:
    """Return status, content type and body."""
    method, path = request
    if method not in ("GET", "HEAD"):
        return 405, _JSON, b'{"error": "only GET"}\n'
    match path:
        case "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(registry)
        case "/healthz":
            return 200, _JSON, b'{"alive": true}\n'
        case "/readyz":
            body = json.dumps({"ready": health.ready, "parts": health.parts}) + "\n"
            return 200 if health.ready else 503, _JSON, body.encode()
        case _:
            return 404, _JSON, b'{"error": "try /metrics, /healthz or /readyz"}\n'


def _response(status: int, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_STATUS.get(status, 'Service Unavailable')}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
