"""The composition root of `serve`: builds the parts, and ends them in order."""

import asyncio
import contextlib
import signal

import structlog

from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.logs import set_up
from consumers.adapters.news_intake import KafkaIntake
from consumers.adapters.notice_rules import open_rules
from consumers.adapters.series_view import open_series
from consumers.records.access.database import open_access
from consumers.records.database import open_records
from consumers.records.engine import engine_of
from consumers.records.notices.database import open_notices
from consumers.records.schemes.database import open_schemes
from consumers.records.tail import DatabaseTail
from consumers.web.build import build
from consumers.web.hub import Hub
from consumers.web.live import Live
from consumers.web.metrics import Metrics
from consumers.web.parts import Parts
from consumers.web.server import answering
from groundswell.errors import GroundswellError
from groundswell.settings import Settings

log = structlog.get_logger()


async def run(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """
    Serve until SIGTERM, SIGINT or ``stop``.

    Raises ``CannotStart``, ``CannotContinue`` or, where the records are away at the start, ``Transient``;
    whatever else is away is answered as 503 until it is back.
    """
    set_up(settings.log_level, settings.log_format, "serve")
    stop = stop or asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    clock, health, metrics = SystemClock(), Health(), Metrics()
    url = settings.records_url.get_secret_value()
    async with contextlib.AsyncExitStack() as ending:
        records = await open_records(url)
        ending.push_async_callback(records.close)
        access = await open_access(url)
        ending.push_async_callback(access.close)
        notices = await open_notices(url)
        ending.push_async_callback(notices.close)
        engine = engine_of(url)
        ending.callback(engine.dispose)
        schemes, counts = await open_schemes(url), open_series(settings)
        ending.push_async_callback(schemes.close)
        ending.push_async_callback(counts.close)
        intake = KafkaIntake(settings, clock)
        ending.push_async_callback(intake.close)
        rules, link_keys = open_rules(settings)
        hub = Hub(DatabaseTail(engine), health, metrics, settings.serve_poll_ms / 1000)
        live = Live(counts, clock, health)
        parts = Parts(
            settings=settings,
            clock=clock,
            health=health,
            metrics=metrics,
            alerts=records,
            access=access,
            notices=notices,
            rules=rules,
            schemes=schemes,
            counts=counts,
            intake=intake,
            hub=hub,
            live=live,
            link_keys=link_keys,
        )
        await hub.start()
        try:
            await _serve(parts, stop)
        except* GroundswellError as group:
            raise _first(group) from group
    log.info("stopped")


def _first(group: BaseExceptionGroup[GroundswellError]) -> GroundswellError:
    """Return an error out of a group of them: one is enough to say why the program ends."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _serve(parts: Parts, stop: asyncio.Event) -> None:
    settings = parts.settings
    async with (  # what says that it is ready comes after what it says is ready
        answering(build(parts), settings.serve_host, settings.serve_port) as port,
        serving(
            settings.http_host, settings.http_port, parts.health, parts.metrics.registry
        ) as own,
        asyncio.TaskGroup() as tasks,
    ):
        log.info("listening", host=settings.http_host, port=own)
        log.info("serving", host=settings.serve_host, port=port)
        tasks.create_task(parts.hub.run(stop))
        tasks.create_task(parts.live.run(stop))
        await stop.wait()
