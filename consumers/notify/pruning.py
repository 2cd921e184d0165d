"""
Removing what was delivered long ago, beside the planner and the workers.

Rules: a little at a time, so that nobody waits for it; every process looks once an hour, and whoever comes
first does it. What is kept for how long is a setting; what must be kept in any case the records know.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from consumers.notify.metrics import Metrics
from consumers.ports import Clock
from consumers.records.notices.ports import Queue
from groundswell.settings_notify import FOR_EVER, NotifySettings

DAY_MS: Final = 86_400_000
LOOK_SECONDS: Final = 3600.0
PAUSE_SECONDS: Final = 0.5

log = structlog.get_logger()


@dataclass
class Pruning:
    """The pruning of one process; ``deliveries`` and ``lines`` are kept so many ms (None: for ever)."""

    queue: Queue
    clock: Clock
    metrics: Metrics
    deliveries: int | None
    lines: int | None
    _due: float = float("-inf")

    async def turn(self) -> int:
        """Remove a little, if it is time; returns 0: there is no hurry. Raises ``Transient``."""
        if self.clock.now() < self._due:
            return 0
        gone = await self.queue.prune(self.deliveries, self.lines)
        self.metrics.pruned(gone)
        if any(gone):
            log.info("pruned", deliveries=gone.deliveries, lines=gone.lines)
        else:
            self._due = self.clock.now() + LOOK_SECONDS
        return 0


def kept(settings: NotifySettings) -> tuple[int | None, int | None]:
    """Return how long deliveries, and lines of the log, are kept (ms); None: for ever."""
    days = settings.deliveries_retention_days, settings.notification_log_retention_days
    deliveries, lines = (None if d == FOR_EVER else d * DAY_MS for d in days)
    return deliveries, lines
