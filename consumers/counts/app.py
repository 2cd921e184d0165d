"""The composition root of `count`: builds the parts, and ends them in order."""

import asyncio
import signal

import structlog

from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.logs import set_up
from consumers.adapters.redis_counts import open_counts
from consumers.counts.loop import Counting
from consumers.counts.metrics import Metrics
from groundswell.settings import Settings

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
    try:
        async with serving(
            settings.http_host, settings.http_port, health, metrics.registry
        ) as port:
            log.info("listening", host=settings.http_host, port=port)
            await Counting(settings, reader, store, clock, health, metrics, stop).run()
    finally:
        await store.close()
        log.info("stopped")
