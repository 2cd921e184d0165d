"""
What story lines and followed series cost: `python -m tests.bench.count`.

The same opinions are folded and applied over Valkey without lines (which are folded, not sent), with them,
and with entities and schemes followed; each figure is beside that of the first in the same run. Then what a
series keeps of lines in the server at most, with usual headlines and with the longest texts: nine hours of
fifty new stories and as many copies a minute.
"""

import asyncio
import random
import tempfile
import time
from pathlib import Path

from redis.asyncio import Redis

from consumers.adapters import keys
from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.following import following
from consumers.counts.core.levels import Shelf
from consumers.counts.core.state import PartitionState
from consumers.ports import Record
from groundswell.events import SENTIMENTS, Entity
from groundswell.schemes import Scheme
from groundswell.settings import Settings
from tests.brokers import valkey_server
from tests.count_world import T0, L, opinion, records

ITEMS = 8000
BATCH = 250
ENTITIES = 2000
SCHEMES = 20


def log() -> list[Record]:
    """Return opinions in three tones, each about one or two of four topics and naming a company."""
    rng = random.Random(1)
    topics = ["rates", "credit", "deals", "earnings"]
    rows = [
        opinion(
            n,
            at=T0 + n * 200,
            label=rng.choice(SENTIMENTS),
            topics=tuple(rng.sample(topics, rng.choice([1, 1, 2]))),
            source=f"s{rng.randrange(50)}",
            entities=(
                Entity(text=f"Company{rng.randrange(ENTITIES)} Inc", type="ORG", start=0, end=3),
            ),
            url="https://example.org/" + "a" * 40,
            new_in=("all",),
        )
        for n in range(ITEMS)
    ]
    made: list[Record] = records(*rows)
    return made


async def measured(kind: str, rows: list[Record]) -> tuple[float, float]:
    """Return µs of this process and of the server an item."""
    with tempfile.TemporaryDirectory() as folder, valkey_server(Path(folder)) as port:
        store = open_counts(Settings(redis_url=f"redis://127.0.0.1:{port}"))
        if kind == "followed":
            await store.follow(0, {f"entity:company{n}": None for n in range(ENTITIES)})
            schemes = {f"scheme:s{n}": Scheme(must=("t",), any=(f"w{n}",)) for n in range(SCHEMES)}
            await store.follow(0, schemes)
        now = following(await store.registry(0))
        state, held, began = PartitionState(), None, time.process_time()
        for first in range(0, len(rows), BATCH):
            step = fold(state, rows[first : first + BATCH], L, now)
            if kind == "without lines":
                step = step._replace(lines={})
            assert await store.step(0, held, step) is None
            state = held = step.state
        mine = time.process_time() - began
        async with Redis(port=port) as raw:
            stats = await raw.info("commandstats")
        await store.close()
        server = sum(v["usec"] for name, v in stats.items() if "eval" in name)
        return mine * 1e6 / len(rows), server / len(rows)


async def full(text: int) -> list[int]:
    """Return the bytes of the shelves of a series that are as full as can be, titles of ``text`` characters."""
    a_minute, minutes = 50, 9 * 60
    with tempfile.TemporaryDirectory() as folder, valkey_server(Path(folder)) as port:
        store = open_counts(Settings(redis_url=f"redis://127.0.0.1:{port}", redis_prefix="full"))
        state, held = PartitionState(), None
        for minute in range(minutes):
            rows = [
                opinion(
                    minute * 2 * a_minute + n,
                    at=T0 + minute * 60_000 + n,
                    title="t" * text,
                    url="https://example.org/" + "a" * (text - 20),
                    topics=(),
                    new_in=("all",) if n % 2 else (),
                )
                for n in range(2 * a_minute)
            ]
            step = fold(state, records(*rows, first=state.position), L)
            assert await store.step(0, held, step) is None
            state = held = step.state
        async with Redis(port=port) as raw:
            shelves = [keys.lines("full", 0, Shelf("all", new=new)) for new in (True, False)]
            sizes = [await raw.memory_usage(shelf, samples=0) or 0 for shelf in shelves]
        await store.close()
        return sizes


async def main() -> None:
    """Measure and print."""
    rows = log()
    first: tuple[float, float] | None = None
    for kind in ("without lines", "with lines", "followed"):
        mine, server = await measured(kind, rows)
        first = first or (mine, server)
        print(
            f"{kind:<14} count {mine:5.1f} µs an item (×{mine / first[0]:.1f}), server {server:5.1f} "
            f"(×{server / first[1]:.1f})"
        )
    for kind, text in (("a usual headline", 60), ("the longest text", 512)):
        new, copies = await full(text)
        print(
            f"full shelves, {kind}: {new / 1000:,.0f} kB of stories, {copies / 1000:,.0f} kB of copies"
        )


if __name__ == "__main__":
    asyncio.run(main())
