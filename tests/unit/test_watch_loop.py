import json

import pytest
from structlog.testing import capture_logs

from consumers.records.memory import MemoryRecords
from consumers.records.ports import Filter
from consumers.watch.core.evidence import Seen
from consumers.watch.loop import BATCH_CELLS, LEASE_MS, RENEW_SECONDS
from consumers.watch.outlook import STANDSTILL
from groundswell.errors import Transient
from tests.watch_loop_world import HOURS, START, SURGE, StepClock, World

LEARNT = START + HOURS * 60 - 1
END = SURGE + 170


async def _surged(world, *, steps=1):
    watching = world.process("a")
    await world.until(LEARNT, watching)
    for minute in range(LEARNT + steps, END + 1, steps):
        await world.until(minute, watching)
    await world.until(END, watching)
    return watching


async def test_a_surge_fires_is_told_with_its_evidence_and_ends():
    world = World()

    await _surged(world, steps=7)

    alert = (await world.records.alerts(Filter(series=("topic:rates",)))).alerts[0]
    evidence = json.loads(alert.evidence)
    told = [json.loads(value) for value in world.told()]
    assert alert.kind == "surge"
    assert alert.state == "resolved"
    assert SURGE - 2 <= alert.onset <= SURGE + 5
    assert evidence["effect"]["observed"] > 3 * evidence["effect"]["expected"]
    assert evidence["stories"][0]["url"] == "https://x.test/1"
    assert evidence["bundles"] == ["default-1"]
    assert evidence["minute"] == alert.opened
    assert next(m["after"] for m in told if m["alert"] == alert.id) == "firing"
    assert told[-1]["after"] == "resolved"
    assert len({m["key"] for m in told}) == len(told)


async def test_however_the_minutes_come_the_alerts_and_their_evidence_are_the_same():
    one, other = World(), World()

    await _surged(one, steps=1)
    await _surged(other, steps=45)

    ids = [
        [(a.id, a.evidence, a.peak) for a in (await w.records.alerts(Filter())).alerts]
        for w in (one, other)
    ]
    assert ids[0]
    assert ids[0] == ids[1]
    assert (await one.records.load()).states == (await other.records.load()).states


async def test_another_process_goes_on_where_the_first_was_killed():
    whole, cut = World(), World()
    await _surged(whole)
    first, second = cut.process("a"), cut.process("b")
    await cut.until(LEARNT, first)
    await cut.until(SURGE + 20, first)
    await second.turn()
    assert (await cut.records.load()).minute == SURGE + 20

    waited = 0.0
    cut.counts.advance(END)
    while (await cut.records.load()).minute == SURGE + 20:
        cut.clock.seconds += 0.5
        waited += 0.5
        await second.turn()
    await cut.until(END, second)

    assert waited <= 10
    assert LEASE_MS / 1000 + RENEW_SECONDS < 10
    assert cut.told()
    assert len(cut.told()) == len(whole.told())
    assert (await cut.records.load()).states == (await whole.records.load()).states


async def test_a_process_that_slept_through_its_lease_writes_nothing():
    world = World()
    sleeper, other = world.process("a"), world.process("b")
    await world.until(SURGE - 10, sleeper)
    world.clock.seconds += LEASE_MS / 1000 + 1
    await world.until(SURGE + 5, other)
    states = (await world.records.load()).states
    world.counts.advance(SURGE + 30)
    sleeper._asked = world.clock.seconds  # it wakes up within what it takes for its lease

    await sleeper.turn()

    assert (await world.records.load()).minute == SURGE + 5
    assert (await world.records.load()).states == states
    assert sleeper._lease is None


async def test_an_emptied_store_is_waited_for_and_nothing_is_told_twice():
    world = World()
    watching = await _surged(world)
    told = world.told()
    world.counts.lost = True
    await watching.turn()
    world.counts.lost = False
    world.counts.advance(SURGE - 30)
    world.clock.seconds += 5
    await watching.turn()
    assert (await world.records.load()).minute == END
    assert not watching.health.ready
    assert "counts" in watching.health.parts

    await world.until(END + 10, watching)

    assert world.told() == told
    assert watching.health.ready


async def test_a_store_that_is_emptied_while_it_is_read_is_not_decided_from():
    world = World()
    watching = world.process("a")
    await world.until(SURGE, watching)
    world.counts.losing = True
    world.counts.advance(SURGE + 20)

    await watching.turn()
    world.counts.losing = world.counts.lost = False
    held = (await world.records.load()).minute
    await world.until(SURGE + 20, watching)

    assert held == SURGE
    assert (await world.records.alerts(Filter(series=("topic:rates",)))).alerts


async def test_a_partition_that_stands_still_is_left_out_and_the_rest_is_decided():
    world = World()
    watching = world.process("a")
    await world.until(LEARNT, watching)
    world.counts.advance(LEARNT + 5, partitions=(0,))
    await watching.turn()
    assert (await world.records.load()).minute == LEARNT
    world.clock.seconds += STANDSTILL - 60
    world.counts.advance(LEARNT + 6, partitions=(0,))
    await watching.turn()
    assert (await world.records.load()).minute == LEARNT
    world.clock.seconds += 60

    world.counts.advance(LEARNT + 7, partitions=(0,))
    await watching.turn()

    assert (await world.records.load()).minute == LEARNT + 7
    assert watching._left_out == (1,)


async def test_what_a_person_resolved_is_let_go():
    world = World()
    watching = world.process("a")
    await world.until(SURGE + 15, watching)
    (alert,) = (await world.records.load()).open
    await world.records.act(alert.id, "resolve", "mia", "known")

    await world.until(SURGE + 16, watching)
    await world.until(SURGE + 17, watching)

    assert (await world.records.load()).closed == ()


async def test_a_failed_write_to_the_log_is_sent_again_with_the_same_key():
    world = World()
    world.log.faults.extend(["after"])
    watching = world.process("a")
    with pytest.raises(Transient):
        await world.until(SURGE + 15, watching)
    await watching.turn()

    told = [json.loads(value)["key"] for value in world.told()]
    assert told
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    assert await world.records.unsent() == ()


class Slow(StepClock):
    """Every look at it takes a second and a half: deciding is slow."""

    def now(self):
        self.seconds += 1.5
        return self.seconds


async def test_a_long_batch_keeps_its_lease():
    world = World()
    world.clock = Slow()
    world.records = MemoryRecords(world.clock.wall)
    world.counts.advance(START + 59)
    watching, renewed = world.process("a"), []
    renew = world.records.renew

    async def counted(lease, ttl_ms):
        renewed.append(lease)
        return await renew(lease, ttl_ms)

    world.records.renew = counted  # type: ignore[method-assign]
    await watching.turn()

    assert (await world.records.load()).minute == START + 119 - HOURS * 60
    assert len(renewed) >= 60 * 1.5 / LEASE_MS * 1000


async def test_many_series_are_read_in_shorter_batches():
    names = [f"entity:{n}" for n in range(BATCH_CELLS // 10)]
    held = {name: Seen(0, 1) for name in names}
    world = World({minute: held for minute in range(START, START + 60)}, back=30)  # noqa: C420
    spans = []
    world.counts.advance(START + 29)

    async def none_of(series, first, last):
        spans.append((len(series), first, last))
        return {}

    world.counts.seen = none_of  # type: ignore[method-assign]
    await world.process("a").turn()

    assert spans == [(len(names), START, START + 9)]


async def test_who_holds_the_lease_is_logged_once_each_time_that_it_changes():
    world = World()
    first, second = world.process("a"), world.process("b")
    with capture_logs() as logs:
        for _ in range(10):
            world.clock.seconds += RENEW_SECONDS
            await first.turn()
            await second.turn()
        for _ in range(10):  # the first is gone: the second takes over
            world.clock.seconds += RENEW_SECONDS
            await second.turn()

    said = [(entry["holder"], entry["epoch"]) for entry in logs if entry["event"] == "lease"]
    assert said == [("a", 1), ("a", 1), ("b", 2)]
