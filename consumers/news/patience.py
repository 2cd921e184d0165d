"""
Waiting for the outside: the same call again, with growing pauses, until it succeeds.

Rule: only ``Transient`` is waited for; each wait is said in the log, in the metrics and in health.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from consumers.backoff import pause_after
from consumers.news.metrics import Metrics
from consumers.ports import Waiting
from groundswell.errors import Transient

T = TypeVar("T")

log = structlog.get_logger()


class Patience:
    """Repeats calls for the loop."""

    def __init__(self, metrics: Metrics, health: Waiting) -> None:
        self.metrics = metrics
        self._health = health
        self._away: set[str] = set()

    async def until_done(self, part: str, call: Callable[[], Awaitable[T]]) -> T:
        """Await ``call()`` until it does not raise ``Transient``; ``part`` names it to a reader."""
        attempt = 0
        while True:
            try:
                answer = await call()
            except Transient as error:
                self.failed(part, error, attempt)
                await asyncio.sleep(pause_after(attempt))
                attempt += 1
            else:
                self.worked(part)
                return answer

    def expect(self, part: str, why: str) -> None:
        """Say that ``part`` is waited for, though nothing has failed."""
        self._away.add(part)
        self._health.waiting(part, why)

    def worked(self, part: str) -> None:
        """Say that ``part`` answers, if it was away."""
        if part in self._away:
            self._away.remove(part)
            self._health.working(part)
            log.info("works", part=part)

    def failed(self, part: str, error: Transient, attempt: int = 0) -> None:
        """Say that a call failed and that it will be tried again."""
        self.metrics.failures.labels(part).inc()
        self.expect(part, str(error))
        log.warning("waiting", part=part, error=str(error), attempt=attempt + 1)
