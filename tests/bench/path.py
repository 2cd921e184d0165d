"""
The whole path, timed from outside: real processes, a real broker, a real store.

At saturation a full topic waits and `consume` and `count` work it off; at half load items arrive at a
constant rate, whatever the programs do (no coordinated omission).
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from consumers.up import figures
from consumers.up.app import LATENCY
from tests.integration.log import Kafka, Sent, send
from tests.integration.programs import Program
from tests.integration.stack import Stack
from tests.integration.store import Store

PARTITIONS = 4
BATCHES = "groundswell_consume_batches_total"


class Look(NamedTuple):
    """What was seen at one moment; CPU in seconds since each process began."""

    at: float
    settled: int
    consume_cpu: float
    count_cpu: float


def items(pairs: list[tuple[str, str]]) -> list[bytes]:
    """Make news items of title and body, published now so that none is late."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [
        json.dumps(
            {"id": f"b{n}", "source": "bench", "published_at": now, "title": title, "body": body}
        ).encode()
        for n, (title, body) in enumerate(pairs)
    ]


def cpu(program: Program) -> float:
    """User and system seconds of a program so far."""
    times = psutil.Process(program.process.pid).cpu_times()
    return float(times.user + times.system)


def peak_mb(program: Program) -> float:
    """The most resident memory that a program has had, in MB."""
    for line in Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM in /proc")


class Run:
    """One installation: a stack with `consume` and `count` on a broker."""

    def __init__(self, kafka: Kafka, folder: Path, bundle: Path) -> None:
        self._store = Store(folder)
        self.stack = Stack(
            kafka,
            self._store,
            folder,
            partitions=PARTITIONS,
            bundle=bundle,
            threads=0,
            mark_interval_ms=1000,
            kafka_session_timeout_ms=10_000,
        )
        self.consume: Program | None = None
        self.count: Program | None = None

    async def begin(self) -> None:
        """Start the store and make the topics."""
        self._store.start()
        await self.stack.make_topics()

    async def start(self) -> tuple[Program, Program]:
        """Start both programs and wait until they are ready."""
        count = self.stack.programs.start("count")
        consume = self.stack.programs.start("consume")
        self.consume, self.count = consume, count
        await self.stack.programs.ready(consume, count)
        return consume, count

    async def look(self) -> Look:
        """Look at progress and at the CPU used."""
        assert self.consume is not None
        assert self.count is not None
        settled = await self.stack.settled()
        return Look(time.perf_counter(), settled, cpu(self.consume), cpu(self.count))

    def close(self) -> None:
        """Stop everything."""
        self.stack.close()
        self._store.stop()


async def saturation(run: Run, pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Let the programs work off a full topic; return items per second and CPU per item."""
    await run.begin()
    await run.stack.produce(items(pairs))
    run.stack.programs.check()
    count = run.stack.programs.start("count")
    consume = run.stack.programs.start("consume")
    run.consume, run.count = consume, count
    # Verdicts leave in bursts, in the order of the source: time from the first batch to the last verdict.
    while not (await consume.metrics()).get(BATCHES):
        run.stack.programs.check()
        await asyncio.sleep(0.01)
    first = last = await run.look()
    while last.settled < len(pairs):
        run.stack.programs.check()
        await asyncio.sleep(0.2)
        last = await run.look()
    done = len(pairs)
    return {
        "items_per_s": done / (last.at - first.at),
        "consume_cpu_ms_per_item": (last.consume_cpu - first.consume_cpu) * 1000 / done,
        "count_cpu_ms_per_item": (last.count_cpu - first.count_cpu) * 1000 / done,
        "consume_peak_mb": peak_mb(consume),
        "count_peak_mb": peak_mb(count),
    }


async def steady(
    run: Run, pairs: list[tuple[str, str]], rate: float, seconds: float
) -> dict[str, Any]:
    """Publish at ``rate`` items a second; return latency from publication to count, and CPU."""
    await run.begin()
    consume, count = await run.start()
    warm = 5.0
    values = items(pairs)
    before: figures.Buckets = []
    first: Look | None = None
    sent, started = 0, time.perf_counter()
    async with run.stack.kafka.producer() as producer:
        while (elapsed := time.perf_counter() - started) < warm + seconds:
            if first is None and elapsed >= warm:
                before = figures.buckets((await count.get("/metrics")).body, LATENCY)
                first = await run.look()
            due = int(elapsed * rate)
            while sent < due:
                value = values[sent % len(values)]
                now = time.time_ns() // 1_000_000
                await send(producer, run.stack.news, Sent(sent % PARTITIONS, value, now))
                sent += 1
            await asyncio.sleep(0.002)
    await run.stack.wait_until_settled(sent)
    last = await run.look()
    after = figures.buckets((await count.get("/metrics")).body, LATENCY)
    assert first is not None
    done = last.settled - first.settled
    return {
        "items_per_s": rate,
        **figures.milliseconds(figures.minus(after, before)),
        "consume_cpu_ms_per_item": (last.consume_cpu - first.consume_cpu) * 1000 / done,
        "count_cpu_ms_per_item": (last.count_cpu - first.count_cpu) * 1000 / done,
        "consume_peak_mb": peak_mb(consume),
    }
