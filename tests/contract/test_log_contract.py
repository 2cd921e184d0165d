"""
The contract of ``LogReader`` and ``LogWriter``: over the twin, Tansu and Apache Kafka.

A join costs the embedded broker seconds, so most tests share one reader, each with a partition of its
own.
"""

import asyncio
from types import SimpleNamespace

import pytest
import pytest_asyncio

from groundswell.errors import CannotContinue, TopicError, Transient
from tests.contract.log_worlds import (
    MESSAGE_BYTES,
    KafkaWorld,
    MemoryWorld,
    Owner,
    fresh_name,
    joined,
    read,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
PARTITIONS = 8
LEFT_OUT = 7


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["memory", "tansu", pytest.param("kafka", marks=pytest.mark.kafka)],
)
async def world(request):
    in_memory = request.param == "memory"
    found = MemoryWorld() if in_memory else KafkaWorld(request.getfixturevalue(request.param))
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writer(world):
    found = world.writer()
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(world, writer):
    """A topic, and a reader that owns all of it."""
    topic, group, owner = fresh_name(), fresh_name(), Owner(frozenset([LEFT_OUT]))
    await world.create(topic, PARTITIONS)
    await writer.write(topic, 0, [b"%d" % i for i in range(10)])
    reader = world.reader(topic, group)
    await reader.start(owner)
    await joined(reader, owner, PARTITIONS)
    yield SimpleNamespace(topic=topic, group=group, owner=owner, reader=reader)
    await reader.stop()


async def test_the_owner_is_told_what_the_broker_knows(world, shared):
    bounds = shared.owner.assignments[0]
    assert sorted(bounds) == list(range(PARTITIONS))
    assert (bounds[0].committed, bounds[0].beginning, bounds[0].end) == (None, 0, 10)
    assert (bounds[1].committed, bounds[1].beginning, bounds[1].end) == (None, 0, 0)
    assert len({b.topic_id for b in bounds.values()} - {""}) == 1


async def test_records_come_once_and_in_order(shared):
    records = await read(shared.reader, 0, 10)
    assert [r.value for r in records] == [b"%d" % i for i in range(10)]
    assert [r.offset for r in records] == list(range(10))
    assert (await shared.reader.poll(100, 0.1)).records == {}
    assert shared.reader.lag()[0] == 0


async def test_no_more_records_than_asked_for_and_partitions_in_turn(world, writer, shared):
    for _ in range(10):
        for partition in (1, 2):
            await writer.write(shared.topic, partition, [bytes(20_000)] * 4)
    found = {1: 0, 2: 0}
    while max(found.values()) < 40:
        fetched = await shared.reader.poll(6, 0.2)
        assert sum(map(len, fetched.records.values())) <= 6
        for partition, rows in fetched.records.items():
            found[partition] += len(rows)
    # Neither waited until the other had been read to its end; Tansu answers with what it likes.
    assert min(found.values()) > 5 or world.kind == "tansu"


async def test_a_seek_throws_away_what_was_fetched(writer, shared):
    await writer.write(shared.topic, 3, [b"%d" % i for i in range(30)])
    await read(shared.reader, 3, 5)
    for position in (20, 2, 20, 29):
        shared.reader.seek(3, position)
        fetched = await read(shared.reader, 3, 1)
        assert fetched[0].offset == position
    shared.reader.seek(3, 0)
    assert [r.offset for r in await read(shared.reader, 3, 30)] == list(range(30))


async def test_a_paused_partition_is_silent_and_goes_on_where_it_was(writer, shared):
    await writer.write(shared.topic, 4, [b"a", b"b"])
    assert [r.value for r in await read(shared.reader, 4, 2)] == [b"a", b"b"]
    shared.reader.pause([4, 99])
    await writer.write(shared.topic, 4, [b"c"])
    for _ in range(3):
        fetched = await shared.reader.poll(100, 0.1)
        assert 4 not in fetched.records
        assert 4 not in fetched.drained
    shared.reader.resume([4, 99])
    assert [r.value for r in await read(shared.reader, 4, 1)] == [b"c"]


async def test_a_drained_partition_has_the_time_of_a_fetch_that_found_nothing_more(world, shared):
    clock = world.log.clock if isinstance(world, MemoryWorld) else shared.reader._clock
    before = clock.wall()
    while (await shared.reader.poll(100, 0.05)).drained.get(5, 0) < before:
        pass
    drained = (await shared.reader.poll(100, 0)).drained
    assert before <= drained[5] <= clock.wall()


async def test_a_partition_with_a_backlog_is_not_drained(writer, shared):
    await writer.write(shared.topic, 5, [b"x"] * 10)
    seen = 0
    while seen < 10:
        fetched = await shared.reader.poll(4, 0.2)
        seen += len(fetched.records.get(5, ()))
        # The end is known as of the last fetch: before the first record arrives it may be the old one.
        assert seen in {0, 10} or 5 not in fetched.drained
        assert seen == 0 or shared.reader.lag()[5] == 10 - seen


async def test_a_partition_left_out_of_the_answer_stays_paused(writer, shared):
    await writer.write(shared.topic, LEFT_OUT, [b"x"])
    shared.reader.resume([LEFT_OUT])
    fetched = await shared.reader.poll(100, 0.2)
    assert LEFT_OUT not in fetched.records
    assert LEFT_OUT not in fetched.drained
    shared.reader.seek(LEFT_OUT, 0)
    assert len(await read(shared.reader, LEFT_OUT, 1)) == 1


async def test_committed_positions_carry_the_topics_identity(world, shared):
    await shared.reader.commit({0: 7, 99: 1})
    positions = await world.committed(shared.group, shared.topic)
    identity = shared.owner.owned[0].topic_id if world.keeps_metadata else ""
    assert positions == {0: (7, identity)}


async def test_a_position_that_was_deleted_is_asked_for_again(world, writer, shared):
    if not world.deletes:
        pytest.skip("Tansu deletes no records")
    await writer.write(shared.topic, 6, [b"x"] * 10)
    await world.delete_records(shared.topic, 6, 5)
    asked = len(shared.owner.assignments)
    shared.reader.seek(6, 2)
    assert [r.offset for r in await read(shared.reader, 6, 5)] == [5, 6, 7, 8, 9]
    (bounds,) = shared.owner.assignments[asked:]
    assert bounds.keys() == {6}
    assert (bounds[6].committed, bounds[6].beginning, bounds[6].end) == (2, 5, 10)
    assert bounds[6].committed_topic_id == bounds[6].topic_id


async def test_leaving_revokes_and_the_next_member_goes_on(world, writer):
    topic, group, first, second = fresh_name(), fresh_name(), Owner(), Owner()
    await world.create(topic, 2)
    await writer.write(topic, 1, [b"a", b"b", b"c"])
    reader = world.reader(topic, group)
    await reader.start(first)
    await joined(reader, first, 2)
    await read(reader, 1, 3)
    await reader.commit({1: 2})
    identity = first.owned[1].topic_id
    await reader.stop()
    await reader.stop()
    assert first.revocations == [frozenset([0, 1])]
    reader = world.reader(topic, group)
    await reader.start(second)
    await joined(reader, second, 2)
    assert second.assignments[0][1].committed == 2
    assert second.assignments[0][1].committed_topic_id in {identity, ""}
    assert (second.assignments[0][1].committed_topic_id == identity) == world.keeps_metadata
    assert second.assignments[0][0].committed is None
    assert [r.value for r in await read(reader, 1, 1)] == [b"c"]
    # A second member gets its share, and the first is told about all of what it had.
    other, third = world.reader(topic, group), Owner()
    await other.start(third)
    while len(third.owned) != 1 or len(second.owned) != 1:
        await asyncio.gather(reader.poll(0, 0.05), other.poll(0, 0.05))
    assert second.revocations == [frozenset([0, 1])]
    assert third.owned.keys() | second.owned.keys() == {0, 1}
    await asyncio.gather(reader.stop(), other.stop())


async def test_a_topic_made_anew_has_another_identity(world, writer):
    if not world.deletes:
        pytest.skip("run where the broker tells identities from metadata")
    topic, group, first, second = fresh_name(), fresh_name(), Owner(), Owner()
    await world.create(topic, 1)
    await writer.write(topic, 0, [b"a", b"b"])
    reader = world.reader(topic, group)
    await reader.start(first)
    await joined(reader, first, 1)
    await reader.commit({0: 2})
    await reader.stop()
    await world.recreate(topic, 1)
    reader = world.reader(topic, group)
    await reader.start(second)
    await joined(reader, second, 1)
    await reader.stop()
    old, new = first.assignments[0][0], second.assignments[0][0]
    assert new.topic_id != old.topic_id
    assert new.committed_topic_id in {
        old.topic_id,
        "",
    }  # a broker may drop a dead topic's positions
    assert new.end == 0


async def test_a_missing_topic_is_named(world):
    reader = world.reader("there-is-none", fresh_name())
    with pytest.raises(TopicError, match="there-is-none does not exist"):
        await reader.start(Owner())
    await reader.stop()


async def test_batches_keep_their_order(world, writer):
    topic = fresh_name()
    await world.create(topic, 2)
    for start in range(0, 30, 10):
        await writer.write(topic, 1, [b"%d" % i for i in range(start, start + 10)])
    await writer.write(topic, 0, [])
    assert [r.value for r in await world.records(topic, 1)] == [b"%d" % i for i in range(30)]
    assert await world.records(topic, 0) == []


async def test_partitions_that_do_not_exist_are_refused(world, writer):
    topic = fresh_name()
    await world.create(topic, 1)
    with pytest.raises(CannotContinue, match="no partition 1"):
        await writer.write(topic, 1, [b"x"])


async def test_a_copy_keeps_value_and_headers(world, writer):
    topic = fresh_name()
    await world.create(topic, 1)
    await writer.copy(topic, b"\xff\x00", [("reason", b"not_json"), ("offset", b"7")])
    await writer.copy(topic, None, [("reason", b"empty")])
    one, two = await world.records(topic, 0)
    assert (one.value, one.headers) == (b"\xff\x00", (("reason", b"not_json"), ("offset", b"7")))
    assert (two.value, two.headers) == (None, (("reason", b"empty"),))


async def test_a_copy_that_is_too_large_is_cut_and_says_so(world, writer):
    topic = fresh_name()
    await world.create(topic, 1)
    value = bytes(range(256)) * 8000
    await writer.copy(topic, value, [("reason", b"too_large")])
    (found,) = await world.records(topic, 0)
    headers = dict(found.headers)
    assert headers == {"reason": b"too_large", "cut": b"true", "length": b"2048000"}
    assert 0 < len(found.value) < len(value)
    assert value.startswith(found.value)
    if world.kind != "tansu":  # which has no limit
        assert len(found.value) <= MESSAGE_BYTES


async def test_headers_that_leave_no_room_are_left_out_of_a_copy_from_the_end(world, writer):
    topic = fresh_name()
    await world.create(topic, 1)
    theirs = [(f"h{n}", bytes(100_000)) for n in range(25)]
    async with asyncio.timeout(60):
        await writer.copy(topic, b"x" * 1000, [("reason", b"no_text"), *theirs])
    (found,) = await world.records(topic, 0)
    headers = dict(found.headers)
    assert (headers["reason"], headers["cut"], headers["length"]) == (b"no_text", b"true", b"1000")
    if world.kind != "tansu":  # which has no limit
        assert sum(map(len, headers.values())) <= MESSAGE_BYTES


async def test_a_stopped_writer_says_that_it_does_not_know(world):
    if world.kind == "memory":
        pytest.skip("the twin holds no connection")
    writer = world.writer()
    await writer.start()
    await writer.stop()
    await writer.stop()
    with pytest.raises(Transient):
        await writer.write("any", 0, [b"x"])
