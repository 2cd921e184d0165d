"""A log, a store and the counters that share them, for tests of the loop of `count`."""

import asyncio

from prometheus_client import CollectorRegistry

from consumers import backoff
from consumers.adapters.http import Health
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.counts import loop
from consumers.counts.loop import Counting
from consumers.counts.metrics import Metrics
from groundswell.events import encode_log
from groundswell.settings import Settings
from tests.count_world import Clock, FlakyCounts

TOPIC = "opinions"


def without_waiting(monkeypatch):
    """Make the loop's waits short."""
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(backoff, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(backoff, "LONGEST_PAUSE", 0.002)


class World:
    """A log, a store, and counters that share them."""

    def __init__(self, partitions=1):
        self.clock = Clock()
        self.log = MemoryLog(self.clock)
        self.log.create(TOPIC, partitions)
        self.store = FlakyCounts()
        self.stop = asyncio.Event()
        self.health = Health()
        self.metrics = Metrics(CollectorRegistry())

    def counting(self, group="count"):
        reader = MemoryReader(self.log, TOPIC, group)
        parts = (reader, self.store, self.clock, self.health, self.metrics, self.stop)
        return Counting(Settings(poll_interval_ms=1), *parts), reader

    async def started(self, group="count"):
        counting, reader = self.counting(group)
        await reader.start(counting)
        return counting

    def write(self, *rows, partition=0):
        self.log.append(TOPIC, partition, [encode_log(row) for row in rows])

    async def turns(self, counting, number=4, seconds=0.0):
        for _ in range(number):
            self.clock.seconds += seconds
            await counting.turn()

    def totals(self, partition=0):
        return self.store.shards[0].states[partition].totals

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"groundswell_count_{name}", labels)
