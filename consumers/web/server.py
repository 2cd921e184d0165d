"""
The server: uvicorn on the program's own event loop and its own signals.

Rules: it logs nothing of requests by itself (an address may be a signed link); it says nothing of what it
is; a peer that takes no bytes for a time is dropped by the kernel, so that an answer that nobody reads costs
nothing for long.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from groundswell.errors import CannotStart

BACKLOG: Final = 2048
ENDING_SECONDS: Final = 5
KEEP_ALIVE_SECONDS: Final = 30
UNREAD_MS: Final = 60_000


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals to the program."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """Return the socket that the API listens on. Raises ``CannotStart``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if user_timeout is not None:
        made.setsockopt(socket.IPPROTO_TCP, user_timeout, UNREAD_MS)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise CannotStart(
            f"serve_host, serve_port: cannot listen on {host}:{port} ({error.strerror})"
        ) from error
    return made


@asynccontextmanager
async def answering(app: FastAPI, host: str, port: int) -> AsyncIterator[int]:
    """Answer until the block ends; yields the port. Raises ``CannotStart``."""
    made = listening(host, port)
    # What it would say of answers that ended early is counted and logged by the program itself.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=ENDING_SECONDS,
        h11_max_incomplete_event_size=32_768,
        proxy_headers=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[made]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield made.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        made.close()
