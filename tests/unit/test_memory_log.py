"""The faults that tests may order from the log in memory."""

import pytest

from consumers.adapters.clock import SystemClock
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.adapters.memory_writer import MemoryWriter
from groundswell.errors import CannotContinue, Transient
from tests.contract.log_worlds import Owner


@pytest.fixture
def log():
    found = MemoryLog(SystemClock())
    found.create("news", 4)
    return found


def values(log: MemoryLog, partition: int = 0) -> list[bytes | None]:
    return [record.value for record in log.records("news", partition)]


@pytest.mark.parametrize(
    ("fault", "landed"),
    [("before", []), ("half", [b"a"]), ("after", [b"a", b"b"]), ("late", [])],
)
async def test_a_write_fails_as_ordered(log, fault, landed):
    writer = MemoryWriter(log)
    log.faults.append(fault)
    with pytest.raises(Transient, match=fault):
        await writer.write("news", 0, [b"a", b"b"])
    assert values(log) == landed
    await writer.write("news", 0, [b"c"])
    log.land_late()
    log.land_late()
    assert values(log) == [*landed, b"c", *([b"a", b"b"] if fault == "late" else [])]


async def test_a_log_that_is_away_is_away_for_all(log):
    reader, writer, owner = MemoryReader(log, "news", "g"), MemoryWriter(log), Owner()
    await reader.start(owner)
    await reader.poll(1, 0)
    log.away = True
    for call in (
        reader.poll(1, 0),
        reader.commit({0: 0}),
        writer.start(),
        writer.write("news", 0, [b"a"]),
        writer.copy("news", b"a", []),
        MemoryReader(log, "news", "g").start(owner),
    ):
        with pytest.raises(Transient, match="away"):
            await call
    log.away = False
    assert (await reader.poll(1, 0)).records == {}


async def test_a_group_shares_eagerly(log):
    owners = [Owner(), Owner()]
    readers = [MemoryReader(log, "news", "g") for _ in owners]
    await readers[0].start(owners[0])
    await readers[0].poll(1, 0)
    await readers[1].start(owners[1])
    await readers[0].poll(1, 0)
    assert [sorted(owner.owned) for owner in owners] == [[0, 2], [1, 3]]
    assert owners[0].revocations == [frozenset(range(4))]
    await readers[0].stop()
    await log.settle("g", "news")
    assert sorted(owners[1].owned) == [0, 1, 2, 3]
    with pytest.raises(CannotContinue, match="not running"):
        await readers[0].poll(1, 0)


async def test_commits_of_partitions_that_are_gone_are_dropped(log):
    reader, owner = MemoryReader(log, "news", "g"), Owner()
    await reader.start(owner)
    await reader.poll(1, 0)
    await reader.commit({0: 3})
    await reader.stop()
    await reader.commit({0: 9})
    assert log.committed("g", "news") == {0: (3, "memory-1")}


async def test_deleted_records_do_not_count_as_lag(log):
    log.append("news", 1, [b"x"] * 10, timestamp=5)
    log.delete_records("news", 1, 4)
    reader = MemoryReader(log, "news", "g")
    await reader.start(Owner())
    await reader.poll(0, 0)
    assert reader.lag() == {0: 0, 1: 6, 2: 0, 3: 0}
    assert log.records("news", 1)[0].timestamp == 5
