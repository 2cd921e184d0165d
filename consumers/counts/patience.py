"""
Waiting for the outside: the same call again, with growing pauses, until it succeeds or the program stops.

Rule: only ``Transient`` is waited for; each wait is said in the log, in the metrics and in health.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from consumers.backoff import pause_after
from consumers.counts.metrics import Metrics
from consumers.ports import Waiting
from groundswell.errors import Transient

log = structlog.get_logger()


class Patience:
    """Says what is waited for, and waits."""

    def __init__(self, metrics: Metrics, health: Waiting, stop: asyncio.Event) -> None:
        self._metrics = metrics
        self._health = health
        self._stop = stop

    async def until_done(self, part: str, call: Callable[[], Awaitable[None]]) -> bool:
        """Repeat ``call`` until it is not ``Transient``; False if the program is to stop before."""
        self._health.waiting(part, "not reached yet")
        attempt = 0
        while not self._stop.is_set():
            try:
                await call()
            except Transient as error:
                self.failed(part, error)
                await self.pause(attempt)
                attempt += 1
            else:
                self._health.working(part)
                return True
        return False

    async def pause(self, attempt: int) -> None:
        """Wait as long as is fitting after failure number ``attempt``, or until the program stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_after(attempt)):
                await self._stop.wait()

    def failed(self, part: str, error: Transient) -> None:
        """Say that ``part`` is away."""
        self._metrics.failures.labels(part).inc()
        self._health.waiting(part, str(error))
        log.warning("waiting", part=part, error=str(error))
