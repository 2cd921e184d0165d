"""What goes of the queue and of its log with time, over the twin, SQLite and PostgreSQL."""

import asyncio
import random

import pytest
import sqlalchemy as sa

from consumers.adapters.clock import SystemClock
from consumers.records.notices.ports import LogLine, Outcome
from consumers.records.notices.pruning import LOG_KEPT_MS
from tests.notices_world import channel, notices_of, planned, put
from tests.pruning_world import DAY, STEPS, Life
from tests.records_world import T0

SENT = Outcome("sent", "200")


@pytest.fixture
async def notices(place, records):
    async with notices_of(place, records) as opened:
        await opened.put_channel(channel())
        yield opened


async def settled(notices, number, outcome=SENT, **more):
    await put(notices, planned(number, f"lane {number}", **more))
    claims = await notices.claim("w", 10, 60_000, {})
    (claim,) = (one for one in claims if one.message.number == number)
    assert await notices.settle(claim, outcome)
    return claim


async def keys(notices):
    return [d.key for d in await notices.deliveries()]


async def test_what_is_done_goes_after_its_time_and_what_waits_never(notices, place):
    await settled(notices, 1)
    await settled(notices, 2, Outcome("dead", "404"))
    await put(notices, planned(3))
    place.clock.at += DAY
    await settled(notices, 4)
    await put(notices, planned(5, "b"))

    place.clock.at += 1
    assert await notices.prune(None, None) == (0, 0)
    assert await notices.prune(2 * DAY, None) == (0, 0)
    assert await notices.prune(DAY, None) == (2, 0)
    assert await keys(notices) == ["k5", "k4", "k3"]
    place.clock.at += 1000 * DAY
    assert await notices.prune(DAY, None) == (1, 0)
    assert await keys(notices) == ["k5", "k3"]


async def test_a_little_goes_at_once_and_the_oldest_first(notices, place):
    for number in range(1, 5):
        await settled(notices, number)
        place.clock.at += 1
    place.clock.at += DAY
    assert await notices.prune(DAY, None, limit=2) == (2, 0)
    assert await keys(notices) == ["k4", "k3"]
    assert await notices.prune(DAY, None, limit=2) == (1, 0)
    assert await keys(notices) == ["k4"], "the newest stays, however old"


async def test_a_number_is_never_given_again_so_that_a_worker_that_slept_settles_nothing(
    notices, place
):
    slept = await settled(notices, 1)
    place.clock.at += 2 * DAY
    assert await notices.prune(DAY, None) == (0, 0)
    await put(notices, planned(2))
    (fresh,) = await notices.claim("w", 1, 60_000, {})
    assert fresh.number > slept.number
    assert await notices.prune(DAY, None) == (1, 0)
    assert not await notices.settle(slept, SENT)
    assert not await notices.combine(slept, fresh.number, slept.message)
    assert await notices.settle(fresh, SENT)


async def test_a_dead_one_that_is_replayed_is_kept_and_sent(notices, place):
    dead = await settled(notices, 1, Outcome("dead", "404"))
    await settled(notices, 2)
    place.clock.at += 2 * DAY
    assert await notices.replay([dead.number]) == 1
    assert await notices.prune(DAY, None) == (0, 0)
    (claim,) = await notices.claim("w", 10, 60_000, {})
    assert (claim.key, claim.attempts) == (dead.key, 1)
    assert await notices.replay([999]) == 0


async def test_the_log_goes_from_its_beginning_and_never_before_ninety_days(notices, place):
    for number in range(3):
        await put(notices, lines=[LogLine(place.clock.at, "s1", "withheld", f"r{number}")])
        place.clock.at += DAY
    place.clock.at = T0 + LOG_KEPT_MS
    assert await notices.prune(None, DAY) == (0, 0)
    place.clock.at = T0 + LOG_KEPT_MS + 1
    assert await notices.prune(None, LOG_KEPT_MS + DAY) == (0, 0)
    assert await notices.prune(None, DAY) == (0, 1), "though only a day was asked for"
    assert [li.reason for _, li in await notices.log()] == ["r2", "r1"]
    place.clock.at += 1000 * DAY
    assert await notices.prune(None, DAY) == (0, 1)
    assert [li.reason for _, li in await notices.log()] == ["r2"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_queue_that_is_pruned_while_it_lives_loses_nothing(notices, place, seed):
    rng, life = random.Random(seed), Life(notices, place.clock)
    for _ in range(120):
        await life.step(rng.choice(STEPS), rng.choice("ab"))
    await life.drain()
    assert life.pruned
    assert len(set(life.keys.values())) == life.made


async def test_two_that_prune_at_once_do_it_once(place, records, notices):
    for number in range(1, 42):
        await settled(notices, number)
    place.clock.at += 2 * DAY
    async with notices_of(place, records) as other:
        done = await asyncio.gather(
            *(one.prune(DAY, None, limit=15) for one in (notices, other) * 4)
        )
        assert sum(pruned.deliveries for pruned in done) == 40
    assert len(await keys(notices)) == 1


@pytest.mark.parametrize("change", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize(("days", "goes"), [(0, False), (89.9, False), (91, True)])
async def test_the_database_itself_keeps_the_log_for_ninety_days(database, change, days, goes):
    at = SystemClock().wall() - int(days * DAY)
    async with database.open() as records, notices_of(database, records) as notices:
        await put(notices, lines=[LogLine(at, "s1", "withheld", "silenced")])
        statement = sa.text(change.format("notification_log"))
        if goes and change.startswith("DELETE"):
            with notices._engine.begin() as bare:
                bare.execute(statement)
            assert await notices.log() == ()
            return
        with (
            pytest.raises(sa.exc.DBAPIError, match="only ever added to"),
            notices._engine.begin() as bare,
        ):
            bare.execute(statement)
        assert [li.reason for _, li in await notices.log()] == ["silenced"]
