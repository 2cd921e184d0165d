"""Planner, queue and desk of notification, over the twin, SQLite and PostgreSQL."""

import asyncio

import pytest

from consumers.records.alerts import Minute
from consumers.records.notices.ports import LogLine, Outcome, Plan
from consumers.records.notices.values import Matcher, Silence
from tests.notices_world import SENT, channel, message, notices_of, planned, put, subscription
from tests.records_world import ID, M0, T0, fired, move

DONE = Outcome("sent", "200")


@pytest.fixture
async def notices(place, records):
    async with notices_of(place, records) as opened:
        await opened.put_channel(channel())
        yield opened


async def claim(notices, limit=10, **pace):
    return await notices.claim("w", limit, 60_000, pace)


def numbers(claims):
    return [one.message.number for one in claims]


async def test_every_transition_is_planned_once(notices, records, lease):
    assert await notices.put_subscription(subscription()) == 1
    await records.commit_minute(lease, fired())
    work = await notices.work()
    assert [(r.alert, r.after) for r in work.rows] == [(ID, "firing")]
    assert (work.alerts[ID].state, work.now) == ("firing", T0)
    assert [(s.subscription.id, s.state, s.reachable) for s in work.standings] == [
        ("s1", b"", ("c1",))
    ]

    numbered = [row.number for row in work.rows]
    await put(notices, planned(1), rows=numbered, states={"s1": (b"kept", T0 + 5)})

    work = await notices.work()
    assert (work.rows, work.standings, work.turn) == ((), (), 1)
    assert numbers(await claim(notices)) == [1]


async def test_a_subscription_is_due_at_its_time_and_when_it_changes(notices, place):
    await notices.put_subscription(subscription())
    await put(notices, states={"s1": (b"kept", T0 + 5)})
    assert (await notices.work()).standings == ()
    place.clock.at += 5
    assert [s.state for s in (await notices.work()).standings] == [b"kept"]
    await put(notices, states={"s1": (b"kept", None)})
    assert (await notices.work()).standings == ()
    for change in (
        notices.put_subscription(subscription(cap=3)),
        notices.disable_channel("c1", "gone"),
        notices.put_silence(Silence("x", (Matcher("kind", ("surge",)),), 0, 1, "ann", "")),
    ):
        await change
        assert len((await notices.work()).standings) == 1
        await put(notices, states={"s1": (b"kept", None)})


async def test_a_plan_of_another_turn_or_life_writes_nothing(notices, place):
    lease = await notices.acquire("planner", 1000)
    stale = Plan(0, (), {}, (planned(1),), ())
    await put(notices)
    assert not await notices.commit_plan(lease, stale)
    lease = await notices.acquire("planner", 1000)
    assert (await notices.acquire("two", 1000)).holder == "planner"
    place.clock.at += 1000
    other = await notices.acquire("two", 1000)
    assert (other.holder, await notices.renew(lease, 1000)) == ("two", None)
    assert not await notices.commit_plan(lease, Plan(1, (), {}, (planned(1),), ()))
    assert await notices.waiting() == (0, None)
    await notices.release(lease)
    assert (await notices.renew(other, 500)).expires == place.clock.at + 500
    await notices.release(other)
    assert (await notices.acquire("three", 1)).holder == "three"


async def test_what_belongs_together_is_found_together(notices, records, lease):
    above = fired(name="umbrella-1", kind="umbrella", series="market")
    child = fired(M0 + 1, M0, name="child-1", series="topic:a", inhibited_by="umbrella-1")
    for minute, name in ((above, "umbrella-1"), (child, "child-1")):
        moves = (move("normal", "firing", name),)
        await records.commit_minute(
            lease, Minute(minute.minute, minute.after, episodes=minute.episodes, moves=moves)
        )
    for asked in (["umbrella-1"], ["child-1"]):
        assert set(await notices.alerts_of(asked)) == {"umbrella-1", "child-1"}
    assert len(await notices.told_since(T0)) == 2
    assert await notices.told_since(T0 + 1) == ()


async def test_one_lane_is_delivered_in_order_and_lanes_side_by_side(notices):
    await put(notices, planned(1), planned(2), planned(3, "b"), planned(4, "b"))
    first = await claim(notices)
    assert numbers(first) == [1, 3]
    assert await claim(notices) == ()
    assert await notices.settle(first[1], DONE)
    assert numbers(await claim(notices)) == [4]
    assert await notices.settle(first[0], DONE)
    assert numbers(await claim(notices)) == [2]


async def test_a_barrier_waits_for_all_and_all_wait_for_it(notices):
    await put(notices, planned(1), planned(2, "b"), planned(3, "*"), planned(4, "c"))
    one, two = await claim(notices)
    await notices.settle(one, DONE)
    assert await claim(notices) == ()
    await notices.settle(two, DONE)
    (barrier,) = await claim(notices)
    assert (barrier.message.number, await claim(notices)) == (3, ())
    await notices.settle(barrier, DONE)
    assert numbers(await claim(notices)) == [4]


async def test_a_failure_is_tried_again_later_with_the_same_key(notices, place):
    await put(notices, planned(1), planned(2))
    (first,) = await claim(notices)
    assert await notices.settle(first, Outcome("waiting", "503", place.clock.at + 5000))
    assert await claim(notices) == (), "what comes after in the lane waits too"
    place.clock.at += 5000
    (again,) = await claim(notices)
    assert (again.key, again.attempts, again.fence) == (first.key, 2, 2)
    assert [m.number for _, m in again.behind] == [2]


async def test_a_worker_that_slept_through_its_lease_writes_nothing(notices, place):
    await put(notices, planned(1))
    (slow,) = await claim(notices)
    place.clock.at += 60_000
    (quick,) = await claim(notices)
    assert (quick.number, quick.key) == (slow.number, slow.key)
    assert not await notices.settle(slow, Outcome("dead", "late"))
    assert await notices.settle(quick, DONE)
    assert not await notices.settle(quick, DONE)
    assert (await notices.deliveries())[0].stage == "sent"


async def test_many_workers_claim_each_row_once(notices, place, records):
    await put(notices, *(planned(n, f"lane {n}") for n in range(30)))
    claims = await asyncio.gather(*(claim(notices, 4) for _ in range(12)))
    taken = [one.number for some in claims for one in some]
    assert len(taken) == len(set(taken))
    assert len(taken) >= 4


async def test_a_channel_is_called_no_faster_than_its_pace(notices, place):
    await put(notices, *(planned(n, f"lane {n}") for n in range(8)))
    assert len(await claim(notices, **SENT)) == 3
    place.clock.at += 999
    assert await claim(notices, **SENT) == ()
    place.clock.at += 1
    assert len(await claim(notices, **SENT)) == 3


async def test_a_channel_that_refuses_takes_nothing_until_it_may(notices, place):
    await notices.put_channel(channel("c2"))
    await put(notices, planned(1), planned(2, "b"), planned(3, channel="c2"))
    one, two, three = await claim(notices)
    until = place.clock.at + 7000
    await notices.settle(one, Outcome("waiting", "429", place.clock.at, blocked_until=until))
    await notices.settle(two, Outcome("waiting", "slow", place.clock.at))
    assert await claim(notices) == ()
    place.clock.at = until
    assert numbers(await claim(notices)) == [1, 2]
    await notices.settle(three, Outcome("dead", "410", disable="gone"))
    assert [(c.id, c.disabled) for c in await notices.channels()] == [("c1", ""), ("c2", "gone")]
    await put(notices, planned(4, channel="c2"))
    assert await claim(notices) == ()
    assert await notices.disable_channel("c2", "")
    assert numbers(await claim(notices)) == [4]


async def test_what_follows_from_a_failure_is_queued_with_it(notices):
    await notices.put_channel(channel("c2"))
    await put(notices, planned(1))
    (one,) = await claim(notices)
    notice = planned(9, "notice", "c2", reason="receiver_failed")
    await notices.settle(one, Outcome("dead", "404", notices=(notice,)))
    assert numbers(await claim(notices)) == [9]


async def test_stale_ones_are_combined_into_the_last(notices, place):
    await put(notices, planned(1), planned(2), planned(3), planned(4, "*"), planned(5))
    (one,) = await claim(notices)
    assert one.behind == ()
    await notices.settle(one, Outcome("waiting", "500", place.clock.at))
    (one,) = await claim(notices)
    assert [m.number for _, m in one.behind] == [2, 3], "as far as the barrier"

    into = one.behind[-1][0]
    assert await notices.combine(one, into, message(99))
    assert not await notices.combine(one, into, message(99))
    assert not await notices.settle(one, DONE)

    (last,) = await claim(notices)
    assert (last.key, last.message.number) == ("k3", 99)
    stages = [d.stage for d in reversed(await notices.deliveries())]
    assert stages == ["combined", "combined", "waiting", "waiting", "waiting"]


async def test_dead_ones_are_replayed_with_their_keys(notices):
    await put(notices, planned(1))
    (one,) = await claim(notices)
    await notices.settle(one, Outcome("dead", "404"))
    (dead,) = await notices.deliveries("dead", "c1")
    assert (dead.said, await notices.waiting()) == ("404", (0, None))
    assert await notices.replay([dead.number]) == 1
    assert await notices.replay([dead.number]) == 0
    (again,) = await claim(notices)
    assert (again.key, again.attempts) == ("k1", 1)


async def test_the_log_says_what_became_of_everything(notices):
    line = LogLine(T0, "s1", "withheld", "silenced", alert="x")
    await put(notices, planned(1), lines=[line, LogLine(T0, "s2", "withheld", "cap")])
    (one,) = await claim(notices)
    await notices.settle(one, Outcome("waiting", "500", 0))
    (one,) = await claim(notices)
    await notices.settle(one, DONE)
    found = await notices.log("s1")
    assert [(li.action, li.reason) for _, li in reversed(found)] == [
        ("planned", "first_notification"),
        ("withheld", "silenced"),
        ("retry", "first_notification"),
        ("sent", "first_notification"),
    ]
    assert found[0][1].detail == "try 2: 200"
    assert len(await notices.log()) == 5
    assert [n for n, _ in await notices.log(limit=1, before=found[0][0])] == [found[0][0] - 1]


async def test_a_key_that_is_known_is_not_queued_again(notices):
    await notices.enqueue([planned(1), planned(1)])
    await notices.enqueue([planned(1), planned(2, "b")])
    assert [d.key for d in await notices.deliveries()] == ["k2", "k1"]


async def test_what_became_visible_late_is_planned_all_the_same(notices, records, lease, place):
    await records.commit_minute(lease, fired())
    await records.act(ID, "acknowledge", "ann", "")
    first, second = (row.number for row in (await notices.work()).rows)
    await put(notices, rows=[second])
    assert [row.number for row in (await notices.work()).rows] == [first]
    await put(notices, rows=[first])
    place.clock.at += 3 * 3_600_000
    await put(notices)
    await records.act(ID, "resolve", "ann", "")
    assert [row.action for row in (await notices.work()).rows] == ["resolve"]
