"""Snoozed until worse: what is withheld, why, and what ends it."""

import msgspec

from consumers.notify.core.preview import preview
from consumers.notify.core.schedule import never_closed
from consumers.records import acting
from consumers.records.alerts import Alert, Mark, Transition
from consumers.records.notices.values import Digest, Schedule, Window
from tests.notify_world import HOUR, MINUTE, NOON, Subscriber, alert, over, subscription


def done(one: Alert, action, at=NOON) -> Alert:
    after = acting.acted(one, action, Mark("ann", at, "", None))
    assert not isinstance(after, str)
    return after[0]


def changed(one: Alert, **more) -> Alert:
    """The alert as the records leave it when it changes: without a snooze where it got worse."""
    after = msgspec.structs.replace(one, sequence=one.sequence + 1, **more)
    cause = acting.worse(one, after)
    return acting.woken(after, cause, 0, 0)[0] if cause else after


def snoozed(sub: Subscriber) -> Alert:
    """An alert that was told, and that somebody snoozed then."""
    sub.see(alert(ratio=4.0))
    sub.wait(MINUTE)
    one = done(alert(ratio=4.0), "snooze")
    sub.see(one)
    return one


def test_a_snoozed_alert_is_not_repeated_and_the_log_says_why():
    sub = Subscriber()
    snoozed(sub)
    assert sub.wait(20 * HOUR) == []
    assert sub.withheld() == ["snoozed"]


def test_its_end_is_withheld_and_its_return_is_told():
    sub = Subscriber()
    one = snoozed(sub)
    sub.wait(5 * HOUR)
    ended = msgspec.structs.replace(over(one), snoozed=one.snoozed)
    assert sub.see(ended) == []
    assert sub.wait(HOUR) == []
    assert sub.state.members == {}
    back = changed(ended, state="firing", resolved=None, reopened=1)
    assert back.snoozed is None
    sub.see(back)
    assert sub.wait(5 * MINUTE) == [("reopened", 1)]


def test_it_is_told_again_as_worse_when_its_severity_rises():
    sub = Subscriber()
    one = snoozed(sub)
    sub.wait(HOUR)
    sub.see(changed(one, severity="critical"))
    assert sub.wait(5000) == [("worse", 1)]
    assert sub.sent[-1].items[0].severity == "critical"


def test_it_is_told_again_as_worse_when_its_effect_has_doubled_and_not_before():
    sub = Subscriber()
    one = snoozed(sub)
    sub.wait(HOUR)
    more = changed(one, ratio=7.9)
    sub.see(more)
    assert sub.wait(HOUR) == []
    sub.see(changed(more, ratio=8.0))
    assert sub.wait(5000) == [("worse", 1)]


def test_what_was_snoozed_before_anybody_was_told_is_told_when_it_is_worse():
    sub, one = Subscriber(), done(alert(ratio=4.0), "snooze")
    sub.see(one)
    assert sub.wait(HOUR) == []
    sub.see(changed(one, ratio=9.0))
    assert sub.wait(5000) == [("worse", 1)]


def test_what_got_worse_over_quiet_hours_is_told_after_them():
    sub = Subscriber(subscription(schedule=Schedule(quiet=(Window("13:00", "15:00"),))))
    one = snoozed(sub)
    sub.wait(2 * HOUR)
    sub.see(changed(one, ratio=9.0))
    assert sub.wait(30 * MINUTE) == []
    assert sub.wait(30 * MINUTE) == [("worse", 1)]


def test_a_silence_that_ended_over_quiet_hours_is_told_after_them():
    sub = Subscriber(subscription(schedule=Schedule(quiet=(Window("13:00", "15:00"),))))
    sub.see(alert())
    sub.wait(MINUTE)
    silent = Mark("ann", sub.now, "", NOON + 2 * HOUR)
    sub.see(msgspec.structs.replace(alert(), silenced=silent))
    sub.wait(3 * HOUR)
    assert sub.reasons() == ["first_notification", "silence_ended"]


def test_what_waits_for_the_digest_is_left_out_of_it():
    sub = Subscriber(subscription(digest=Digest("15:00", only=True)))
    sub.see(alert())
    sub.see(done(alert(), "snooze"))
    assert sub.wait(5 * HOUR) == []
    assert sub.withheld() == ["waiting_for_digest", "snoozed"]


def test_a_preview_knows_what_was_snoozed_and_that_a_comment_ends_nothing():
    one, minute = alert(), NOON // MINUTE

    def line(number, after, at, **more):
        fields = {"before": "firing", "severity": "warning", "evidence": b"{}", "action": "move"}
        return Transition(
            number, one.id, one.series, number, at, at * MINUTE, after=after,
            cause="", actor="ann", **{**fields, **more},
        )  # fmt: skip

    lines = [
        line(1, "firing", minute, before="normal"),
        line(2, "firing", minute + 10, action="snooze"),
        line(3, "firing", minute + 600, severity="critical"),
        line(4, "firing", minute + 600, action="worse", severity="critical"),
        line(5, "firing", minute + 605, action="snooze", severity="critical"),
        line(6, "resolved", minute + 700, severity="critical"),
        line(7, "resolved", minute + 800, action="comment", severity="critical"),
    ]
    shown = preview(subscription(), [(li, one) for li in lines], (), never_closed, NOON + 20 * HOUR)
    assert [message.reason for message in shown.messages] == ["first_notification", "worse"]
    assert {note.why for _, note in shown.withheld} == {"snoozed"}
