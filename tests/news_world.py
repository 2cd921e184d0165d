"""A small world for the loop of `consume`: a log in memory, faults to order, and the tiny bundle."""

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from consumers.adapters.clock import SystemClock
from consumers.adapters.memory_stories import MemoryStories
from consumers.news.loop import Loop
from consumers.news.metrics import Metrics
from consumers.news.patience import Patience
from consumers.news.pipeline import Pipeline
from consumers.news.stories import Teller
from consumers.news.voices import Voice, Voices
from consumers.ports import Bounds, Fetched, Record
from groundswell.errors import Transient
from groundswell.events import decode_log
from groundswell.models.session import load
from groundswell.settings import Settings

TINY = Path(__file__).parent / "data" / "tiny-bundle"
TAGGER = Path(__file__).parent / "data" / "tiny-tagger"
FAST = {
    "batch_wait_ms": 1,
    "poll_interval_ms": 1,
    "mark_interval_ms": 50,
    "drain_seconds": 2.0,
    "batch_items": 8,
    "window_items": 32,
}


@cache
def model():
    return load(TINY, threads=1)


def item(title="Profit soars", **fields):
    return json.dumps(
        {
            "id": fields.pop("id", title),
            "source": "test",
            "published_at": "2026-01-05T10:00:00Z",
            "title": title,
            **fields,
        }
    ).encode()


class Topic:
    """A source topic in memory, with what a group committed."""

    def __init__(self, partitions=1, topic_id="one"):
        self.records: dict[int, list[Record]] = {p: [] for p in range(partitions)}
        self.beginning = dict.fromkeys(range(partitions), 0)
        self.committed = {}
        self.committed_id = topic_id
        self.topic_id = topic_id

    def add(self, *values, partition=0, timestamp=1_767_600_000_000, headers=()):
        for value in values:
            rows = self.records[partition]
            rows.append(Record(partition, len(rows), timestamp + len(rows), value, headers))


ITEMS = 200


def offsets(rows):
    return [row.origin.offset for row in rows]


def filled(partitions=2, items=ITEMS):
    topic = Topic(partitions)
    for number in range(items):
        words = "report " * (number * 7 % 40)
        topic.add(item(f"Profit soars {words}", id=str(number)), partition=number % partitions)
    return topic


class Reader:
    """A LogReader over ``Topic``; ``faults`` are raised by the next polls."""

    def __init__(self, topic, partitions=None):
        self.topic = topic
        self.share = frozenset(topic.records) if partitions is None else frozenset(partitions)
        self.positions = {}
        self.paused = set()
        self.faults = []
        self.commit_faults = []
        self.polls = 0
        self.most_paused = 0
        self.owner: Any = None

    def bounds(self, partition):
        return Bounds(
            self.topic.committed.get(partition),
            self.topic.committed_id,
            self.topic.beginning[partition],
            len(self.topic.records[partition]),
            self.topic.topic_id,
        )

    async def start(self, owner):
        if self.faults:
            raise self.faults.pop(0)
        self.owner = owner
        await self.assign(self.share)

    async def assign(self, partitions):
        self.positions |= await self.owner.assigned({p: self.bounds(p) for p in partitions})

    async def revoke(self, partitions):
        await self.owner.revoked(frozenset(partitions))
        for partition in partitions:
            self.positions.pop(partition, None)

    async def poll(self, max_records, timeout):
        self.polls += 1
        if self.faults:
            raise self.faults.pop(0)
        records, drained, left = {}, {}, max_records
        for partition, position in self.positions.items():
            if partition in self.paused:
                continue
            rows = [r for r in self.topic.records[partition] if r.offset >= position][:left]
            if rows:
                records[partition] = rows
                left -= len(rows)
                self.positions[partition] = rows[-1].offset + 1
            elif left:
                drained[partition] = SystemClock().wall()
        if not records:
            await asyncio.sleep(0.002)
        return Fetched(records, drained)

    def pause(self, partitions):
        self.paused |= set(partitions)
        self.most_paused = max(self.most_paused, len(self.paused))

    def resume(self, partitions):
        self.paused -= set(partitions)

    def seek(self, partition, position):
        self.positions[partition] = position

    async def commit(self, positions):
        if self.commit_faults:
            raise self.commit_faults.pop(0)
        self.topic.committed |= {p: at for p, at in positions.items() if p in self.positions}
        self.topic.committed_id = self.topic.topic_id

    def lag(self):
        return {p: len(self.topic.records[p]) - at for p, at in self.positions.items()}

    async def stop(self):
        if self.owner is not None and self.positions:
            await self.revoke(set(self.positions))


class Writer:
    """A LogWriter into lists; ``faults`` say of the next writes where they fail."""

    def __init__(self):
        self.log = defaultdict(list)
        self.dead = []
        self.faults = []
        self.copy_faults = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.writing = set()

    async def start(self):
        return None

    async def write(self, topic, partition, values):
        assert partition not in self.writing, "two unacknowledged writes"
        self.writing.add(partition)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            fault = self.faults.pop(0) if self.faults else "none"
            kept = {"before": 0, "half": len(values) // 2}.get(fault, len(values))
            self.log[partition].extend(values[:kept])
            if fault != "none":
                raise Transient(f"failed {fault}")
        finally:
            self.writing.discard(partition)

    async def copy(self, topic, value, headers):
        if self.copy_faults:
            raise self.copy_faults.pop(0)
        self.dead.append((value, dict(headers)))

    async def stop(self):
        return None

    def told(self, partition=0, *kinds):
        """Decode the log; marks are left out unless asked for."""
        rows = [decode_log(value) for value in self.log[partition]]
        names = [type(row).__name__ for row in rows]
        wanted = kinds or ("Opinion", "Refusal", "Tick", "Gap")
        return [row for row, name in zip(rows, names, strict=True) if name in wanted]


class Health:
    def __init__(self):
        self.away = {}
        self.said = []

    def waiting(self, part, why):
        self.away[part] = why
        self.said.append(part)

    def limping(self, part, why):
        self.waiting(part, why)

    def working(self, part):
        self.away.pop(part, None)


class World:
    def __init__(self, topic, labeller=None, partitions=None, stories=None, **settings):
        self.topic = topic
        self.settings = Settings(**{**FAST, **settings})
        self.reader = Reader(topic, partitions)
        self.writer = Writer()
        self.health = Health()
        self.metrics = Metrics(CollectorRegistry())
        self.voices = Voices(Voice(labeller or model(), "Profit soars"))
        self.pipeline = Pipeline(self.voices, self.settings.max_record_bytes)
        self.stop = asyncio.Event()
        self.loop = Loop(
            self.settings,
            self.pipeline,
            Teller(
                stories or MemoryStories(24, 1000),
                MemoryStories(24, 1000),
                SystemClock(),
                self.health,
                self.metrics,
            ),
            self.reader,
            self.writer,
            SystemClock(),
            Patience(self.metrics, self.health),
        )

    async def until(self, condition, seconds=120.0):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions of every kind
                await asyncio.sleep(0.002)

    def settled(self, partition=0):
        """Offsets whose verdict stands in the log, by the rule of the fence."""
        fence, out = None, []
        for row in self.writer.told(partition):
            if fence is None:
                fence = row.origin.after
            if row.origin.after <= fence < row.origin.offset:
                fence = row.origin.offset
                out.append(row)
        return out

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"groundswell_consume_{name}", labels)


@asynccontextmanager
async def running(world):
    """Run the loop; stop it at the end, and raise what it raised."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    task = asyncio.ensure_future(world.loop.run(world.stop))
    try:
        yield world
    finally:
        world.stop.set()
        await task
