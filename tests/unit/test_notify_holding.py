"""What is held: caps, floods, digests."""

from consumers.records.notices.values import Digest, Grouping, Schedule, Window
from tests.notify_world import HOUR, MINUTE, NOON, Subscriber, alert, subscription

NIGHT = Schedule(quiet=(Window("11:00", "13:00"),))


def each(count, **more):
    return [alert(f"topic:{n}", onset=NOON // MINUTE + n, **more) for n in range(count)]


APART = Grouping(group_by=("alert",), group_wait=0, group_interval=60)


def test_the_cap_holds_until_the_hour_has_room():
    sub = Subscriber(subscription(cap=3, grouping=APART))
    sub.see(*each(5))
    sub.wait(59 * MINUTE)
    assert len(sub.sent) == 3
    assert sub.withheld() == ["cap", "cap"]
    sub.wait(2 * MINUTE)
    assert len(sub.sent) == 5
    assert sub.sent[-1].held == "cap"


def test_a_flood_becomes_one_summary():
    sub = Subscriber(subscription(grouping=APART))
    sub.see(*each(40))
    assert sub.reasons() == ["first_notification"] * 10 + ["flood_summary"]
    assert (sub.sent[-1].total, sub.lanes[-1]) == (30, "*")
    sub.wait(MINUTE)
    sub.see(*each(45))
    sub.wait(8 * MINUTE)
    assert (len(sub.sent), sub.withheld()) == (11, ["flood"] * 5)
    sub.wait(2 * MINUTE)
    assert sum(m.total for m in sub.sent) == 45


def test_no_limit_where_none_is_wanted():
    sub = Subscriber(subscription(grouping=APART, flood=0))
    sub.see(*each(200))
    assert len(sub.sent) == 200


def test_the_digest_tells_once_what_was_held():
    sub = Subscriber(subscription(digest=Digest("18:00"), schedule=NIGHT))
    sub.see(alert())
    assert sub.wait(5 * HOUR) == []
    sub.see(alert("topic:banks"))
    assert sub.wait(30 * MINUTE) == [("first_notification", 1)]
    assert sub.wait(40 * MINUTE) == [("digest", 1)]
    assert (sub.sent[-1].items[0].series, sub.lanes[-1]) == ("topic:rates", "*")


def test_only_what_is_critical_does_not_wait_for_a_digest_that_is_all():
    sub = Subscriber(subscription(digest=Digest("18:00", only=True)))
    sub.see(alert(), alert("topic:banks", severity="critical"))
    assert sub.wait(HOUR) == [("first_notification", 1)]
    assert sub.wait(24 * HOUR)[0] == ("repeat_interval_elapsed", 1)
    assert [r for r in sub.reasons() if r == "digest"] == ["digest"]


def test_an_empty_digest_comes_only_where_it_is_wanted():
    for empty in (True, False):
        sub = Subscriber(subscription(digest=Digest("18:00", empty=empty)))
        sub.wait(0)
        assert sub.wait(48 * HOUR) == ([("digest", 0)] * 2 if empty else [])
