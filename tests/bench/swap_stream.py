"""A stream for the benchmark of swaps: the loop of `consume` over a log in memory, with a registry beside it."""

import asyncio
import json
import shutil
import statistics
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import psutil
from prometheus_client import CollectorRegistry

from consumers.adapters.clock import SystemClock
from consumers.adapters.memory_shadows import MemoryShadows
from consumers.adapters.memory_stories import MemoryStories
from consumers.news.loop import Loop
from consumers.news.metrics import Metrics
from consumers.news.patience import Patience
from consumers.news.pipeline import Pipeline
from consumers.news.stories import Teller
from consumers.news.swap.bundles import Bundles
from consumers.news.swap.first import first
from consumers.news.swap.following import Followed, beside_loop
from consumers.news.swap.swapper import Around
from consumers.news.voices import Voices
from consumers.ports import Record
from groundswell.events import Opinion, decode_log
from groundswell.models.bundle import MANIFEST, Blessing, Manifest, describe
from groundswell.models.registry import Registry, Version
from groundswell.settings import Settings
from tests.news_world import Health, Reader, Topic, Writer, item

ROOT: Final = Path(__file__).parents[2]
DEFAULT: Final = ROOT / "deploy" / "models" / "default"
SAMPLE: Final = ROOT / "consumers" / "up" / "sample.jsonl"


class Stream(Topic):
    """A topic that forgets what was committed, so that memory shows the swaps alone."""

    def __init__(self) -> None:
        super().__init__(1)
        self.came = array("d")

    def put(self, title: str) -> None:
        """Put one more item on the topic."""
        offset = len(self.came)
        self.records[0].append(Record(0, offset, 1_767_600_000_000, item(title, id=str(offset))))
        self.came.append(time.perf_counter())
        done = self.committed.get(0, 0)
        if len(self.records[0]) > 2000 and self.records[0][1000].offset < done:
            del self.records[0][:1000]


class Log(Writer):
    """A log that keeps of each verdict its offset, its time, and the number of its bundle."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets, self.at, self.by = array("q"), array("d"), array("q")
        self.gaps = 0
        self.bundles: dict[str, int] = {}

    async def write(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        """Note the opinions."""
        for value in values:
            row = decode_log(value)
            if isinstance(row, Opinion):
                self.offsets.append(row.origin.offset)
                self.at.append(time.perf_counter())
                self.by.append(self.bundles.setdefault(row.bundle, len(self.bundles)))
                self.gaps += row.origin.after != row.origin.offset - 1


class Timed:
    """The loop over such a stream, with a registry beside it."""

    def __init__(self, folder: Path, registry: Registry, **settings: float) -> None:
        self.settings = Settings(
            batch_wait_ms=20,
            poll_interval_ms=5,
            registry_poll_seconds=0.2,
            bundle_cache=folder / "cache",
            bundle=DEFAULT,
            **settings,
        )
        self.topic, self.log = Stream(), Log()
        metrics, health, clock = Metrics(CollectorRegistry()), Health(), SystemClock()
        bundles = Bundles(registry, folder / "cache", None)
        spoken = first(self.settings, bundles)
        self.voices = Voices(spoken.ready.voice)
        memory = MemoryStories(24, 1000), MemoryStories(24, 1000)
        self.loop = Loop(
            self.settings,
            Pipeline(self.voices, self.settings.max_record_bytes),
            Teller(*memory, clock, health, metrics),
            Reader(self.topic),
            self.log,
            clock,
            Patience(metrics, health),
        )
        self.loop.audience, self.beside = beside_loop(
            self.settings,
            spoken,
            self.voices,
            Followed(bundles, MemoryShadows(), None),
            Around(metrics, health, clock),
        )
        self.stop = asyncio.Event()

    async def feed(self, texts: list[str], rate: float) -> None:
        """Let items come at ``rate`` a second until cancelled."""
        began, count = time.perf_counter(), 0
        while True:
            while count < (time.perf_counter() - began) * rate:
                self.topic.put(texts[count % len(texts)])
                count += 1
            await asyncio.sleep(0.005)

    async def until(self, condition: Callable[[], bool], seconds: float = 300.0) -> None:
        """Wait for something."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions of every kind
                await asyncio.sleep(0.002)

    async def drained(self) -> None:
        """Wait until everything that came stands in the log."""
        await self.until(lambda: len(self.log.at) >= len(self.topic.came))

    def late(self, first_one: int, last: int) -> dict[str, float]:
        """Return quantiles of the ms from arrival to verdict of the items in a range."""
        pairs = zip(self.log.offsets, self.log.at, strict=True)
        took = [
            (at - self.topic.came[offset]) * 1000
            for offset, at in pairs
            if first_one <= offset < last
        ]
        cuts = statistics.quantiles(took, n=100)
        return {"p50": cuts[49], "p99": cuts[98], "most": max(took)}


def version(folder: Path, registry: Registry, number: int) -> Version:
    """Publish the default bundle under a version of its own."""
    made = folder / f"v{number}"
    shutil.copytree(DEFAULT, made)
    (made / "card.md").write_text(f"# version {number}\n", encoding="utf-8")
    manifest = msgspec.json.decode((made / MANIFEST).read_bytes(), type=Manifest)
    manifest = msgspec.structs.replace(
        manifest,
        version=f"bench-{number}",
        card=describe(made, made / "card.md"),
        blessing=Blessing(at="2026-01-01T00:00:00Z", by="a benchmark"),
    )
    (made / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return registry.publish(made)


def rss() -> float:
    """Return this process's resident memory in MB."""
    return float(psutil.Process().memory_info().rss) / 1e6


def titles() -> list[str]:
    """Return the texts of the stream."""
    rows = (json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines())
    return [row["title"] for row in rows if row.get("title")]


async def most(world: Timed, texts: list[str], items: int) -> float:
    """Return the items a second that the loop takes at most."""
    began = time.perf_counter()
    for n in range(items):
        world.topic.put(texts[n % len(texts)])
    await world.drained()
    return items / (time.perf_counter() - began)
