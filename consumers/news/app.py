"""
`consume`: the composition root.

Order: listen for health, load the model, run the golden texts on this machine, look at the topics, and
only then join the group. A SIGTERM or SIGINT drains, commits and leaves.
"""

import asyncio
import contextlib
import signal
from functools import partial
from typing import Final

import structlog

from consumers.adapters import logs
from consumers.adapters.clock import SystemClock
from consumers.adapters.http import Health, serving
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_topics import Topics, check_topics
from consumers.adapters.kafka_writer import KafkaWriter
from consumers.adapters.memory_stories import MemoryStories
from consumers.adapters.redis_stories import open_stories
from consumers.news.labels import HEADS
from consumers.news.loop import Loop
from consumers.news.metrics import Metrics
from consumers.news.patience import Patience
from consumers.news.pipeline import Pipeline
from consumers.news.ports import Stories
from consumers.news.stories import Teller
from consumers.news.voices import Voice, Voices
from consumers.news.waits import unless
from consumers.ports import Clock, LogReader, LogWriter
from groundswell.errors import Transient
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import Model, load
from groundswell.settings import Settings

STOP_SECONDS: Final = 1.0
"""For closing what the loop could not leave properly."""

log = structlog.get_logger()


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
        await consume(settings, reader, writer, admin, stories, clock, stop)
    finally:
        await admin.stop()


async def consume(
    settings: Settings,
    reader: LogReader,
    writer: LogWriter,
    topics: Topics,
    stories: Stories,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """
    Run the program over these adapters until ``stop`` is set.

    Raises ``CannotStart`` and ``CannotContinue``; the adapters are stopped in any case.
    """
    health, metrics = Health(), Metrics()
    patience = Patience(metrics, health)
    health.waiting("kafka: group", "not joined yet")
    own = MemoryStories(settings.stories_hours, settings.stories_kept_alone)
    teller = Teller(stories, own, clock, health, metrics)
    stopped = asyncio.ensure_future(stop.wait())
    async with serving(settings.http_host, settings.http_port, health, metrics.registry) as port:
        log.info("listening", host=settings.http_host, port=port)
        try:
            patience.expect("model", "loading, and comparing its answers with the golden texts")
            model, probe = await asyncio.to_thread(_load, settings, metrics)
            patience.worked("model")
            pipeline = Pipeline(Voices(Voice(model, probe)), settings.max_record_bytes)
            look = partial(check_topics, topics, settings)
            notes = await unless(stopped, patience.until_done("kafka: topics", look))
            for note in notes or ():
                log.warning("topic", note=note)
            await unless(stopped, patience.until_done("kafka: opinions", writer.start))
            loop = Loop(settings, pipeline, teller, reader, writer, clock, patience)
            await loop.run(stop)
            log.info("stopped")
        finally:
            stopped.cancel()
            with contextlib.suppress(TimeoutError, Transient):
                async with asyncio.timeout(STOP_SECONDS):
                    await reader.stop()
            await writer.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await teller.close()


def _load(settings: Settings, metrics: Metrics) -> tuple[Model, str]:
    """Load and check the bundle; return it with a text that it can read. Runs in a thread."""
    model = load(
        settings.bundle,
        settings.providers,
        settings.provider_options,
        settings.threads,
        settings.workers,
        heads=HEADS,
        explain=True,
    )
    golden = read_golden(settings.bundle, model.manifest)
    distances = check_golden(model, golden)
    for head, distance in distances.items():
        metrics.golden.labels(head).set(distance)
    metrics.model.labels(model.id, model.graph.precision, model.provider).set(1)
    log.info(
        "model",
        bundle=model.id,
        provider=model.provider,
        graph=model.graph.file.path,
        verified=model.graph.verified,
        why=model.reason,
        golden={head: round(distance, 5) for head, distance in distances.items()},
    )
    return model, golden[0].text
