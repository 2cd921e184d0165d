"""The loop of `count` when partitions and the store change hands amid a turn."""

import asyncio

from prometheus_client import CollectorRegistry

from consumers.adapters.clock import SystemClock
from consumers.adapters.memory_counts import MemoryCounts
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.counts.core.step import Retention
from consumers.counts.loop import Counting
from consumers.counts.metrics import Metrics
from groundswell.events import Origin, Tick, encode_log, instant
from groundswell.settings import Settings

KEPT = Retention(2880, 90 * 1440, 730 * 1440)


def tick(partition, offset):
    return encode_log(
        Tick(
            arrived_at=instant(1_767_600_000_000 + offset),
            origin=Origin(topic="news", partition=partition, offset=offset, after=offset - 1),
        )
    )


class Health:
    def waiting(self, part, why):
        return

    def working(self, part):
        return


async def test_records_from_before_a_partition_changed_hands_are_not_counted_after_it():
    log = MemoryLog(SystemClock())
    log.create("opinions", 2)
    settings = Settings(poll_interval_ms=1)
    reader = MemoryReader(log, "opinions", "count")
    armed: list[object] = []

    class Store(MemoryCounts):
        async def step(self, partition, expected, step):
            done = await super().step(partition, expected, step)
            if armed:
                armed.clear()
                # Meanwhile the store is put back, and the group shares out anew.
                self.shards[0].states[1 - partition] = old[1 - partition]
                await log.settle("count", "opinions")
            return done

    store = Store(1, KEPT)
    counting = Counting(
        settings,
        reader,
        store,
        SystemClock(),
        Health(),
        Metrics(CollectorRegistry()),
        asyncio.Event(),
    )
    await reader.start(counting)
    for partition in (0, 1):
        log.append("opinions", partition, [tick(partition, n) for n in range(5)])
    await counting.turn()
    old = dict(store.shards[0].states)
    assert {p: state.position for p, state in old.items()} == {0: 5, 1: 5}
    for partition in (0, 1):
        log.append("opinions", partition, [tick(partition, n) for n in range(5, 10)])
    await counting.turn()

    for partition in (0, 1):
        log.append("opinions", partition, [tick(partition, n) for n in range(10, 15)])
    armed.append(True)
    for _ in range(6):
        await counting.turn()

    totals = {
        p: (s.position, s.totals.ticks, s.totals.holes) for p, s in store.shards[0].states.items()
    }
    assert totals == {0: (15, 15, 0), 1: (15, 15, 0)}
