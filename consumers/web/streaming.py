"""
Answers that do not end: server-sent events.

Rules: a client is written to only as fast as it takes; what it has not taken is not kept for it. One that
takes nothing for `serve_slow_seconds` is cut off, and one that has fallen too far behind is told to come back
with its last id. Every stream begins with the id from which it goes on, so that a client that has seen
nothing yet loses nothing either.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from fastapi import Response
from starlette.types import Receive, Scope, Send

from consumers.web.metrics import Metrics

MEDIA_TYPE: Final = "text/event-stream"

log = structlog.get_logger()


class EventStream(Response):
    """Writes frames until they end, the client goes, or takes nothing for too long."""

    media_type = MEDIA_TYPE

    def __init__(
        self, frames: AsyncIterator[bytes], metrics: Metrics, kind: str, slow_seconds: float
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._frames = frames
        self._metrics = metrics
        self._kind = kind
        self._slow = slow_seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Write; see the class."""
        await send(
            {"type": "http.response.start", "status": 200, "headers": list(self.raw_headers)}
        )
        gone = asyncio.ensure_future(_gone(receive))
        writing = asyncio.ensure_future(self._write(send))
        self._metrics.opened(self._kind, 1)
        try:
            await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._metrics.opened(self._kind, -1)
            for task in (gone, writing):
                task.cancel()
            await asyncio.gather(gone, writing, return_exceptions=True)
        if writing.cancelled() or not writing.done():
            return
        error = writing.exception()
        if error is not None and not isinstance(error, OSError):
            raise error

    async def _write(self, send: Send) -> None:
        async for frame in self._frames:
            try:
                async with asyncio.timeout(self._slow):
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
            except TimeoutError:
                # The server closes a connection whose answer was not finished: nothing more is kept of it.
                self._metrics.cut.labels("slow").inc()
                log.info("a slow stream is cut off", kind=self._kind)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
