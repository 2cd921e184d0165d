"""Lease, decided minutes and outbox, over the twin, SQLite and PostgreSQL."""

import asyncio

import msgspec
import pytest

from consumers.records.alerts import Minute, Verdict, alert_id, fingerprint
from consumers.records.ports import Committed, Filter, Lease, Refused
from groundswell.errors import Bug
from tests.records_world import ID, M0, SERIES, T0, episode, fired, move


def test_an_id_says_kind_series_and_onset():
    assert f"{fingerprint('surge', SERIES)}-{M0}" == ID
    assert len({alert_id(k, s, M0, x) for k in ("surge", "event") for s in "ab" for x in "cd"}) == 8


async def test_one_holds_the_lease_and_the_epoch_grows(records, place):
    one = await records.acquire("one", 1000)
    assert one == Lease("one", 1, T0 + 1000)
    assert await records.acquire("two", 1000) == one

    place.clock.at += 1000

    assert await records.acquire("two", 500) == Lease("two", 2, T0 + 1500)
    assert await records.renew(one, 1000) is None


async def test_the_same_holder_again_is_another_life(records):
    first = await records.acquire("one", 1000)
    again = await records.acquire("one", 1000)

    assert again.epoch == first.epoch + 1
    assert await records.renew(first, 1000) is None


async def test_a_lease_is_renewed_also_after_it_expired_untaken(records, place, lease):
    place.clock.at += 5000

    assert await records.renew(lease, 1000) == Lease("one", 1, T0 + 6000)


async def test_a_lease_let_go_is_free_at_once(records, lease):
    await records.release(lease)
    await records.release(lease)

    assert (await records.acquire("two", 1000)).epoch == 2
    await records.release(lease)
    assert (await records.acquire("three", 1000)).holder == "two"


async def test_nothing_is_decided_at_first(records):
    assert await records.load() == (None, {}, (), ())


async def test_a_minute_is_written_whole(records, place, lease):
    minute = msgspec.structs.replace(fired(), states={"series:a": b"\0\xff", "pool": b"p"})

    assert await records.commit_minute(lease, minute) == Committed(())

    async with place.open() as other:
        loaded = await other.load()
    assert loaded.minute == M0
    assert loaded.states == {"series:a": b"\0\xff", "pool": b"p"}
    assert [(a.id, a.state, a.opened, a.sequence) for a in loaded.open] == [(ID, "firing", M0, 1)]
    (line,) = await records.history(ID)
    assert (line.before, line.after, line.cause) == ("normal", "firing", "normal to firing")
    assert (line.actor, line.minute, line.at, line.severity) == ("watch", M0, T0, "warning")


async def test_states_are_replaced_and_removed(records, lease):
    await records.commit_minute(lease, Minute(M0, None, {"a": b"1", "b": b"1", "c": b"1"}))
    await records.commit_minute(lease, Minute(M0 + 1, M0, {"a": b"2", "b": b""}))

    assert (await records.load()).states == {"a": b"2", "c": b"1"}


async def test_a_lost_lease_writes_nothing(records, place, lease):
    place.clock.at += 1000
    await records.acquire("two", 1000)

    refused = await records.commit_minute(lease, fired())

    assert refused == Refused("not the holder", 2, None)
    assert await records.load() == (None, {}, (), ())
    assert await records.unsent() == ()


async def test_a_lease_that_was_let_go_writes_nothing(records, lease):
    await records.release(lease)

    assert isinstance(await records.commit_minute(lease, fired()), Refused)


@pytest.mark.parametrize(
    ("minute", "after"), [(M0, None), (M0 + 2, M0 + 1), (M0, M0), (M0 - 1, M0)]
)
async def test_only_the_next_minute_is_written(records, lease, minute, after):
    await records.commit_minute(lease, Minute(M0, None))
    again = await records.acquire("one", 1000)

    refused = await records.commit_minute(again, fired(minute, after))

    assert refused == Refused("not the next minute", 2, M0)
    assert (await records.alerts(Filter())).alerts == ()


async def test_a_minute_that_had_landed_is_not_written_again(records, lease):
    await records.commit_minute(lease, fired())

    assert await records.commit_minute(lease, fired()) == Committed(())
    assert len(await records.history(ID)) == 1


async def test_minutes_may_be_left_out_by_name(records, lease):
    await records.commit_minute(lease, Minute(M0, None))

    assert await records.commit_minute(lease, Minute(M0 + 500, M0)) == Committed(())


async def test_of_two_holders_at_once_one_writes(records, place, lease):
    async with place.open() as other:
        taken = await other.acquire("one", 1000)
        answers = await asyncio.gather(
            *(records.commit_minute(held, fired()) for held in (lease, taken) for _ in range(5))
        )

    assert sum(isinstance(a, Committed) for a in answers) == 5
    assert len(await records.history(ID)) == 1


async def test_an_alert_goes_through_its_states(records, lease):
    await records.commit_minute(lease, fired())
    critical = Minute(
        M0 + 1,
        M0,
        episodes=(episode(severity="critical", peak=9.5, evidence=b'{"n": 3}'),),
        moves=(move("firing", "firing", severity="critical", evidence=b'{"why": "\xc3\xa9"}'),),
    )
    await records.commit_minute(lease, critical)
    over = (move("firing", "recovering"), move("recovering", "resolved"))
    await records.commit_minute(lease, Minute(M0 + 2, M0 + 1, moves=over))

    alert = await records.alert(ID)
    assert (alert.state, alert.resolved, alert.changed) == ("resolved", M0 + 2, M0 + 2)
    assert (alert.severity, alert.peak, alert.evidence) == ("critical", 9.5, b'{"n": 3}')
    lines = await records.history(ID)
    assert [line.sequence for line in lines] == [1, 2, 3, 4]
    assert lines[1].evidence == b'{"why": "\xc3\xa9"}'
    assert [line.severity for line in lines] == ["warning", "critical", "critical", "critical"]

    again = Minute(
        M0 + 3, M0 + 2, episodes=(episode(reopened=1),), moves=(move("resolved", "firing"),)
    )
    await records.commit_minute(lease, again)
    alert = await records.alert(ID)
    assert (alert.state, alert.resolved, alert.reopened) == ("firing", None, 1)
    assert (alert.severity, alert.opened) == ("critical", M0)


async def test_a_series_moves_without_an_alert(records, lease):
    pending = move("normal", "pending", alert="", tell=False)
    learnt = move("learning", "normal", alert="")
    await records.commit_minute(lease, Minute(M0, None, moves=(pending, learnt)))

    (row,) = await records.unsent()
    assert (row.transition.after, row.transition.alert, row.alert) == ("normal", "", None)
    assert row.transition.sequence == 0


@pytest.mark.parametrize(
    "minute",
    [
        Minute(M0, None, {"a": b"1"}, episodes=(episode(),)),
        Minute(M0, None, {"a": b"1"}, moves=(move("normal", "firing"),)),
        Minute(M0, None, {"a": b"1"}, verdicts=(Verdict(ID, "hit", "because"),)),
    ],
    ids=["no move", "no episode", "no alert"],
)
async def test_half_an_alert_is_a_bug_and_leaves_nothing(records, lease, minute):
    with pytest.raises(Bug):
        await records.commit_minute(lease, minute)

    assert (await records.load()).minute is None


async def test_the_outbox_is_in_order_until_it_is_sent(records, lease):
    await records.commit_minute(lease, fired())
    await records.act(ID, "acknowledge", "ann", "seen")
    await records.commit_minute(lease, Minute(M0 + 1, M0, moves=(move("firing", "recovering"),)))

    rows = await records.unsent()
    assert [r.transition.sequence for r in rows] == [1, 2, 3]
    assert [r.alert.state for r in rows] == ["recovering"] * 3
    assert [r.number for r in await records.unsent(2)] == [r.number for r in rows[:2]]

    for _ in range(2):
        await records.sent([rows[1].number, rows[0].number])
    await records.sent([])
    assert [r.number for r in await records.unsent()] == [rows[2].number]
