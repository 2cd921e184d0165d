"""Whatever happens: of what is snoozed nothing is told, and what got worse is told."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.core.matching import is_open
from consumers.records import acting
from consumers.records.alerts import Mark
from consumers.records.notices.values import Digest, Schedule, Window
from tests.notify_world import HOUR, MINUTE, Subscriber, alert, subscription

NAMES = st.sampled_from(["topic:a", "topic:b"])
DEEDS = st.sampled_from(["fire", "over", "rise", "grow", "snooze", "resolve", "wait", "long"])
WANTS = st.builds(
    subscription,
    schedule=st.sampled_from([Schedule(), Schedule(quiet=(Window("12:10", "14:00"),))]),
    digest=st.sampled_from([None, Digest("15:00")]),
    flood=st.just(0),
)


def after(one, deed, now):
    """The alert as the records have it after a deed, None where that does nothing to it."""
    replace = msgspec.structs.replace
    if deed == "fire":
        if one is not None and is_open(one):
            return None
        return (
            alert(ratio=2.0)
            if one is None
            else replace(one, state="firing", resolved=None, reopened=one.reopened + 1)
        )
    if one is None or not is_open(one):
        return None
    if deed in {"snooze", "resolve"}:
        return acting.acted(one, deed, Mark("ann", now, "", None))[0]
    return {
        "over": acting.over(one, now // MINUTE),
        "rise": replace(one, severity="critical"),
        "grow": replace(one, ratio=one.ratio * 1.5),
    }[deed]


def happen(sub, worse, name, deed):
    """One thing happens; ``worse`` holds what got worse, with how many messages there were before."""
    if deed in {"wait", "long"}:
        sub.wait(MINUTE if deed == "wait" else HOUR)
        return
    one = next((a for a in sub.alerts.values() if a.series == name), None)
    now = after(one, deed, sub.now)
    if now is None:
        return
    now = msgspec.structs.replace(now, sequence=now.sequence + 1)
    if one is None:
        now = msgspec.structs.replace(now, id=alert(name).id, series=name)
    elif cause := acting.worse(one, now):
        now = acting.woken(now, cause, 0, sub.now)[0]
        worse[now.id] = len(sub.sent)
    if now.snoozed is not None or not is_open(now):
        worse.pop(now.id, None)
    sub.see(now)


@given(WANTS, st.lists(st.tuples(NAMES, DEEDS), max_size=30))
def test_nothing_is_told_of_what_is_snoozed_and_what_got_worse_is(wants, deeds):
    sub = Subscriber(wants)
    worse: dict[str, int] = {}
    for name, deed in deeds:
        before = len(sub.sent)
        happen(sub, worse, name, deed)
        for message in sub.sent[before:]:
            assert all(sub.alerts[item.alert].snoozed is None for item in message.items)
    sub.wait(30 * HOUR)
    for name, since in worse.items():
        told = [i.change for m in sub.sent[since:] for i in m.items if i.alert == name]
        assert told[:1] in (["worse"], ["reopened"], ["first_notification"])
    for one in sub.alerts.values():
        if one.snoozed is not None and not is_open(one):
            assert one.id not in sub.state.members
