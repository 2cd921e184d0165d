"""The loop of `consume` with the tiny bundle, over a log in memory that fails to order."""

import pytest

from groundswell.errors import CannotContinue, Transient
from tests.news_models import Broken
from tests.news_world import ITEMS, Topic, World, filled, item, offsets, running


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


async def test_a_new_group_says_where_the_source_begins_and_has_lost_nothing():
    topic = filled(1, 10)
    topic.beginning[0] = 7
    world = World(topic)

    async with running(world):
        await world.until(lambda: topic.committed.get(0) == 10)

    gap, *rest = world.writer.told()
    assert (type(gap).__name__, gap.origin.after, gap.origin.offset) == ("Gap", -1, 6)
    assert [(r.origin.after, r.origin.offset) for r in rest] == [(6, 7), (7, 8), (8, 9)]
    assert world.value("lost_total") == 0


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


async def test_marks_do_not_pile_up_while_nothing_can_be_written():
    topic = filled(1, 1)
    world = World(topic)
    world.writer.gate.clear()

    async with running(world):
        lanes = world.loop.ownership.lanes
        await world.until(lambda: 0 in lanes and lanes[0].marked is not None)
        seen = set()

        def many_marks():
            seen.add(lanes[0].marked)
            return len(seen) > 5

        await world.until(many_marks)
        waiting = len(lanes[0]._queue)
        world.writer.gate.set()
        await world.until(lambda: topic.committed.get(0) == 1)

    assert waiting <= 1
    assert world.writer.told(0, "Mark")[-1].at.timestamp() * 1000 >= max(filter(None, seen))


async def test_a_position_in_the_old_topic_is_not_committed_as_one_in_the_new():
    topic = filled(1, 40)
    world = World(topic)
    world.writer.gate.clear()

    async with running(world):
        lanes = world.loop.ownership.lanes
        await world.until(lambda: 0 in lanes and lanes[0].unsettled == 40)
        topic.topic_id = "two"
        topic.records[0].clear()
        topic.add(*[item()] * 60)
        topic.committed[0] = 40  # where the reader stood when it lost its position
        world.writer.gate.set()
        await world.reader.assign([0])
        early = topic.committed_id, topic.committed[0]
        await world.until(lambda: (topic.committed_id, topic.committed[0]) == ("two", 60))

    assert early == ("one", 40)
    assert [row.origin.topic_id for row in world.writer.told()] == ["one"] * 40 + ["two"] * 60


async def test_a_log_that_ends_before_the_committed_position_is_refused():
    topic = filled(1, 5)
    topic.committed[0] = 9
    world = World(topic)

    with pytest.raises(CannotContinue, match="committed 9, but the log ends at 5"):
        await world.loop.run(world.stop)

    assert world.writer.told() == []
