"""How partitions, writers and the loop of `consume` end, and what stands in the log then."""

import asyncio

import pytest

from groundswell.errors import Bug, CannotContinue, TopicError, Transient
from groundswell.events import millis
from tests.news_models import Slow
from tests.news_world import ITEMS, Topic, World, filled, offsets, running


async def test_revoked_partitions_are_drained_committed_and_forgotten():
    topic = filled(2)
    world = World(topic)

    async with running(world):
        await world.until(lambda: len(world.writer.told(1)) > 10)
        await world.reader.revoke([1])
        settled = len(world.writer.told(1))
        assert topic.committed[1] == settled
        assert 1 not in world.loop.ownership.lanes
        await world.until(lambda: len(world.writer.told(0)) == ITEMS // 2)
        assert len(world.writer.told(1)) == settled
        await world.reader.assign([1])
        await world.until(lambda: topic.committed.get(1) == ITEMS // 2)

    assert offsets(world.settled(1)) == list(range(ITEMS // 2))


async def test_what_a_drain_cannot_finish_in_time_is_abandoned_and_read_again():
    topic = filled(1, 60)
    world = World(topic, drain_seconds=0.1)

    async with running(world):
        await world.until(lambda: len(world.writer.told()) > 0)
        world.writer.gate.clear()
        await world.reader.revoke([0])
        assert topic.committed.get(0, 0) < 60
        world.writer.gate.set()
        await world.reader.assign([0])
        await world.until(lambda: topic.committed.get(0) == 60)

    assert offsets(world.settled()) == list(range(60))


async def test_a_broker_that_is_away_is_waited_for():
    topic = filled(1, 30)
    world = World(topic)
    world.reader.faults = [Transient("no broker")] * 2
    world.reader.commit_faults = [Transient("no coordinator")]

    async with running(world):
        await world.until(lambda: "kafka: commit" in world.health.said)
        await world.until(lambda: topic.committed.get(0) == 30)
        await world.until(lambda: not world.health.away)

    assert {"kafka: group", "kafka: news"} <= set(world.health.said)
    assert world.value("failures_total", part="kafka: news") == 2


async def test_a_topic_that_is_missing_ends_the_program():
    world = World(Topic())
    world.reader.faults = [TopicError("topic news does not exist")]

    with pytest.raises(TopicError, match="does not exist"):
        await world.loop.run(world.stop)


async def test_a_stop_while_joining_ends_at_once():
    world = World(Topic())
    world.reader.faults = [Transient("no broker")] * 1000
    world.stop.set()

    await world.loop.run(world.stop)

    assert world.reader.owner is None


async def test_a_stuck_log_pauses_reading_instead_of_growing():
    topic = filled(1, 1000)
    world = World(topic)
    world.writer.gate.clear()

    async with running(world):
        await world.until(lambda: world.reader.paused == {0})
        position = world.reader.positions[0]
        await asyncio.sleep(0.1)
        assert world.reader.positions[0] == position
        assert position < 200
        world.writer.gate.set()
        await world.until(lambda: topic.committed.get(0) == 1000)

    assert offsets(world.settled()) == list(range(1000))


async def test_marks_stand_below_what_they_speak_of():
    topic = filled(1, 50)
    world = World(topic)

    async with running(world):
        await world.until(lambda: len(world.writer.told(0, "Mark")) > 4)

    highest, times = -1, []
    for row in world.writer.told(0, "Opinion", "Mark"):
        if type(row).__name__ == "Mark":
            assert row.origin.offset == highest
            times.append(millis(row.at))
        else:
            highest = row.origin.offset
    assert times == sorted(times)
    assert times[-1] > 1_767_600_000_050


async def test_in_a_replay_the_records_are_the_clock():
    topic = filled(1, 5)
    topic.add(None, timestamp=1_767_700_000_000, headers=(("groundswell-tick", b"1"),))
    world = World(topic, clock="records")

    async with running(world):
        await world.until(lambda: len(world.writer.told(0, "Mark")) > 0)
        await world.until(lambda: topic.committed.get(0) == 6)

    assert type(world.writer.told()[-1]).__name__ == "Tick"
    assert millis(world.writer.told(0, "Mark")[-1].at) == 1_767_700_000_005


async def test_a_writer_that_breaks_ends_the_loop():
    topic = filled(1, 5)
    world = World(topic)

    async def broken(topic, partition, values):
        raise CannotContinue("the record is too large for the topic")

    world.writer.write = broken  # type: ignore[method-assign] # one method of a fake

    with pytest.raises(CannotContinue, match="too large"):
        await world.loop.run(world.stop)


async def test_a_last_commit_that_fails_only_means_reading_again():
    topic = filled(1, 20)
    world = World(topic)

    async with running(world):
        await world.until(lambda: len(world.writer.told()) == 20)
        world.reader.commit_faults = [Transient("no coordinator")]
        await world.reader.revoke([0])
        await world.reader.assign([0])
        await world.until(lambda: topic.committed.get(0) == 20)

    assert offsets(world.settled()) == list(range(20))


async def test_a_commit_that_must_not_be_repeated_ends_the_loop():
    topic = filled(1, 20)
    world = World(topic)

    async def scenario():
        async with running(world):
            await world.until(lambda: len(world.writer.told()) == 20)
            world.reader.commit_faults = [CannotContinue("two processes with one id")]
            world.loop.ownership.lanes[
                0
            ].committed = None  # on a slow machine all is committed by now
            await world.reader.revoke([0])

    with pytest.raises(CannotContinue, match="two processes"):
        await scenario()


async def test_a_bug_in_a_writer_ends_the_loop():
    world = World(filled(1, 5))

    async def broken(topic, partition, values):
        raise ZeroDivisionError

    world.writer.write = broken  # type: ignore[method-assign] # one method of a fake

    with pytest.raises(Bug, match=r"the writer of partition 0 failed: ZeroDivisionError"):
        await world.loop.run(world.stop)


async def test_leaving_without_the_broker_s_answer_is_said():
    topic = filled(1, 5)
    world = World(topic)

    async def stop():
        raise Transient("away")

    world.reader.stop = stop  # type: ignore[method-assign] # one method of a fake

    async with running(world):
        await world.until(lambda: len(world.writer.told()) == 5)

    assert topic.committed.get(0) == 5


async def test_without_room_everything_is_paused_and_polls_go_on(monkeypatch):
    monkeypatch.setattr("consumers.news.loop.ROOM_SECONDS", 0.05)
    topic = filled(2)
    slow = Slow()
    world = World(topic, slow)
    slow.go.clear()

    async with running(world):
        await world.until(lambda: world.reader.paused == {0, 1})
        polls = world.reader.polls
        await world.until(lambda: world.reader.polls > polls + 2)
        slow.go.set()
        await world.until(lambda: topic.committed == {0: ITEMS // 2, 1: ITEMS // 2})

    assert world.value("paused_seconds_total") > 0.05


async def test_what_the_model_says_after_its_partition_is_gone_is_thrown_away():
    topic = filled(1, 60)
    slow = Slow()
    world = World(topic, slow, drain_seconds=0.05)
    slow.go.clear()

    async with running(world):
        await world.until(lambda: len(world.loop._window) > 8)
        await world.reader.revoke([0])
        await world.reader.assign([0])
        slow.go.set()
        await world.until(lambda: topic.committed.get(0) == 60)

    assert offsets(world.writer.told()) == list(range(60))


async def test_large_verdicts_are_split_into_writes_that_a_broker_takes(monkeypatch):
    monkeypatch.setattr("consumers.news.lane.MAX_BYTES", 1000)
    topic = filled(1, 100)
    world = World(topic)
    sizes = []
    write = world.writer.write

    async def measured(topic, partition, values):
        sizes.append((len(values), sum(map(len, values))))
        await write(topic, partition, values)

    world.writer.write = measured  # type: ignore[method-assign] # one method of a fake

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 100)

    assert all(count == 1 or size <= 1000 for count, size in sizes)
