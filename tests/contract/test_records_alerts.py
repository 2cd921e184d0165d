"""What people and programs read and do of alerts, over the twin, SQLite and PostgreSQL."""

import pytest

from consumers.records.alerts import Mark, Minute, Verdict, alert_id
from consumers.records.ports import Committed, Filter, Span
from groundswell.errors import Rejected
from tests.records_world import ID, M0, SERIES, T0, episode, fired, move


async def test_alerts_come_in_pages_the_newest_first(records, lease):
    names = [alert_id("surge", SERIES, M0, str(n)) for n in range(7)]
    for step, some in enumerate((names[:3], names[3:6], names[6:])):
        minute = Minute(
            M0 + step,
            M0 + step - 1 if step else None,
            episodes=tuple(episode(name) for name in some),
            moves=tuple(move("normal", "firing", name) for name in some),
        )
        await records.commit_minute(lease, minute)

    seen, place = [], None
    while True:
        page = await records.alerts(Filter(), 2, place)
        seen += [(a.opened, a.id) for a in page.alerts]
        place = page.next
        if place is None:
            break

    assert seen == sorted(seen, reverse=True)
    assert sorted(name for _, name in seen) == sorted(names)
    for bad in ("", "x", "1", "1.", "-1.a", "9999999999999.a"):
        with pytest.raises(Rejected):
            await records.alerts(Filter(), 2, bad)


async def test_alerts_are_filtered(records, lease):
    other = alert_id("event", "topic:b", M0)
    told = episode(other, kind="event", series="topic:b", severity="critical")
    await records.commit_minute(lease, fired())
    moves = (move("normal", "firing", other, series="topic:b"), move("firing", "recovering"))
    await records.commit_minute(lease, Minute(M0 + 1, M0, episodes=(told,), moves=moves))
    await records.act(ID, "acknowledge", "ann", "")
    await records.judge(other, "void", "a test", "ann")

    async def found(**which):
        return {a.id for a in (await records.alerts(Filter(**which))).alerts}

    assert await found() == {ID, other}
    assert await found(states=("recovering",)) == {ID}
    assert await found(kinds=("event", "no_data")) == {other}
    assert await found(series=(SERIES,)) == {ID}
    assert await found(severities=("critical",)) == {other}
    assert await found(since=M0 + 1) == {other}
    assert await found(until=M0 + 1) == {ID}
    assert await found(judged=True) == await found(acknowledged=False) == {other}
    assert await found(judged=False) == await found(acknowledged=True) == {ID}
    assert await found(kinds=("event",), series=(SERIES,)) == set()


async def test_an_alert_is_found_by_the_beginning_of_its_id(records, lease):
    await records.commit_minute(lease, fired())
    longer = f"{ID}0"
    told, moved = episode(longer), move("normal", "firing", longer)
    assert (await records.alert(ID[:6])).id == ID
    await records.commit_minute(lease, Minute(M0 + 1, M0, episodes=(told,), moves=(moved,)))

    assert (await records.alert(ID)).id == ID
    assert (await records.alert(longer)).id == longer
    for unknown in ("", "%", ID[:6], ID[1:], "nothing"):
        assert await records.alert(unknown) is None
    assert [a.id for a in await records.beginning(ID)] == [ID, longer]
    assert [a.id for a in await records.beginning(ID[:6], 1)] == [ID]
    assert await records.beginning("") == await records.beginning("%") == ()
    assert await records.history("nothing") == ()


async def test_a_person_acknowledges_and_silences(records, place, lease):
    await records.commit_minute(lease, fired())
    place.clock.at += 60_000
    await records.act(ID, "silence", "ann", "known", T0 + 999_000)
    after = await records.act(ID, "acknowledge", "bob", " I\0 look \ud800")

    assert after == await records.alert(ID)
    assert after.acknowledged == Mark("bob", T0 + 60_000, "I look ?")
    assert after.silenced == Mark("ann", T0 + 60_000, "known", T0 + 999_000)
    last = (await records.history(ID))[-1]
    assert (last.action, last.actor, last.cause) == ("acknowledge", "bob", "I look ?")
    assert (last.before, last.after, last.sequence) == ("firing", "firing", 3)

    rose = Minute(
        M0 + 1,
        M0,
        episodes=(episode(severity="critical"),),
        moves=(move("firing", "firing", severity="critical"),),
    )
    await records.commit_minute(lease, rose)
    assert (await records.alert(ID)).acknowledged is None


async def test_what_a_person_repeats_is_told_once(records, place, lease):
    await records.commit_minute(lease, fired())
    once = await records.act(ID, "acknowledge", "ann", "seen")
    place.clock.at += 60_000
    assert await records.act(ID, "acknowledge", "ann", "seen") == once
    assert await records.act(ID, "acknowledge", "bob", "seen") != once
    for _ in range(2):
        await records.act(ID, "silence", "ann", "", T0 + 999_000)

    told = [(line.action, line.actor) for line in (await records.history(ID))[1:]]
    assert told == [("acknowledge", "ann"), ("acknowledge", "bob"), ("silence", "ann")]
    assert len(await records.unsent()) == 4


async def test_what_is_over_is_silenced_until_a_time_only(records, lease):
    await records.commit_minute(lease, fired())
    await records.act(ID, "resolve", "ann", "")

    assert await records.act(ID, "silence", "ann", "") == "already resolved"
    after = await records.act(ID, "silence", "ann", "", T0 + 999_000)
    assert after.silenced == Mark("ann", T0, "", T0 + 999_000)


async def test_what_a_person_resolved_stays_so_until_it_fires_again(records, lease):
    await records.commit_minute(lease, fired())
    after = await records.act(ID, "resolve", "ann", "a feed fault")
    assert (after.state, after.resolved, after.closed) == ("resolved", M0, True)
    assert await records.act(ID, "resolve", "bob", "") == "already resolved"
    assert await records.act(ID, "acknowledge", "bob", "") == "already resolved"
    assert await records.act("no", "resolve", "bob", "") == "unknown alert"

    falling = Minute(M0 + 1, M0, moves=(move("firing", "recovering"),))
    assert await records.commit_minute(lease, falling) == Committed((ID,))
    assert [line.action for line in await records.history(ID)] == ["move", "resolve"]
    assert [a.id for a in (await records.load()).closed] == [ID]

    again = (move("resolved", "firing"),)
    noticed = Minute(M0 + 2, M0 + 1, episodes=(episode(reopened=1),), moves=again, noticed=(ID,))
    assert await records.commit_minute(lease, noticed) == Committed(())
    assert (await records.alert(ID)).state == "firing"


async def test_minutes_and_their_budgets_are_kept(records, place, lease):
    for minute, after, budget in (
        (M0, None, 0.5),
        (M0 + 60, M0, 0.5),
        (M0 + 61, M0 + 60, None),
        (M0 + 70, M0 + 61, 0.5),
        (M0 + 71, M0 + 70, 2.0),
        (M0 + 80, M0 + 71, 2.0),
    ):
        await records.commit_minute(lease, Minute(minute, after, budget=budget))
    await records.commit_minute(lease, Minute(M0 + 80, M0 + 71, budget=2.0))

    assert await records.spans() == (
        Span(M0, M0 + 61, 0.5),
        Span(M0 + 62, M0 + 71, 0.5),
        Span(M0 + 71, M0 + 81, 2.0),
    )
    place.clock.at += 5
    assert await records.now() == T0 + 5


async def test_a_verdict_of_the_rule_gives_way_to_a_persons(records, place, lease):
    await records.commit_minute(lease, fired())
    rule = Verdict(ID, "hit", "it lasted")
    await records.commit_minute(lease, Minute(M0 + 1, M0, verdicts=(rule, rule)))
    assert (await records.alert(ID)).verdict == rule

    place.clock.at += 7
    after = await records.judge(ID, "miss", "an old story", "ann")
    place.clock.at += 1
    assert await records.judge(ID, "miss", "an old story", "ann") == after
    await records.commit_minute(
        lease, Minute(M0 + 2, M0 + 1, verdicts=(Verdict(ID, "void", "syndicated"),))
    )

    assert after.verdict == Verdict(ID, "miss", "an old story", "ann")
    assert (await records.alert(ID)).verdict == after.verdict
    said = [(v.judgement, v.actor, v.at - T0) for v in await records.verdicts(ID)]
    assert said == [("hit", "watch", 0), ("miss", "ann", 7), ("void", "watch", 8)]
    assert await records.judge("no", "hit", "", "ann") == "unknown alert"
