"""
`python -m tests.bench.swap`: promotions under a steady stream with the default bundle.

A stream at half of the rate that this machine takes; then the same with a promotion every few seconds;
then a rollback. Printed: items lost or doubled, the time from arrival to verdict before and during (in one run,
on one machine), resident memory after each promotion, and the time of a rollback. The log is in memory, so
that what is measured is the swap and not a broker.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

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
from groundswell.models.registry import CHAMPION, PREVIOUS, Registry, Version, open_registry
from groundswell.settings import Settings
from tests.news_world import Health, Reader, Topic, Writer, item

ROOT: Final = Path(__file__).parents[2]
DEFAULT: Final = ROOT / "deploy" / "models" / "default"
SAMPLE: Final = ROOT / "consumers" / "up" / "sample.jsonl"
VERSIONS: Final = 4
"""Versions that take turns: each promotion loads one anew, since only the last one is kept at hand."""


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

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.settings = Settings(
            batch_wait_ms=20,
            poll_interval_ms=5,
            registry_poll_seconds=0.2,
            bundle_cache=folder / "cache",
            bundle=DEFAULT,
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

    async def feed(self, titles: list[str], rate: float) -> None:
        """Let items come at ``rate`` a second until cancelled."""
        began, count = time.perf_counter(), 0
        while True:
            while count < (time.perf_counter() - began) * rate:
                self.topic.put(titles[count % len(titles)])
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


async def most(world: Timed, titles: list[str], items: int) -> float:
    """Return the items a second that the loop takes at most."""
    began = time.perf_counter()
    for n in range(items):
        world.topic.put(titles[n % len(titles)])
    await world.drained()
    return items / (time.perf_counter() - began)


async def measure(promotions: int, seconds: float) -> dict[str, Any]:
    """Run all of it."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as place:
        folder = Path(place)
        registry = open_registry(str(folder / "registry"), None)
        versions = [version(folder, registry, number) for number in range(VERSIONS)]
        registry.promote(versions[0], None)
        world = Timed(folder, registry)
        rows = (json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines())
        titles = [row["title"] for row in rows if row.get("title")]
        async with world.beside:
            task = asyncio.ensure_future(world.loop.run(world.stop))
            try:
                return await _under_way(world, registry, versions, titles, promotions, seconds)
            finally:
                world.stop.set()
                await task


async def _under_way(
    world: Timed,
    registry: Registry,
    versions: list[Version],
    titles: list[str],
    promotions: int,
    seconds: float,
) -> dict[str, Any]:
    await most(world, titles, 500)
    rate = await most(world, titles, 3000)
    feed = asyncio.ensure_future(world.feed(titles, rate / 2))
    start = len(world.topic.came)
    await asyncio.sleep(max(20.0, seconds * 5))
    quiet = len(world.topic.came)
    memory = [rss()]
    for number in range(promotions):
        await _promoted(world, registry, versions[(number + 1) % VERSIONS], seconds)
        memory.append(rss())
    busy = len(world.topic.came)
    back = []
    for number in range(5):
        wanted = versions[(promotions + 1 + number) % VERSIONS]
        await _promoted(world, registry, wanted, seconds)
        back.append(await _back(world, registry, seconds))
    feed.cancel()
    await world.drained()
    came, offsets = len(world.topic.came), world.log.offsets
    return {
        "items a second at most": rate,
        "stream": rate / 2,
        "promotions": promotions,
        "items": came,
        "lost": came - len(set(offsets)),
        "doubled": len(offsets) - len(set(offsets)),
        "gaps": world.log.gaps,
        "turns of a bundle": 1 + sum(a != b for a, b in pairwise(world.log.by)),
        "ms before": world.late(start, quiet),
        "ms during": world.late(quiet, busy),
        "MB": {
            "before": memory[0],
            "after 5": memory[min(5, promotions)],
            "after half": memory[len(memory) // 2],
            "at the end": memory[-1],
            "most": max(memory),
        },
        "MB a promotion, second half": _slope(memory[len(memory) // 2 :]),
        "rollback, s": [round(value, 2) for value in back],
    }


async def _promoted(world: Timed, registry: Registry, wanted: Version, seconds: float) -> None:
    """Promote a version, wait until it speaks, and so many seconds more."""
    registry.promote(wanted, registry.alias(CHAMPION))
    await world.until(lambda: world.voices.now.bundle == wanted.id, 120)
    await asyncio.sleep(seconds)


async def _back(world: Timed, registry: Registry, seconds: float) -> float:
    """Roll back; return the seconds until an item was labelled by the version before."""
    before = registry.alias(PREVIOUS)
    assert before is not None
    seen, began = len(world.log.by), time.perf_counter()
    registry.rollback(reason="a benchmark")
    number = world.log.bundles[before.id]
    await world.until(lambda: number in world.log.by[seen:])
    took = time.perf_counter() - began
    await asyncio.sleep(seconds)
    return took


def _slope(values: list[float]) -> float:
    """Return the least-squares slope of equally spaced values."""
    if len(values) < 3:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--promotions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=2.0, help="between two promotions")
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.promotions, asked.seconds))
    figures["cores"] = len(os.sched_getaffinity(0))
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
