"""Assign, comment, snooze until worse, and what must hold for an act: over the twin, SQLite, PostgreSQL."""

import asyncio

import msgspec
import pytest

from consumers.records.alerts import Alert, Assignment, Mark, Minute, Snooze
from consumers.records.ports import Bound, Filter
from tests.records_world import ID, M0, T0, episode, fired, move

AT4 = msgspec.json.encode({"effect": {"ratio": 4.0}})


async def lines(records):
    return [(line.action, line.actor, line.cause) for line in await records.history(ID)][1:]


async def test_an_alert_is_assigned_handed_on_and_let_go(records, place, lease):
    await records.commit_minute(lease, fired())
    place.clock.at += 60_000
    after = await records.act(ID, "assign", "ann", " yours\0", to="the rates desk")
    assert after == await records.alert(ID)
    assert after.assigned == Assignment("the rates desk", "ann", T0 + 60_000, "yours")
    place.clock.at += 1
    assert await records.act(ID, "assign", "ann", "yours", to="the rates desk") == after
    assert (await records.act(ID, "assign", "bob", "", to="bob")).assigned.to == "bob"
    assert (await records.act(ID, "assign", "bob", "")).assigned is None
    assert (await records.act(ID, "assign", "bob", "")).sequence == 4

    told = [(line.action, msgspec.json.decode(line.evidence)) for line in await records.history(ID)]
    assert told[1:] == [
        ("assign", {"to": "the rates desk"}),
        ("assign", {"to": "bob"}),
        ("assign", {"to": ""}),
    ]
    assert len(await records.unsent()) == 4


async def test_alerts_are_found_by_whom_they_are_assigned_to(records, lease):
    await records.commit_minute(lease, fired())
    names = ('the "rates" desk', "the", "bob\\", "日本", "bob")
    for name in names:
        await records.act(ID, "assign", "ann", "", to=name)
        for other in names:
            found = (await records.alerts(Filter(assigned=other))).alerts
            assert [a.id for a in found] == ([ID] if other == name else [])


async def test_comments_are_added_and_a_repeated_call_adds_none(records, place, lease):
    await records.commit_minute(lease, fired())
    await records.act(ID, "comment", "ann", "who knows more?")
    for _ in range(2):
        place.clock.at += 1000
        await records.act(ID, "comment", "bob", "ask the desk")
    after = await records.act(ID, "comment", "ann", "done")

    assert await lines(records) == [
        ("comment", "ann", "who knows more?"),
        ("comment", "bob", "ask the desk"),
        ("comment", "ann", "done"),
    ]
    assert after.commented == Mark("ann", T0 + 2000, "done")


async def test_what_is_over_is_assigned_and_commented_and_nothing_else(records, lease):
    await records.commit_minute(lease, fired())
    await records.act(ID, "resolve", "ann", "")
    assert (await records.act(ID, "comment", "ann", "a feed fault")).state == "resolved"
    after = await records.act(ID, "assign", "ann", "a report, please", to="bob")
    assert (after.state, after.resolved, after.assigned.to) == ("resolved", M0, "bob")
    assert await records.act(ID, "snooze", "ann", "") == "already resolved"
    assert await records.act("no", "comment", "ann", "x") == "unknown alert"


async def test_a_snooze_ends_when_the_severity_rises(records, place, lease):
    await records.commit_minute(lease, fired(ratio=4.0))
    after = await records.act(ID, "snooze", "ann", "known")
    assert after.snoozed == Snooze("ann", T0, "known", "warning", 4.0)
    place.clock.at += 1000
    assert await records.act(ID, "snooze", "ann", "known") == after
    rose = episode(severity="critical", ratio=4.0)
    await records.commit_minute(
        lease,
        Minute(
            M0 + 1, M0, episodes=(rose,), moves=(move("firing", "firing", severity="critical"),)
        ),
    )

    assert (await records.alert(ID)).snoozed is None
    last = (await records.history(ID))[-1]
    assert (last.action, last.actor, last.minute) == ("worse", "watch", M0 + 1)
    assert last.cause == "snoozed no longer: its severity rose to critical"
    assert [line.sequence for line in await records.history(ID)] == [1, 2, 3, 4]
    assert (await records.alert(ID)).sequence == 4
    assert len(await records.unsent()) == 4


@pytest.mark.parametrize("given", [{"ratio": 4.0}, {"evidence": AT4}])
async def test_a_snooze_ends_when_the_effect_has_doubled_and_not_before(records, lease, given):
    await records.commit_minute(lease, fired(**given))
    await records.act(ID, "snooze", "ann", "")
    for minute, ratio in ((M0 + 1, 7.9), (M0 + 2, 8.0)):
        grown = Minute(
            minute, minute - 1, episodes=(episode(ratio=ratio),), moves=(move("firing", "firing"),)
        )
        await records.commit_minute(lease, grown)
        assert ((await records.alert(ID)).snoozed is None) == (ratio >= 8)

    assert (await lines(records))[-1] == (
        "worse",
        "watch",
        "snoozed no longer: its effect is ×8.0, ×4.0 when it was snoozed",
    )


async def test_a_snooze_outlasts_the_end_and_ends_when_the_alert_is_back(records, lease):
    await records.commit_minute(lease, fired())
    await records.act(ID, "snooze", "ann", "")
    await records.commit_minute(lease, Minute(M0 + 1, M0, moves=(move("firing", "resolved"),)))
    assert (await records.alert(ID)).snoozed is not None
    again = Minute(
        M0 + 2, M0 + 1, episodes=(episode(reopened=1),), moves=(move("resolved", "firing"),)
    )
    await records.commit_minute(lease, again)

    assert (await records.alert(ID)).snoozed is None
    assert (await lines(records))[-1][2] == "snoozed no longer: it was over, and came back"


async def test_an_act_over_what_has_changed_meanwhile_is_not_done(records, lease):
    await records.commit_minute(lease, fired())
    read = await records.alert(ID)

    def still(alert: Alert, now: int) -> bool:
        return (alert, now) == (read, T0)

    bound = Bound(still)
    done = await records.act(ID, "acknowledge", "ann", "", bound=bound)
    assert done.acknowledged is not None
    assert await records.act(ID, "resolve", "bob", "", bound=bound) == "changed meanwhile"
    assert await records.judge(ID, "hit", "", "bob", bound) == "changed meanwhile"
    assert await records.alert(ID) == done
    assert await records.verdicts(ID) == ()


async def test_of_many_who_act_at_once_over_the_same_state_one_does(records, place, lease):
    await records.commit_minute(lease, fired())
    read = await records.alert(ID)
    bound = Bound(lambda alert, _: alert == read)
    async with place.open() as other:
        answers = await asyncio.gather(
            *(
                desk.act(ID, "comment", "ann", f"number {n}", bound=bound)
                for n in range(5)
                for desk in (records, other)
            )
        )
    assert sum(isinstance(answer, Alert) for answer in answers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} == {"changed meanwhile"}
    assert len(await records.history(ID)) == 2


async def test_a_link_is_good_for_one_act(records, place, lease):
    await records.commit_minute(lease, fired())
    bound = Bound(link=("a", T0 + 1000))
    await records.act(ID, "resolve", "ann", "")
    assert await records.act(ID, "acknowledge", "ann", "", bound=bound) == "already resolved"
    assert isinstance(await records.act(ID, "comment", "ann", "x", bound=bound), Alert)
    for comment in ("x", "y"):
        done = await records.act(ID, "comment", "ann", comment, bound=bound)
        assert done == "the link was used before"
    place.clock.at += 2000
    other = Bound(link=("b", T0 + 3000))
    assert isinstance(await records.act(ID, "comment", "ann", "y", bound=other), Alert)
    assert [line[2] for line in await lines(records)] == ["", "x", "y"]
