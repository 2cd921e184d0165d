"""
What it costs to fill the past of 10,000 series at once: `python -m tests.bench.fill`.

A week of opinions, each naming one of 10,000 companies, is counted over Valkey; then all of them are
followed, and filled. Beside it stands one reading of the log in which nothing is looked for, the least that
any fill takes: 32 series a reading, as before, would take 313 of them.
"""

import asyncio
import random
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from consumers.adapters.redis_counts import open_counts, retention_of
from consumers.counts.core.fold import fold
from consumers.counts.core.following import Following, following
from consumers.counts.core.state import PartitionState
from consumers.counts.filling import Filling
from consumers.ports import Record
from groundswell.events import SENTIMENTS, Entity
from groundswell.settings import Settings
from tests.brokers import valkey_server
from tests.count_world import T0, L, mark, opinion, records

ITEMS = 100_000
ENTITIES = 10_000
BATCH = 250
WEEK = 7 * 86_400_000


class Log:
    """The log of one partition, in memory, as a scan that counts what it gives."""

    def __init__(self) -> None:
        rng = random.Random(1)
        self.given = 0
        self.rows: list[Record] = []
        for n in range(ITEMS):
            company = rng.randrange(ENTITIES) if n >= ENTITIES else n
            one = opinion(
                n,
                at=T0 + n * WEEK // ITEMS,
                label=rng.choice(SENTIMENTS),
                title=f"Company{company} cuts its outlook for the year after a weak quarter",
                source=f"s{rng.randrange(50)}",
                entities=(Entity(text=f"Company{company} Inc", type="ORG", start=0, end=3),),
                url="https://example.org/" + "a" * 40,
            )
            self.rows += records(one, *self._mark(n), first=len(self.rows))

    def _mark(self, n: int) -> list[object]:
        return [mark(T0 + n * WEEK // ITEMS, n)] if n % 10 == 0 else []

    async def bounds(self) -> dict[int, tuple[int, int]]:
        """Return where the log begins and ends."""
        return {0: (0, len(self.rows))}

    async def read(self, partition: int, first: int, end: int) -> AsyncIterator[Record]:
        """Yield records."""
        assert partition == 0
        for row in self.rows[first:end]:
            self.given += 1
            yield row

    async def close(self) -> None:
        """Close nothing."""


def folded(log: Log, now: Following) -> float:
    """Return the seconds of a reading."""
    state, began = PartitionState(), time.process_time()
    for first in range(0, len(log.rows), BATCH):
        state = fold(state, log.rows[first : first + BATCH], L, now).state
    return time.process_time() - began


async def main() -> None:
    """Measure and print."""
    log = Log()
    alone = folded(log, Following(plain=False))
    with tempfile.TemporaryDirectory() as folder, valkey_server(Path(folder)) as port:
        settings = Settings(redis_url=f"redis://127.0.0.1:{port}")
        store = open_counts(settings)
        state, held = PartitionState(), None
        for first in range(0, len(log.rows), BATCH):
            step = fold(state, log.rows[first : first + BATCH], L)
            assert await store.step(0, held, step) is None
            state = held = step.state
        await store.follow(0, {f"entity:company{n}": None for n in range(ENTITIES)})
        assert len(following(await store.registry(0)).entities) == ENTITIES

        filling = Filling(store, log, L, retention_of(settings), asyncio.Event())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, mine, filled, turns = time.perf_counter(), time.process_time(), 0, 0
        while some := await filling.fill(0):
            filled, turns = filled + len(some), turns + 1
        took, mine = time.perf_counter() - began, time.process_time() - mine
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        await store.close()
    print(
        f"{filled:,} series filled in {turns} readings ({log.given:,} records), {took:.1f} s, {mine:.1f} s "
        f"of this process, {mine / alone:.1f} readings of {alone:.1f} s; memory +{grown / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    asyncio.run(main())
