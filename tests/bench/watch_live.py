"""
`python -m tests.bench.watch_live`: 10,000 series decided by the loop of `watch`, all of it on one core.

Opinions about 10,000 companies that are followed are counted into Valkey as `count` does it; `watch` reads
them there and commits to a records database, SQLite or (where it is installed) PostgreSQL. Everything but
PostgreSQL runs on one core. Timed is a turn of the loop in which one minute is decided: the lease, marks, cells,
stories of trusted sources, deciding, the transaction, the outbox. Beside it stands what counting the same
minute took. A quarter of the sources are of the trusted tier.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from consumers.adapters.clock import SystemClock
from consumers.adapters.count_view import CountsView
from consumers.adapters.http import Health
from consumers.adapters.memory_log import MemoryLog
from consumers.adapters.memory_writer import MemoryWriter
from consumers.adapters.redis_counts import RedisCounts, open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.following import Following, following
from consumers.counts.core.state import PartitionState
from consumers.records.alerts import Minute
from consumers.records.database import open_records
from consumers.records.engine import engine_of
from consumers.records.schema import upgrade
from consumers.watch.app import plan_of
from consumers.watch.evidence import Setting
from consumers.watch.keeping import Kept, changes
from consumers.watch.loop import Watching
from consumers.watch.relay import Relay
from groundswell.events import Entity
from groundswell.settings import Settings
from tests.bench.watch import FEW
from tests.brokers import valkey_server
from tests.count_world import L, mark, opinion, records
from tests.postgres import postgres_server
from tests.watch_series import SERIES, START, learnt, names

ROUNDS = 5
LEAD = 3
"""Minutes that are counted before the first can be decided: the lateness, and the minute itself."""
BATCH = 500
SOURCES = ("Reuters", *(f"wire {n}" for n in range(3)))


@dataclass
class Counter:
    """Counts the news of one minute after another, as `count` does."""

    store: RedisCounts
    now: Following
    state: PartitionState = field(default_factory=PartitionState)
    held: PartitionState | None = None
    items: int = 0
    minute: int = START

    async def count(self, touched: int) -> float:
        """Count a story of each of ``touched`` series, and the mark of the minute's end; return seconds."""
        self.minute += 1
        rows = [self._story(n) for n in range(touched)]
        rows.append(mark((self.minute + 1) * 60_000, self.items - 1))
        made = records(*rows, first=self.state.position)
        began = time.perf_counter()
        for first in range(0, len(made), BATCH):
            step = fold(self.state, made[first : first + BATCH], L, self.now)
            assert await self.store.step(0, self.held, step) is None
            self.state = self.held = step.state
        return time.perf_counter() - began

    def _story(self, n: int) -> object:
        company = names()[(n * 7 + self.minute) % SERIES].removeprefix("entity:")
        offset, self.items = self.items, self.items + 1
        return opinion(
            offset,
            at=self.minute * 60_000 + n % 60_000,
            label="negative" if offset % 5 == 0 else "neutral",
            title=f"{company} reports the results of its third quarter to shareholders",
            source=SOURCES[offset // 5 % 4],
            topics=("earnings",),
            entities=(Entity(text=company, type="ORG", start=0, end=5),),
            new_in=("all", "topic:earnings"),
        )


@dataclass
class Taken:
    """
    Seconds by kind of minute: the turn, the processor's for `watch` and for Valkey, the counting before.

    ``state``: bytes a series in the records.
    """

    minutes: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    state: float = 0.0

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the medians of each kind of minute, and the longest turn."""
        for kind, taken in self.minutes.items():
            turns, watch, valkey, counted = zip(*taken, strict=True)
            medians = (statistics.median(of) for of in (watch, valkey, turns))
            seconds = (*medians, max(turns), statistics.median(counted))
            yield kind, *(f"{s:.3f}" for s in seconds), f"{self.state:,.0f}"


async def measured(url: str, port: int) -> Taken:
    """Count and decide minutes with all series touched, and with few."""
    settings = Settings(redis_url=f"redis://127.0.0.1:{port}", redis_prefix=str(time.time_ns()))
    store = open_counts(settings)
    await store.prepare()
    await store.follow(0, dict.fromkeys(names()))
    counter = Counter(store, following(await store.registry(0)))
    assert len(counter.now.entities) == SERIES
    plan = plan_of(settings, "bench")
    book = await open_records(url)
    lease = await book.acquire("bench", 600_000)
    kept = Kept(learnt(Setting(plan.parameters, plan.budget)), (0,))
    states = changes(kept, kept, plan.parameters, first=True)
    await book.commit_minute(lease, Minute(START, None, states))
    clock = SystemClock()
    log = MemoryLog(clock)
    log.create("alerts", 1)
    relay, view = Relay(book, MemoryWriter(log), "alerts"), CountsView(store)
    watching = Watching(plan, view, book, relay, clock, Health(), sources=view)
    taken = Taken()

    async def minute(kind: str, touched: int) -> None:
        """Count a minute, and decide the last that can be; ``kind`` "": it is not noted."""
        counted = await counter.count(touched)
        assert len(await store.touched(counter.minute)) == touched + 2  # all, and the topic
        began, mine, its = time.perf_counter(), time.process_time(), await spent(port)
        await watching.turn()
        took, mine = time.perf_counter() - began, time.process_time() - mine
        if kind:
            noted = (took, mine, await spent(port) - its, counted)
            taken.minutes.setdefault(kind, []).append(noted)

    for touched in (SERIES, FEW):
        for round_ in range(-LEAD, ROUNDS):
            await minute(f"{touched:,}" if round_ >= 0 else "", touched)
    while counter.minute - LEAD + 1 < START + 59:
        await minute("", FEW)
    await minute(f"{FEW}, a new hour", FEW)
    loaded = await book.load()
    assert loaded.minute == counter.minute - LEAD + 1
    taken.state = sum(map(len, loaded.states.values())) / SERIES
    await book.close()
    await store.close()
    return taken


async def spent(port: int) -> float:
    """Return the seconds that Valkey has had of the processor."""
    async with Redis(port=port) as raw:
        used = await raw.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the URLs of empty records databases."""
    with ExitStack() as stack:
        urls = {"SQLite": f"sqlite:///{folder / 'records.db'}"}
        server = stack.enter_context(postgres_server())
        if server is not None:
            urls["PostgreSQL"] = server
        for url in urls.values():
            engine = engine_of(url)
            upgrade(engine)
            engine.dispose()
        yield urls


def main() -> None:
    """Measure and print."""
    table = Table(
        "records", "touched", "watch", "Valkey", "a turn", "longest", "counted in", "state, B",
        title=f"{SERIES:,} series on one core: seconds a minute, of the processor and by the clock",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # and who is started from here
        with valkey_server(Path(name)) as port:
            for kind, url in urls.items():
                for row in asyncio.run(measured(url, port)).rows():
                    table.add_row(kind, *row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
