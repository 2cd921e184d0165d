"""
The real headlines as a feed: their own days, spread over the hours, with what a bad day adds.

Rules: the same records on every run, so that figures of two runs compare; every malformed record is
known by its number; some records are large, for consumers whose limits differ.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from consumers.news.core.schedule import partition_of
from groundswell.events import TICK_HEADER, instant, millis
from tests.integration.log import Kafka, Sent, send

DAY_MS = 86_400_000
LARGE = 1300
"""Bytes that every fifth record holds in a field that nobody reads."""
EVERY = 178
"""One malformed record after this many headlines."""
MALFORMED = (
    b"not JSON",
    b"\xff\xfe\x00\x01",
    b"[]",
    b'{"id": "a", "source": "wire", "title": "no date"}',
    b'{"id": "b", "source": "wire", "published_at": "2020-01-01T00:00:00", "title": "no zone"}',
    b'{"id": "c", "source": "wire", "published_at": "2020-01-01T00:00:00Z", "title": " "}',
)


class Feed(NamedTuple):
    """Records in the order of their times, and how many of each kind they are."""

    records: list[Sent]
    headlines: int
    malformed: int
    ticks: int


def stream_file() -> Path:
    """Return where the headlines are expected: GROUNDSWELL_DATA, or beside the checkout."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "stream" / "headlines_2017_2020.jsonl"
    return Path(os.environ.get("GROUNDSWELL_DATA", beside))


def make_feed(file: Path, partitions: int, limit: int | None = None) -> Feed:
    """Lay the headlines of ``file`` (the first ``limit`` of them) out as records."""
    with file.open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream][:limit]
    records: list[Sent] = []
    malformed = 0
    day = 0
    for number, (time, row) in enumerate(_timed(rows)):
        if time // DAY_MS != day:
            day = time // DAY_MS
            records += _ticks(day * DAY_MS, partitions)
        name = f"headline-{number}"
        records.append(Sent(partition_of(name, partitions), _item(name, number, time, row), time))
        if number % EVERY == EVERY - 1:
            value = MALFORMED[malformed % len(MALFORMED)]
            records.append(Sent(malformed % partitions, value, time))
            malformed += 1
    records += _ticks((day + 2) * DAY_MS, partitions)
    return Feed(records, len(rows), malformed, len(records) - len(rows) - malformed)


def _timed(rows: Sequence[dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows with their times (ms), in order; those of which only the day is known fill it."""
    days: dict[str, list[dict[str, str]]] = {}
    timed = []
    for row in rows:
        if row["precision"] == "day":
            days.setdefault(row["published_at"], []).append(row)
        else:
            timed.append((_millis(row["published_at"]), row))
    for day, found in days.items():
        midnight = _millis(day)
        timed += [(midnight + n * DAY_MS // len(found), row) for n, row in enumerate(found)]
    return sorted(timed, key=lambda pair: pair[0])


def _millis(time: str) -> int:
    read = datetime.fromisoformat(time)
    return millis(read if read.tzinfo else read.replace(tzinfo=UTC))


def _item(name: str, number: int, time: int, row: dict[str, str]) -> bytes:
    item = {
        "id": name,
        "source": row["source"],
        "published_at": instant(time).isoformat(),
        "title": row["title"],
        "body": row.get("summary") or "",
    }
    if number % 5 == 0:
        item["raw"] = "x" * LARGE
    return json.dumps(item).encode()


def _ticks(time: int, partitions: int) -> list[Sent]:
    return [Sent(p, None, time, ((TICK_HEADER, b"1"),)) for p in range(partitions)]


async def deliver(kafka: Kafka, topic: str, feed: Feed, at_once: float, seconds: float) -> None:
    """Produce the feed: the share ``at_once`` immediately, the rest evenly over ``seconds``."""
    backlog = int(len(feed.records) * at_once)
    loop = asyncio.get_running_loop()
    async with kafka.producer(enable_idempotence=True) as producer:
        for record in feed.records[:backlog]:
            await send(producer, topic, record)
        began = loop.time()
        rest = feed.records[backlog:]
        for number, record in enumerate(rest):
            ahead = number / len(rest) * seconds - (loop.time() - began)
            if ahead > 0.1:
                await asyncio.sleep(ahead)
            await send(producer, topic, record)
        await producer.flush()
