"""Whatever happens, and whenever it is looked at: nothing is told twice, nothing is left out."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.core.matching import is_open
from consumers.notify.core.preview import preview
from consumers.notify.core.schedule import never_closed
from consumers.notify.core.state import decoded, encoded
from consumers.records.alerts import Transition
from consumers.records.notices.values import Digest, Grouping, Schedule, Window
from tests.notify_world import HOUR, MINUTE, NOON, Subscriber, acknowledged, alert, subscription

NAMES = st.sampled_from(["topic:a", "topic:b", "topic:c", "entity:d"])
DEEDS = st.sampled_from(["fire", "resolve", "rise", "acknowledge", "wait", "long"])
WANTS = st.builds(
    subscription,
    grouping=st.builds(
        Grouping, group_by=st.sampled_from([("kind",), ("series",), ("alert",), ()])
    ),
    schedule=st.sampled_from([Schedule(), Schedule(quiet=(Window("12:10", "14:00"),))]),
    digest=st.sampled_from([None, Digest("15:00"), Digest("15:00", only=True)]),
    cap=st.sampled_from([0, 2]),
    flood=st.sampled_from([0, 1, 10]),
)


def happen(sub, name, deed):
    """One thing happens; the alert as records would have it after."""
    if deed in {"wait", "long"}:
        sub.wait(MINUTE if deed == "wait" else HOUR)
        return
    known = next((a for a in sub.alerts.values() if a.series == name), None)
    if deed == "fire" and (known is None or not is_open(known)):
        now = (
            alert(name)
            if known is None
            else msgspec.structs.replace(
                known, state="firing", reopened=known.reopened + 1, resolved=None
            )
        )
    elif known is None or not is_open(known):
        return
    elif deed == "resolve":
        now = msgspec.structs.replace(known, state="resolved", resolved=1, acknowledged=None)
    elif deed == "rise":
        now = msgspec.structs.replace(known, severity="critical", acknowledged=None)
    elif deed == "acknowledge":
        now = acknowledged(known, sub.now)
    else:
        return
    sub.see(msgspec.structs.replace(now, sequence=now.sequence + 1))


@given(WANTS, st.lists(st.tuples(NAMES, DEEDS), max_size=30))
def test_in_the_end_everything_is_told_and_nothing_twice(wants, deeds):
    sub = Subscriber(wants)
    for name, deed in deeds:
        happen(sub, name, deed)
        before = len(sub.sent)
        sub.wait(0)
        assert len(sub.sent) == before, "asked again at the same moment, there is nothing to say"
    sub.wait(30 * HOUR)
    told: dict[str, tuple[int, str, str, str]] = {}
    for message in sub.sent:
        for item in message.items:
            change = item.sequence, item.state, item.severity, item.acknowledged
            if item.change != "repeat_interval_elapsed" and message.reason != "digest":
                assert told.get(item.alert) != change
            told[item.alert] = change
    for one in sub.alerts.values():
        if is_open(one):
            assert told[one.id][1:3] == ("firing", one.severity)
        else:
            assert one.id not in told or told[one.id][1] == "resolved"
    assert [m.number for m in sub.sent] == list(range(1, len(sub.sent) + 1))
    assert len({(n.alert, n.why) for n in sub.notes}) <= len(sub.notes)
    assert decoded(encoded(sub.state)) == sub.state


@given(WANTS, st.lists(st.tuples(NAMES, DEEDS), max_size=20))
def test_no_more_messages_than_the_limits_allow(wants, deeds):
    sub = Subscriber(wants)
    for name, deed in deeds:
        happen(sub, name, deed)
    sub.wait(8 * HOUR)
    single = [m.at for m in sub.sent if m.reason not in {"flood_summary", "digest"}]
    for at in single:
        lately = sum(at - 10 * MINUTE < other <= at for other in single)
        assert not wants.flood or lately <= wants.flood


def line(number, after, minute, **more):
    fields = {"before": "normal", "severity": "warning", "evidence": b"{}", "action": "move"}
    one = alert()
    return Transition(
        number, one.id, one.series, number, minute, minute * MINUTE, after=after,
        cause="", actor="watch", **{**fields, **more},
    )  # fmt: skip


def test_a_preview_says_what_would_have_been_sent_and_why():
    m, one = NOON // MINUTE, alert()
    lines = [
        line(1, "firing", m),
        line(2, "firing", m + 10, before="firing", severity="critical"),
        line(
            3, "firing", m + 20, before="firing", action="acknowledge", evidence=b'{"until": null}'
        ),
        line(4, "resolved", m + 700, before="firing"),
    ]
    shown = preview(subscription(), [(li, one) for li in lines], (), never_closed, NOON + 20 * HOUR)
    assert [message.reason for message in shown.messages] == [
        "first_notification",
        "severity_raised",
        "ack_changed",
        "repeat_interval_elapsed",
        "all_alerts_resolved",
    ]
    assert [note.why for _, note in shown.withheld] == ["acknowledged"]
