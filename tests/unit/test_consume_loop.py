"""The loop of `consume` with the tiny bundle, over a log in memory that fails to order."""

import asyncio
import threading

import pytest

from groundswell.errors import Bug, CannotContinue, TopicError, Transient
from groundswell.events import millis
from groundswell.models.session import ModelError
from tests.news_world import Topic, World, item, model, running

ITEMS = 200


def offsets(rows):
    return [row.origin.offset for row in rows]


def filled(partitions=2, items=ITEMS):
    topic = Topic(partitions)
    for number in range(items):
        words = "report " * (number * 7 % 40)
        topic.add(item(f"Profit soars {words}", id=str(number)), partition=number % partitions)
    return topic


async def test_every_item_is_labelled_in_order_and_committed():
    topic = filled()
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed == {0: ITEMS // 2, 1: ITEMS // 2})

    for partition in range(2):
        rows = world.writer.told(partition)
        assert offsets(rows) == list(range(ITEMS // 2))
        assert [row.origin.after for row in rows] == list(range(-1, ITEMS // 2 - 1))
        assert {row.origin.topic_id for row in rows} == {"one"}
        assert {row.bundle for row in rows} == {"tiny@1"}
    assert world.value("items_total") == ITEMS
    assert world.value("tokens_total") <= world.value("padded_tokens_total")
    assert world.health.away == {}


@pytest.mark.parametrize("fault", ["before", "half", "after"])
async def test_a_failed_write_is_repeated_before_anything_else(fault):
    topic = filled(1)
    world = World(topic)
    world.writer.faults = [fault, "none", fault, fault]

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == ITEMS)

    assert offsets(world.settled()) == list(range(ITEMS))
    assert "kafka: opinions" in world.health.said
    assert world.health.away == {}


async def test_refused_items_are_copied_before_their_offset_is_committed():
    topic = Topic()
    topic.add(b"nonsense", headers=(("trace", b"7"),))
    topic.add(item())
    world = World(topic)
    world.writer.copy_faults = [Transient("away")]

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 2)

    assert [type(row).__name__ for row in world.writer.told()] == ["Refusal", "Opinion"]
    [(value, headers)] = world.writer.dead
    assert value == b"nonsense"
    assert headers["reason"] == b"not_json"
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"news", b"0", b"0")
    assert headers["timestamp"] == b"1767600000000"
    assert headers["trace"] == b"7"
    assert world.value("refused_total", reason="not_json") == 1


async def test_a_copy_that_fails_holds_the_commit():
    topic = Topic()
    topic.add(b"nonsense", item())
    world = World(topic, drain_seconds=0.2)
    world.writer.copy_faults = [Transient("away")] * 50

    async with running(world):
        await world.until(lambda: len(world.writer.copy_faults) < 49)
        assert world.health.away == {"kafka: dead letters": "away"}

    assert topic.committed.get(0, 0) == 0


@pytest.mark.parametrize("poison", ["explode", "nan"])
async def test_of_a_failing_batch_only_the_culprit_is_refused(poison):
    topic = Topic()
    titles = [f"Profit soars {n}" for n in range(7)]
    titles.insert(3, f"Profit soars {poison}")
    topic.add(*map(item, titles))
    world = World(topic, batch_wait_ms=30)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 8)

    kinds = [type(row).__name__ for row in world.writer.told()]
    assert kinds == ["Opinion"] * 3 + ["Refusal"] + ["Opinion"] * 4
    assert [headers["reason"] for _, headers in world.writer.dead] == [b"model_failed"]


class Broken:
    """A model that fails from its ``fails``-th call on, for good or for one call."""

    def __init__(self, fails, *, once=False):
        self.manifest = model().manifest
        self.encode = model().encode
        self.calls = 0
        self.fails = fails
        self.once = once

    def run(self, rows):
        self.calls += 1
        if self.calls == self.fails or (self.calls > self.fails and not self.once):
            raise ModelError("the device is gone")
        return model().run(rows)


async def test_a_transient_failure_of_the_model_refuses_nothing():
    topic = filled(1, 20)
    world = World(topic, Broken(2, once=True))

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 20)

    assert world.writer.dead == []


async def test_a_broken_model_stops_the_consumer_and_refuses_nothing():
    topic = filled(1, 100)
    world = World(topic, Broken(3))

    with pytest.raises(CannotContinue, match="fails on a golden text"):
        await world.loop.run(world.stop)

    assert world.writer.told(0, "Refusal") == []
    assert world.writer.dead == []


async def test_past_the_limit_of_refusals_it_stops_and_leaves_the_rest():
    topic = Topic()
    topic.add(*[item()] * 20, *[b"nonsense"] * 500)
    world = World(topic, refusal_window=60)

    with pytest.raises(CannotContinue, match="more than refusal_share"):
        await world.loop.run(world.stop)

    assert len(world.writer.dead) <= 60
    assert topic.committed.get(0, 0) <= 80


async def test_a_few_bad_items_at_the_start_stop_nothing():
    topic = Topic()
    topic.add(*[b"nonsense"] * 40)
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 40)

    assert len(world.writer.dead) == 40


async def test_what_retention_overtook_is_told_counted_and_followed_without_a_hole():
    topic = filled(1, 10)
    topic.committed[0], topic.beginning[0] = 3, 7
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 10)

    gap, *rest = world.writer.told()
    assert (type(gap).__name__, gap.origin.after, gap.origin.offset) == ("Gap", 2, 6)
    assert [(r.origin.after, r.origin.offset) for r in rest] == [(6, 7), (7, 8), (8, 9)]
    assert world.value("lost_total") == 4


async def test_a_position_that_is_lost_on_the_way_keeps_what_is_in_flight():
    topic = filled(1, 6)
    world = World(topic)
    world.writer.gate.clear()

    async with running(world):
        await world.until(lambda: world.reader.positions.get(0) == 6)
        world.reader.pause([0])
        topic.add(*[item()] * 6)
        topic.beginning[0], topic.committed[0] = 9, 6
        await world.reader.assign([0])
        world.reader.resume([0])
        world.writer.gate.set()
        await world.until(lambda: topic.committed.get(0) == 12)

    pairs = [(r.origin.after, r.origin.offset) for r in world.settled()]
    assert pairs[5:] == [(4, 5), (5, 8), (8, 9), (9, 10), (10, 11)]
    assert world.value("lost_total") == 3


async def test_a_topic_made_again_is_read_from_its_beginning_under_its_own_identity():
    topic = filled(1, 5)
    topic.committed[0], topic.committed_id = 400, "the old one"
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 5)

    assert offsets(world.writer.told()) == list(range(5))
    assert topic.committed_id == "one"


async def test_a_log_that_ends_before_the_committed_position_is_refused():
    topic = filled(1, 5)
    topic.committed[0] = 9
    world = World(topic)

    with pytest.raises(CannotContinue, match="committed 9, but the log ends at 5"):
        await world.loop.run(world.stop)

    assert world.writer.told() == []


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


class Slow(Broken):
    """A model that waits for a word."""

    def __init__(self):
        super().__init__(0)
        self.go = threading.Event()
        self.go.set()

    def run(self, rows):
        assert self.go.wait(20)
        return model().run(rows)


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
