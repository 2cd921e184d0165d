"""
The loop of `notify`: a planner, workers and the pruning, side by side, until it is told to stop.

Rules: neither waits for the other; whatever is away is waited for with growing pauses. On a stop, what is
being sent is finished, and what is not is left to the next process.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from consumers.backoff import pause_after
from consumers.notify.metrics import Metrics
from consumers.notify.planner import Planning
from consumers.notify.pruning import PAUSE_SECONDS, Pruning
from consumers.notify.workers import Workers
from consumers.ports import Clock, Waiting
from consumers.records.notices.ports import Queue
from groundswell.errors import Transient

IDLE_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 5.0
OUTSIDE: Final = "records"

log = structlog.get_logger()


@dataclass
class Notifying:
    """One process of `notify`."""

    planning: Planning
    workers: Workers
    pruning: Pruning
    queue: Queue
    clock: Clock
    health: Waiting
    metrics: Metrics

    async def run(self, stop: asyncio.Event) -> None:
        """Notify until ``stop``. Raises ``CannotContinue``."""
        try:
            async with asyncio.TaskGroup() as group:
                for turn, pause in (
                    (self.planning.turn, IDLE_SECONDS),
                    (self.workers.turn, IDLE_SECONDS),
                    (self._look, LOOK_SECONDS),
                    (self.pruning.turn, PAUSE_SECONDS),
                ):
                    group.create_task(self._repeat(turn, pause, stop))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        with contextlib.suppress(Transient):
            await self.workers.finish()
        with contextlib.suppress(Transient):
            await self.planning.release()

    async def _repeat(
        self, turn: Callable[[], Awaitable[int]], idle: float, stop: asyncio.Event
    ) -> None:
        failures = 0
        while not stop.is_set():
            pause = idle
            try:
                pause = 0.0 if await turn() else idle
                failures = 0
                self.health.working(OUTSIDE)
            except Transient as error:
                self.health.waiting(OUTSIDE, str(error))
                log.warning("waiting", error=str(error))
                pause = pause_after(failures)
                failures += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def _look(self) -> int:
        waiting, oldest = await self.queue.waiting()
        self.metrics.queue(waiting, oldest, self.clock.wall())
        return 0
