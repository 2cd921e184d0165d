"""Notices for tests: where they live, and what is put into them."""

from contextlib import asynccontextmanager

from consumers.records.notices.database import open_notices
from consumers.records.notices.memory import MemoryNotices
from consumers.records.notices.ports import Plan, Planned
from consumers.records.notices.values import Channel, ChannelKind, Message, Subscription
from tests.records_world import World

SENT = {"webhook": ((3, 1000),)}


@asynccontextmanager
async def notices_of(place: World, records):
    """The notices beside records of a place."""
    if place.kind == "twin":
        yield MemoryNotices(records)
        return
    notices = await open_notices(place.url())
    notices._wall = place.clock
    try:
        yield notices
    finally:
        await notices.close()


def channel(id_: str = "c1", kind: ChannelKind = "webhook", **more) -> Channel:
    given = {"owner": "ann", "name": id_, "shown": "https://a.test/…", "sealed": b"\0sealed"}
    return Channel(id_, kind=kind, **{**given, **more})


def subscription(id_: str = "s1", **more) -> Subscription:
    return Subscription(**{"id": id_, "owner": "ann", "name": id_, "channels": ("c1",), **more})


def message(number: int = 1, **more) -> Message:
    given = {
        "subscription": "s1",
        "name": "rates",
        "group": '{"kind":"surge"}',
        "reason": "first_notification",
        "at": 0,
        "items": (),
        "total": 0,
        "firing": 0,
        "resolved": 0,
        "number": number,
    }
    return Message(**{**given, **more})


def planned(number: int, lane: str = "a", channel: str = "c1", **more) -> Planned:
    return Planned(f"k{number}", channel, "s1", lane, message(number, **more))


async def put(notices, *new: Planned, rows=(), lines=(), states=None):
    """Commit a plan as whoever holds the lease."""
    lease = await notices.acquire("planner", 1000)
    work = await notices.work()
    plan = Plan(work.turn, tuple(rows), states or {}, new, tuple(lines))
    assert await notices.commit_plan(lease, plan)
