"""
`python -m tests.bench.swap`: promotions under a steady stream with the default bundle.

A stream at half of the rate that this machine takes; then the same with a promotion every few seconds,
and then the same without again; then rollbacks: while the new bundle is watched, after that, and after that
where the one before is not kept. Printed: items lost or doubled, the time from arrival to verdict before,
during and after (in one run, on one machine), resident memory after each promotion and what keeping one
costs, the times of the rollbacks, and the load of the machine. The log is in memory, so that what is
measured is the swap and not a broker; registries are polled five times a second.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, median
from typing import Any, Final, NamedTuple

from groundswell.models.registry import CHAMPION, PREVIOUS, Registry, Version, open_registry
from tests.bench.swap_stream import Timed, most, rss, titles, version

VERSIONS: Final = 8
"""The first one, and those that take turns after it: each promotion loads one that is not known as good."""
ROLLBACKS: Final = 5
QUIET_SECONDS: Final = 20.0
WATCH_SECONDS: Final = 2.0


class Shelf:
    """The registry and its versions, of which the next one is always another than the last two."""

    def __init__(self, folder: Path) -> None:
        self.registry: Registry = open_registry(str(folder / "registry"), None)
        self.versions: list[Version] = [
            version(folder, self.registry, number) for number in range(VERSIONS)
        ]
        self.place = 0
        self.registry.promote(self.versions[0], None)

    async def promoted(self, world: Timed, seconds: float) -> None:
        """Promote a version that is not loaded, wait until it speaks, and so many seconds more."""
        loaded = {self.registry.alias(CHAMPION), self.registry.alias(PREVIOUS)}
        turns = self.versions[1:]
        self.place += 1
        while turns[self.place % len(turns)] in loaded:
            self.place += 1
        wanted = turns[self.place % len(turns)]
        self.registry.promote(wanted, self.registry.alias(CHAMPION))
        await world.until(lambda: world.voices.now.bundle == wanted.id, 120)
        await asyncio.sleep(seconds)

    async def back(self, world: Timed, seconds: float) -> float:
        """Roll back; return the seconds until an item was labelled by the version before."""
        before = self.registry.alias(PREVIOUS)
        assert before is not None
        seen, began = len(world.log.by), time.perf_counter()
        self.registry.rollback(reason="a benchmark")
        number = world.log.bundles[before.id]
        await world.until(lambda: number in world.log.by[seen:])
        took = time.perf_counter() - began
        await asyncio.sleep(seconds)
        return took


async def measure(promotions: int, seconds: float) -> dict[str, Any]:
    """Run all of it."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as place:
        folder, texts = Path(place), titles()
        shelf = Shelf(folder)
        load = [os.getloadavg()[0]]
        world = Timed(folder, shelf.registry)
        async with _running(world):
            await most(world, texts, 500)
            rate = await most(world, texts, 3000)
            async with _fed(world, texts, rate / 2):
                found = await _promotions(world, shelf, promotions, seconds)
                load.append(os.getloadavg()[0])
                watched, _ = await _rollbacks(world, shelf, seconds)
        found |= _exact(world)
        kept = Timed(folder, shelf.registry, swap_watch_seconds=WATCH_SECONDS)
        after, more = await _after_the_window(kept, shelf, texts, rate / 2)
        alone = Timed(
            folder, shelf.registry, swap_watch_seconds=WATCH_SECONDS, swap_keep_previous=False
        )
        anew, less = await _after_the_window(alone, shelf, texts, rate / 2)
        load.append(os.getloadavg()[0])
        return {
            "load": load,
            "items a second at most": rate,
            "stream": rate / 2,
            **found,
            "rollback, s": {
                "while watched": watched,
                "after the window": after,
                "after the window, not kept": anew,
            },
            "MB while watched, and after": {"kept": more, "not kept": less},
        }


@asynccontextmanager
async def _running(world: Timed) -> AsyncIterator[None]:
    async with world.beside:
        task = asyncio.ensure_future(world.loop.run(world.stop))
        try:
            yield
        finally:
            world.stop.set()
            await task


@asynccontextmanager
async def _fed(world: Timed, texts: list[str], rate: float) -> AsyncIterator[None]:
    feed = asyncio.ensure_future(world.feed(texts, rate))
    try:
        yield
    finally:
        feed.cancel()
    await world.drained()


async def _promotions(
    world: Timed, shelf: Shelf, promotions: int, seconds: float
) -> dict[str, Any]:
    quiet = max(QUIET_SECONDS, seconds * 5)
    start = len(world.topic.came)
    await asyncio.sleep(quiet)
    before, memory = len(world.topic.came), [rss()]
    began = time.perf_counter()
    for _ in range(promotions):
        await shelf.promoted(world, seconds)
        memory.append(rss())
    took = time.perf_counter() - began
    busy = len(world.topic.came)
    await asyncio.sleep(quiet)
    end = len(world.topic.came)
    await world.until(lambda: len(world.log.at) >= end)
    return {
        "promotions": promotions,
        "s a promotion": took / promotions - seconds,
        "ms before": world.late(start, before),
        "ms during": world.late(before, busy),
        "ms after": world.late(busy, end),
        "MB": {
            "before": memory[0],
            "after 5": memory[min(5, promotions)],
            "after half": memory[len(memory) // 2],
            "at the end": memory[-1],
            "most": max(memory),
        },
        "MB a promotion, second half": _slope(memory[len(memory) // 2 :]),
    }


def _exact(world: Timed) -> dict[str, Any]:
    came, offsets = len(world.topic.came), world.log.offsets
    return {
        "items": came,
        "lost": came - len(set(offsets)),
        "doubled": len(offsets) - len(set(offsets)),
        "gaps": world.log.gaps,
        "turns of a bundle": 1 + sum(a != b for a, b in pairwise(world.log.by)),
    }


class Held(NamedTuple):
    """Resident MB while two bundles are loaded, and once the window is over."""

    watched: float
    over: float


async def _rollbacks(
    world: Timed, shelf: Shelf, seconds: float, *, closed: bool = False
) -> tuple[list[float], list[Held]]:
    """Promote and roll back in turn; ``closed``: only after the watch window is over."""
    found, memory = [], []
    for _ in range(ROLLBACKS):
        await shelf.promoted(world, WATCH_SECONDS / 2 if closed else seconds)
        if closed:
            two = rss()
            await world.until(lambda: world.voices.before is None)
            await asyncio.sleep(seconds)
            memory.append(Held(two, rss()))
        found.append(round(await shelf.back(world, seconds), 2))
    return found, memory


async def _after_the_window(
    world: Timed, shelf: Shelf, texts: list[str], rate: float
) -> tuple[list[float], Held]:
    """Return the seconds of rollbacks after the window, and the MB around its end."""
    async with _running(world), _fed(world, texts, rate):
        await world.until(lambda: len(world.log.at) > 0)
        found, memory = await _rollbacks(world, shelf, 1.0, closed=True)
        return found, Held(median(m.watched for m in memory), median(m.over for m in memory))


def _slope(values: list[float]) -> float:
    """Return the least-squares slope of equally spaced values."""
    if len(values) < 3:
        return 0.0
    return linear_regression(range(len(values)), values).slope


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
