"""The composition root of `count`: builds the parts, and ends them in order."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_scan import KafkaScan
from consumers.adapters.logs import set_up
from consumers.adapters.redis_counts import open_counts, retention_of
from consumers.counts.filling import Filling
from consumers.counts.loop import Counting
from consumers.counts.metrics import Metrics
from consumers.counts.series import Keeper
from consumers.records.schemes.late import LateSchemes
from groundswell.settings import Settings

KEEPER_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 3.0

log = structlog.get_logger()


async def run(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """
    Count until SIGTERM, SIGINT or ``stop``.

    Raises ``CannotStart`` or ``CannotContinue``; whatever else is away is waited for.
    """
    set_up(settings.log_level, settings.log_format, "count")
    stop = stop or asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    clock, health, metrics = SystemClock(), Health(), Metrics()
    store = open_counts(settings)
    reader = KafkaReader(settings, settings.opinions_topic, settings.count_group, clock)
    scan = KafkaScan(settings, settings.opinions_topic)
    schemes = LateSchemes(settings.records_url.get_secret_value())
    counting = Counting(settings, reader, store, clock, health, metrics, stop)
    lateness = settings.lateness_seconds * 1000
    filling = Filling(store, scan, lateness, retention_of(settings), stop)
    keeper = Keeper(counting.series, filling, schemes, counting.owns, settings.redis_shards)
    try:
        async with serving(
            settings.http_host, settings.http_port, health, metrics.registry
        ) as port:
            log.info("listening", host=settings.http_host, port=port)
            beside = [
                asyncio.create_task(_repeat(keeper.turn, KEEPER_SECONDS, stop)),
                asyncio.create_task(_repeat(keeper.fill, KEEPER_SECONDS, stop)),
            ]
            try:
                await counting.run()
            finally:
                stop.set()
                await asyncio.wait(beside, timeout=LEAVE_SECONDS)
                # Who goes on waits for a service; nothing that it does is left half-done.
                cancelled = [task.cancel() for task in beside]
                if any(cancelled):
                    await asyncio.wait(beside, timeout=LEAVE_SECONDS)
    finally:
        await schemes.close()
        await scan.close()
        await store.close()
        log.info("stopped")


async def _repeat(call: Callable[[], Awaitable[None]], seconds: float, stop: asyncio.Event) -> None:
    """Call again and again, with a pause, until the program stops."""
    while not stop.is_set():
        await call()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()
