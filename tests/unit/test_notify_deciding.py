"""What is told, when, and why; what is not, and why not."""

import msgspec

from consumers.records.alerts import Mark
from consumers.records.notices.values import (
    Filters,
    Grouping,
    Matcher,
    Schedule,
    Silence,
    Window,
)
from tests.notify_world import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    Subscriber,
    acknowledged,
    alert,
    over,
    stories,
    subscription,
)

NIGHT = Schedule(quiet=(Window("11:00", "13:00"),))


def raised(one, **more):
    return msgspec.structs.replace(
        one, **{"severity": "critical", "sequence": one.sequence + 1, **more}
    )


def test_the_first_message_waits_for_others_of_its_group():
    sub = Subscriber()
    assert sub.see(alert("topic:rates")) == []
    assert sub.wait(20 * SECOND) == []
    assert sub.see(alert("topic:banks")) == []
    assert sub.wait(10 * SECOND) == [("first_notification", 2)]
    assert sub.wait(HOUR) == []


def test_fifty_topics_at_once_are_one_message():
    sub = Subscriber()
    sub.see(*(alert(f"topic:{n}") for n in range(50)))
    assert sub.wait(MINUTE) == [("first_notification", 50)]
    (message,) = sub.sent
    assert (len(message.items), message.total, message.firing) == (10, 50, 50)


def test_what_is_critical_waits_five_seconds():
    sub = Subscriber()
    sub.see(alert(severity="critical"))
    assert sub.wait(5 * SECOND) == [("first_notification", 1)]


def test_a_message_opens_the_stories_and_says_why_it_came():
    sub = Subscriber()
    sub.see(alert(evidence=stories(2)), alert("topic:banks", evidence=stories(9), peak=99.0))
    sub.wait(MINUTE)
    first, second = sub.sent[0].items
    assert (first.series, len(first.stories), len(second.stories)) == ("topic:banks", 5, 2)
    assert first.stories[0].url == "https://news.test/0"
    assert (first.change, first.ratio, first.observed) == ("first_notification", 4.2, 21)


def test_new_alerts_wait_for_the_interval_of_their_group():
    sub = Subscriber()
    sub.see(alert())
    sub.wait(MINUTE)
    sub.see(alert("topic:banks"))
    assert sub.wait(3 * MINUTE) == []
    assert sub.wait(2 * MINUTE) == [("new_alerts_in_group", 1)]


def test_severity_that_rises_does_not_wait():
    sub, one = Subscriber(), alert()
    sub.see(one)
    sub.wait(MINUTE)
    sub.see(raised(one))
    assert sub.wait(5 * SECOND) == [("severity_raised", 1)]


def test_the_end_is_told_and_what_fires_again_is_reopened():
    sub, one = Subscriber(), alert()
    sub.see(one, alert("topic:banks"))
    sub.wait(10 * MINUTE)
    assert sub.see(over(one)) == [("new_resolved_alerts", 1)]
    sub.wait(10 * MINUTE)
    assert sub.see(over(alert("topic:banks"))) == [("all_alerts_resolved", 1)]
    again = msgspec.structs.replace(one, reopened=1, sequence=3)
    sub.wait(MINUTE)
    sub.see(again)
    assert sub.wait(4 * MINUTE) == [("reopened", 1)]


def test_what_goes_on_is_repeated_until_somebody_has_it():
    sub, one = Subscriber(), alert()
    sub.see(one)
    sub.wait(MINUTE)
    assert sub.wait(9 * HOUR) == [("repeat_interval_elapsed", 1)] * 2
    assert sub.see(acknowledged(one, sub.now)) == [("ack_changed", 1)]
    assert sub.sent[-1].items[0].acknowledged == "ann"
    assert sub.wait(7 * HOUR) == []
    assert sub.withheld() == ["acknowledged"]
    assert sub.wait(2 * HOUR) == [("repeat_interval_elapsed", 1)], "eight hours are over"


def test_an_acknowledgement_ends_where_it_gets_worse():
    sub, one = Subscriber(), alert()
    sub.see(one)
    sub.wait(10 * MINUTE)
    mine = acknowledged(one, sub.now, sub.now + 24 * HOUR)
    sub.see(mine)
    sub.see(msgspec.structs.replace(mine, peak=12.2))
    assert sub.wait(6 * MINUTE) == []
    sub.see(msgspec.structs.replace(mine, peak=12.4))
    assert sub.wait(5 * SECOND) == [("evidence_grew", 1)]
    sub.see(raised(one, peak=13.0))
    assert sub.wait(5 * SECOND) == [("severity_raised", 1)]


def test_quiet_hours_hold_the_resolved_message_too():
    sub, one = Subscriber(subscription(schedule=NIGHT), now=NOON - 2 * HOUR), alert()
    sub.see(one)
    sub.wait(MINUTE)
    sub.now = NOON
    sub.see(over(one), alert("topic:banks"))
    assert sub.wait(59 * MINUTE) == []
    assert sub.withheld() == ["quiet_hours", "quiet_hours"]
    assert sub.wait(MINUTE) == [("new_alerts_in_group", 2)]
    assert {i.change for i in sub.sent[-1].items} == {"new_resolved_alerts", "first_notification"}
    assert sub.sent[-1].held == "quiet_hours"


def test_what_began_and_ended_in_quiet_hours_is_told_as_both():
    sub, one = Subscriber(subscription(schedule=NIGHT)), alert()
    sub.see(one)
    sub.wait(10 * MINUTE)
    sub.see(over(one))
    assert sub.wait(HOUR) == [("first_notification", 1)]
    assert (sub.sent[0].items[0].also, sub.sent[0].items[0].state) == (
        "fired_and_resolved",
        "resolved",
    )


def test_what_is_critical_breaks_through_where_it_may():
    for may in (True, False):
        wants = subscription(schedule=msgspec.structs.replace(NIGHT, break_through=may))
        sub = Subscriber(wants)
        sub.see(alert(severity="critical"), alert("topic:banks"))
        assert sub.wait(5 * SECOND) == ([("first_notification", 1)] if may else [])
        assert sub.wait(2 * HOUR) == [
            ("new_alerts_in_group" if may else "first_notification", 2 - may)
        ]


def silence(sub, hours=1, **more):
    given = {"matchers": (Matcher("topic", ("rates",)),), "author": "ann", "comment": "known"}
    return Silence("x", start=sub.now, end=sub.now + hours * HOUR, **{**given, **more})


def test_a_silence_withholds_and_tells_at_once_when_it_ends():
    sub = Subscriber()
    sub.silences = (silence(sub),)
    sub.see(alert())
    assert sub.wait(HOUR - 1) == []
    assert sub.withheld() == ["silenced"]
    assert sub.wait(1) == [("first_notification", 1)]


def test_what_was_announced_gets_its_end_through_a_silence():
    sub, one = Subscriber(), alert()
    sub.see(one)
    sub.wait(10 * MINUTE)
    sub.silences = (silence(sub, 9),)
    assert sub.wait(5 * HOUR) == []
    assert sub.see(over(one)) == [("all_alerts_resolved", 1)]


def test_an_announced_alert_that_outlives_its_silence_is_told_again_at_once():
    sub, one = Subscriber(), alert()
    sub.see(one)
    sub.wait(MINUTE)
    sub.see(msgspec.structs.replace(one, silenced=Mark("ann", sub.now, "", sub.now + HOUR)))
    assert sub.wait(HOUR) == [("silence_ended", 1)]


def test_what_is_silent_from_beginning_to_end_is_never_told():
    sub, one = Subscriber(), alert()
    sub.silences = (silence(sub),)
    sub.see(one)
    sub.wait(MINUTE)
    sub.see(over(one))
    assert sub.wait(9 * HOUR) == []
    assert sub.state.members == {}


def test_an_umbrella_inhibits_what_stands_beneath_it_and_shows_its_stories():
    above = alert("market", kind="umbrella", evidence=b'{"members": ["topic:a", "topic:b"]}')
    beneath = [alert(f"topic:{n}", inhibited_by=above.id) for n in "ab"]
    sub = Subscriber()
    sub.see(above, *beneath)
    assert sub.wait(MINUTE) == [("first_notification", 1)]
    item = sub.sent[0].items[0]
    assert (item.members, len(item.stories)) == (("topic:a", "topic:b"), 5)
    assert sub.withheld() == ["inhibited"] * 2
    sub.see(over(above))
    sub.wait(10 * MINUTE)
    assert sorted(sub.reasons()[1:]) == ["all_alerts_resolved", "first_notification"]


def test_an_umbrella_that_rises_later_holds_back_the_repeats_of_what_was_told_and_says_so():
    topic = alert("topic:a")
    sub = Subscriber(subscription(grouping=Grouping(repeat_interval=3600)))
    sub.see(topic)
    assert sub.wait(MINUTE) == [("first_notification", 1)]
    above = alert("market", kind="umbrella", evidence=b'{"members": ["topic:a"]}')
    topic = msgspec.structs.replace(topic, inhibited_by=above.id)
    sub.see(above, topic)
    sub.wait(5 * MINUTE)
    assert sub.withheld() == [], "there is nothing to withhold yet"
    sub.wait(3 * HOUR)
    assert [(n.alert, n.due, n.why) for n in sub.notes] == [
        (topic.id, "repeat_interval_elapsed", "inhibited")
    ]
    assert {i.alert for m in sub.sent[1:] for i in m.items} == {above.id}
    sub.see(over(above))
    sub.wait(MINUTE)
    assert "repeat_interval_elapsed" in [i.change for i in sub.sent[-2].items + sub.sent[-1].items]


def test_who_does_not_ask_for_the_umbrella_is_told_of_the_topic():
    above = alert("market", kind="umbrella", evidence=b'{"members": ["topic:a"]}')
    sub = Subscriber(subscription(filters=Filters(kinds=("surge",))))
    sub.see(above, alert("topic:a", inhibited_by=above.id))
    assert sub.wait(MINUTE) == [("first_notification", 1)]


def test_filters_choose_and_say_what_is_still_lacking():
    wants = Filters(
        topics=("rates", "banks"), severity="critical", stories=20, sources=("The Wire",)
    )
    sub = Subscriber(subscription(filters=wants))
    sub.see(alert("topic:oil", severity="critical"))
    one = alert()
    sub.see(one, alert("topic:banks", severity="critical", evidence=stories(3, "Another")))
    assert sub.wait(HOUR) == []
    assert sub.withheld() == ["below_severity", "other_source"]
    assert sub.see(raised(one)) == [("first_notification", 1)]


def test_too_few_stories_and_another_language():
    few = b'{"effect": {"stories": 2}, "stories": [{"language": "zh"}]}'
    for filters, why in (
        (Filters(stories=3), "too_few_stories"),
        (Filters(languages=("en",)), "other_language"),
    ):
        sub = Subscriber(subscription(filters=filters))
        sub.see(alert(evidence=few))
        assert (sub.wait(HOUR), sub.withheld()) == ([], [why])


def test_a_paused_subscription_is_told_what_goes_on_when_it_is_resumed():
    sub, one = Subscriber(subscription(paused=True)), alert()
    sub.see(one, alert("topic:banks"))
    sub.wait(HOUR)
    sub.see(over(one))
    assert sub.sent == []
    assert set(sub.withheld()) == {"paused"}
    assert sub.change(paused=False) == [("first_notification", 1)]


def test_without_a_channel_nothing_is_lost():
    sub = Subscriber(reachable=False)
    sub.see(alert())
    sub.wait(HOUR)
    assert (sub.sent, sub.withheld()) == ([], ["no_channel"])
    sub.reachable = True
    assert sub.wait(MINUTE) == [("first_notification", 1)]
