"""The hub of the stream of alerts: its ring, the past behind it, ids of no past, and an end."""

import asyncio

import pytest

from consumers.adapters.http import Health
from consumers.records.memory import MemoryRecords
from consumers.records.tail import MemoryTail
from consumers.web.hub import PAGE, Hub
from consumers.web.metrics import Metrics
from groundswell.errors import CannotContinue, Transient
from tests.records_world import ID, T0, Hand, fired
from tests.web_world import web_of

RING = 8


@pytest.fixture
async def records():
    made = MemoryRecords(Hand(T0))
    lease = await made.acquire("w", 1000)
    await made.commit_minute(lease, fired())
    return made


@pytest.fixture
async def hub(records):
    made = Hub(MemoryTail(records), Health(), Metrics(), 0.01, RING)
    await made.start()
    return made


async def acts(records, count, begin=0):
    for number in range(begin, begin + count):
        await records.act(ID, "acknowledge", "ann", f"note {number}")


async def all_after(hub, number):
    told = []
    while number < hub.newest:
        page, number = await hub.after(number, 0.01)
        told += [event.number for event in page]
    return told


@pytest.mark.parametrize("count", [0, 1, RING, RING + 1, 5 * RING, PAGE + 7])
async def test_from_every_number_on_everything_is_told_once_and_in_order(hub, records, count):
    await acts(records, count)
    while await hub.turn():
        pass
    newest = count + 1
    assert hub.newest == newest
    for number in {0, 1, newest // 2, max(0, newest - RING), newest - 1, newest}:
        assert await all_after(hub, number) == list(range(number + 1, newest + 1))


async def test_who_waits_is_told_as_soon_as_something_happens(hub, records):
    waiting = asyncio.create_task(hub.after(hub.newest, 5))
    await asyncio.sleep(0)
    await acts(records, 1)
    await hub.turn()
    page, number = await waiting
    assert [event.number for event in page] == [number] == [2]
    assert await hub.after(number, 0.01) == ((), number)


async def test_records_that_are_away_are_waited_for_and_said(hub, records):
    class Away:
        down = True

        async def after(self, number, limit=500):
            if self.down:
                raise Transient("away")
            return await MemoryTail(records).after(number, limit)

    tail = hub._tail = Away()
    stop = asyncio.Event()
    running = asyncio.create_task(hub.run(stop))
    await asyncio.sleep(0.05)
    assert hub._health.parts == {"records": "away"}
    tail.down = False
    await acts(records, 2)
    async with asyncio.timeout(5):
        while hub.newest < 3:  # noqa: ASYNC110 - it is the poll that is tested
            await asyncio.sleep(0.01)
    assert hub._health.ready
    stop.set()
    await running
    assert [page async for page in hub.follow(0, 0.01)] == []


async def test_a_past_that_cannot_be_read_ends_the_stream(hub):
    class Gone:
        async def after(self, number, limit=500):
            raise CannotContinue("the table is gone")

    hub._tail = Gone()
    assert [page async for page in hub.follow(0, 0.01)] == []


async def test_an_id_of_no_past_is_refused():
    async with web_of() as web, web.client("viewer") as client:
        await web.fire()
        for given, status in (("9", 409), ("x", 422), ("-1", 422)):
            answer = await client.get("/api/v1/alerts/stream", headers={"Last-Event-ID": given})
            assert answer.status_code == status, given
