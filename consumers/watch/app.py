"""
`watch`: the composition root.

Order: listen for health, open the records, claim the counts, look at topic `alerts`, and only then ask for
the lease. What is away is waited for; what can never work is a refusal to start. A SIGTERM or SIGINT ends
the round that is under way and lets go of the lease, so that another takes over at once.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog

from consumers.adapters.clock import SystemClock
from consumers.adapters.count_view import open_view
from consumers.adapters.http import Health, serving
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_topics import Topics, check_alerts
from consumers.adapters.kafka_writer import KafkaWriter
from consumers.adapters.logs import set_up
from consumers.adapters.redis_shadows import open_shadows
from consumers.adapters.shadow_view import NotesView
from consumers.backoff import pause_after
from consumers.ports import Waiting
from consumers.records.database import open_records
from consumers.watch.core.events import Limits
from consumers.watch.core.parameters import Parameters
from consumers.watch.lists import grave_events, trusted_sources
from consumers.watch.loop import Plan, Watching
from consumers.watch.metrics import Metrics
from consumers.watch.outlook import outlook
from consumers.watch.relay import Relay
from groundswell.errors import Transient
from groundswell.settings import Settings

MINUTES_AN_HOUR: Final = 60
T = TypeVar("T")

log = structlog.get_logger()


@dataclass
class Measured(Watching):
    """A `Watching` that shows what it does, and that does not rest while there are minutes to decide."""

    metrics: Metrics = field(default_factory=Metrics)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Take turns until one decides nothing. Raises as ``Watching.turn`` does."""
        while True:
            before, started = self._decided(), self.clock.now()
            try:
                await super().turn()
            finally:
                self._show()
            after = self._decided()
            if after is None or after == before:
                return
            self.metrics.round_seconds.observe(self.clock.now() - started)
            if self.stop.is_set():
                return

    def _decided(self) -> int | None:
        return self._mind.last if self._mind else None

    def _show(self) -> None:
        self.metrics.lease.set(self._lease is not None)
        self.metrics.left_out.set(len(self._left_out))
        mind, ahead = self._mind, outlook(self._standings, self.plan.lateness, self.clock.now())
        if mind is None or mind.last is None:
            return
        self.metrics.minute.set(mind.last)
        self.metrics.states(mind.committed.detectors)
        if ahead.minute is not None:
            self.metrics.lag.set(max(0, ahead.minute - mind.last))


def plan_of(settings: Settings, holder: str) -> Plan:
    """Return what the settings ask for; reads the lists. Raises ``InputError``."""
    return Plan(
        holder=settings.watch_holder or holder,
        budget=settings.watch_budget,
        lateness=settings.lateness_seconds * 1000,
        back=settings.watch_back_hours * MINUTES_AN_HOUR,
        parameters=Parameters(
            delta_volume=settings.watch_delta_volume,
            delta_share=settings.watch_delta_share,
            sources=settings.watch_sources,
        ),
        tiers=trusted_sources(settings.watch_trusted),
        graves=grave_events(settings.watch_events),
        limits=Limits(settings.watch_events_an_hour),
    )


async def run(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """
    Watch until SIGTERM, SIGINT or ``stop``; the command's body.

    Raises ``CannotStart`` or ``CannotContinue``; whatever else is away is waited for.
    """
    set_up(settings.log_level, settings.log_format, "watch")
    stop = stop or asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    clock, health, metrics = SystemClock(), Health(), Metrics()
    plan = plan_of(settings, f"{socket.gethostname()}-{os.getpid()}")
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(
            serving(settings.http_host, settings.http_port, health, metrics.registry)
        )
        log.info("listening", host=settings.http_host, port=port, holder=plan.holder)
        url = settings.records_url.get_secret_value()
        records = await _had("records", lambda: open_records(url), health, stop)
        if records is None:
            return
        stack.push_async_callback(records.close)
        view, counts = open_view(settings)
        stack.push_async_callback(counts.close)
        await _had("redis", counts.prepare, health, stop)
        admin = KafkaAdmin(settings)
        stack.push_async_callback(admin.stop)
        await _look_at(admin, settings)
        writer = KafkaWriter(settings)
        stack.push_async_callback(writer.stop)
        relay = Relay(records, writer, settings.alerts_topic, metrics.told)
        notes = open_shadows(settings)
        stack.push_async_callback(notes.close)
        watching = Measured(
            plan,
            view,
            records,
            relay,
            clock,
            health,
            NotesView(notes, clock),
            view,
            metrics=metrics,
            stop=stop,
        )
        await watching.run(stop)
        log.info("stopped")


async def _look_at(topics: Topics, settings: Settings) -> None:
    """Look at topic `alerts`; where Kafka is away, what is decided waits in the outbox meanwhile."""
    try:
        notes = await check_alerts(topics, settings)
    except Transient as error:
        notes = (f"topic {settings.alerts_topic} could not be looked at: {error}",)
    for note in notes:
        log.warning("topic", note=note)


async def _had(
    part: str, call: Callable[[], Awaitable[T]], health: Waiting, stop: asyncio.Event
) -> T | None:
    """Await ``call()`` until it does not raise ``Transient``; None where ``stop`` came first."""
    attempt = 0
    while not stop.is_set():
        try:
            answer = await call()
        except Transient as error:
            health.waiting(part, str(error))
            log.warning("waiting", part=part, error=str(error), attempt=attempt + 1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_after(attempt)):
                    await stop.wait()
            attempt += 1
        else:
            health.working(part)
            return answer
    return None
