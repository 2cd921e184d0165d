"""
`replay`: publish a file of news items in the order and rhythm of their times.

Rules: every row is read before the first is sent, so that a bad row stops the command while nothing has
happened yet; a record's Kafka timestamp is the item's arrival; a broker that goes away is waited for,
and what was not acknowledged is sent again (the same item twice is two items: the count says so).
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from consumers.adapters.clock import SystemClock
from consumers.adapters.kafka_publisher import KafkaPublisher
from consumers.news.core.schedule import Due, parse_row, schedule, wait_for
from consumers.ports import Clock, Publisher
from groundswell.errors import InputError
from groundswell.events import TICK_HEADER, NewsItem
from groundswell.settings import Settings

_TICK = ((TICK_HEADER, b"1"),)
_IN_FLIGHT = 2000
"""Records sent and not yet acknowledged: enough to fill the broker's batches, few enough to hold."""


def read(file: Path) -> Iterator[tuple[int, NewsItem]]:
    """Yield arrival and item of each row; raises ``InputError``."""
    try:
        with file.open("rb") as rows:
            for line, row in enumerate(rows, 1):
                if row.strip():
                    yield parse_row(row, file.name, line)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error


async def publish(
    records: Iterable[Due],
    publisher: Publisher,
    topic: str,
    speed: float,
    clock: Clock,
) -> int:
    """Send ``records`` as they fall due; return how many items that were."""
    partitions = await publisher.partitions(topic)
    items, first, started = 0, None, clock.now()
    for due in records:
        first = due.time if first is None else first
        wait = wait_for(due.time, first, clock.now() - started, speed)
        if wait > 0:
            await publisher.flush()
            await asyncio.sleep(wait)
        if due.value is None:
            # A tick speaks for all that was sent before it, in every partition.
            await publisher.flush()
            for partition in range(partitions):
                await publisher.send(topic, partition, b"", due.time, _TICK)
        elif due.partition is not None:
            items += 1
            await publisher.send(topic, due.partition, due.value, due.time, ())
    await publisher.flush()
    return items


async def run(settings: Settings, file: Path, speed: float) -> int:
    """Replay ``file``; the command's body."""
    rows = list(read(file))
    if not rows:
        raise InputError(f"{file}: holds no items")
    publisher = KafkaPublisher(settings, in_flight=_IN_FLIGHT)
    await publisher.start()
    try:
        partitions = await publisher.partitions(settings.news_topic)
        records = list(schedule(rows, partitions, settings.lateness_seconds * 1000))
        with Progress(console=Console(file=sys.stderr), transient=True) as progress:
            sent = await publish(
                progress.track(records, description="replaying"),
                publisher,
                settings.news_topic,
                speed,
                SystemClock(),
            )
    finally:
        await publisher.stop()
    Console(file=sys.stderr).print(
        f"{sent:,} items of {file.name} published to {settings.news_topic}"
    )
    return 0
