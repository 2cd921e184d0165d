"""
`consume`: the composition root.

Order: listen for health, load the model, run the golden texts on this machine, look at the topics, and
only then join the group. With a registry, its champion is followed beside the loop. A SIGTERM or SIGINT drains, commits and leaves.
"""

import asyncio
import contextlib
import signal
from functools import partial
from typing import Final, NamedTuple

import structlog

from consumers.adapters import logs
from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_moves import KafkaAnnouncer, KafkaMoves
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_topics import Topics, check_topics
from consumers.adapters.kafka_writer import KafkaWriter
from consumers.adapters.memory_stories import MemoryStories
from consumers.adapters.redis_shadows import open_shadows
from consumers.adapters.redis_stories import open_stories
from consumers.news.loop import Loop
from consumers.news.metrics import Metrics
from consumers.news.patience import Patience
from consumers.news.pipeline import Pipeline
from consumers.news.ports import Stories
from consumers.news.stories import Teller
from consumers.news.swap.bundles import open_bundles
from consumers.news.swap.first import First, first
from consumers.news.swap.following import Followed, beside_loop, close
from consumers.news.swap.swapper import Around
from consumers.news.voices import Voices
from consumers.news.waits import unless
from consumers.ports import Clock, LogReader, LogWriter
from groundswell.errors import Transient
from groundswell.settings import Settings

STOP_SECONDS: Final = 1.0
"""For closing what the loop could not leave properly."""

log = structlog.get_logger()


class Outside(NamedTuple):
    """The adapters; ``followed`` is the registry and what goes with it, None where none is set."""

    reader: LogReader
    writer: LogWriter
    topics: Topics
    stories: Stories
    followed: Followed | None = None


async def run(settings: Settings) -> None:
    """Consume until a signal comes; the command's body."""
    logs.set_up(settings.log_level, settings.log_format, "consume")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock, admin = SystemClock(), KafkaAdmin(settings)
    reader = KafkaReader(settings, settings.news_topic, settings.consume_group, clock)
    try:
        writer, stories = KafkaWriter(settings), open_stories(settings)
        outside = Outside(reader, writer, admin, stories, open_followed(settings))
        await consume(settings, outside, clock, stop)
    finally:
        await admin.stop()


def open_followed(settings: Settings) -> Followed | None:
    """Open the registry of the settings and what goes with it; raises ``SettingsError``."""
    announcer = KafkaAnnouncer(settings) if settings.models_topic else None
    bundles = open_bundles(settings, announcer)
    if bundles is None:
        return None
    moves = KafkaMoves(settings) if settings.models_topic else None
    return Followed(bundles, open_shadows(settings), moves)


async def consume(settings: Settings, outside: Outside, clock: Clock, stop: asyncio.Event) -> None:
    """
    Run the program over these adapters until ``stop`` is set.

    Raises ``CannotStart`` and ``CannotContinue``; the adapters are stopped in any case.
    """
    health, metrics = Health(), Metrics()
    patience = Patience(metrics, health)
    health.waiting("kafka: group", "not joined yet")
    own = MemoryStories(settings.stories_hours, settings.stories_kept_alone)
    teller = Teller(outside.stories, own, clock, health, metrics)
    stopped = asyncio.ensure_future(stop.wait())
    async with serving(settings.http_host, settings.http_port, health, metrics.registry) as port:
        log.info("listening", host=settings.http_host, port=port)
        try:
            patience.expect("model", "loading, and comparing its answers with the golden texts")
            spoken = await asyncio.to_thread(_first, settings, outside.followed, metrics)
            patience.worked("model")
            voices = Voices(spoken.ready.voice)
            pipeline = Pipeline(voices, settings.max_record_bytes)
            look = partial(check_topics, outside.topics, settings)
            notes = await unless(stopped, patience.until_done("kafka: topics", look))
            for note in notes or ():
                log.warning("topic", note=note)
            await unless(stopped, patience.until_done("kafka: opinions", outside.writer.start))
            loop = Loop(settings, pipeline, teller, outside.reader, outside.writer, clock, patience)
            if outside.followed is None:
                await loop.run(stop)
            else:
                around = Around(metrics, health, clock)
                loop.audience, beside = beside_loop(
                    settings, spoken, voices, outside.followed, around
                )
                async with beside:
                    await loop.run(stop)
            log.info("stopped")
        finally:
            stopped.cancel()
            with contextlib.suppress(TimeoutError, Transient):
                async with asyncio.timeout(STOP_SECONDS):
                    await outside.reader.stop()
            await outside.writer.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await teller.close()
            if outside.followed is not None:
                with contextlib.suppress(TimeoutError, Transient):
                    async with asyncio.timeout(STOP_SECONDS):
                        await close(outside.followed)


def _first(settings: Settings, followed: Followed | None, metrics: Metrics) -> First:
    """Load and check the bundle that the start begins with. Runs in a thread."""
    found = first(settings, None if followed is None else followed.bundles)
    (voice, distances, model), why = found.ready, found.why
    for head, distance in distances.items():
        metrics.golden.labels(head).set(distance)
    metrics.serving(voice.bundle, voice.precision, voice.provider)
    if why:
        log.warning("not the champion of the registry", bundle=voice.bundle, why=why)
    log.info(
        "model",
        bundle=model.id,
        provider=model.provider,
        graph=model.graph.file.path,
        verified=model.graph.verified,
        why=model.reason,
        golden={head: round(distance, 5) for head, distance in distances.items()},
    )
    return found
