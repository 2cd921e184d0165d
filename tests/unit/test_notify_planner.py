"""From decided minutes to what a receiver gets, over the twin; and who may plan."""

from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from consumers.adapters.http import Health
from consumers.notify.calendars import calendar
from consumers.notify.metrics import Metrics, described
from consumers.notify.planner import LEASE_MS, Planning, delivery_key
from consumers.records.alerts import Episode, Minute, Move, alert_id
from consumers.records.memory import MemoryRecords
from consumers.records.notices.memory import MemoryNotices
from consumers.records.notices.values import Filters, Grouping
from groundswell.errors import InputError
from tests.notices_world import channel, message, subscription
from tests.notify_world import MINUTE, stories
from tests.records_world import M0, Hand


@dataclass
class Clock:
    hand: Hand

    def now(self):
        return self.hand.at / 1000

    def wall(self):
        return self.hand.at


class Scene:
    """Records, a planner, and time."""

    def __init__(self):
        self.hand = Hand()
        self.records = MemoryRecords(self.hand)
        self.notices = MemoryNotices(self.records)
        self.planning = self.planner("one")
        self.last = None

    def planner(self, holder):
        return Planning(self.notices, calendar, Clock(self.hand), Health(), Metrics(), holder)

    async def decide(self, *names, after="firing", before="normal", **more):
        minute = M0 if self.last is None else self.last + 1
        lease = await self.records.acquire("watch", 10**9)
        given = {"onset": M0, "about": "tone", "severity": "warning", "evidence": stories(5)}
        episodes = tuple(
            Episode(alert_id("surge", n, M0), "surge", n, **{**given, **more}) for n in names
        )
        moves = tuple(
            Move(e.series, before, after, "x", e.id, evidence=e.evidence) for e in episodes
        )
        new = episodes if after == "firing" else ()
        await self.records.commit_minute(
            lease, Minute(minute, self.last, episodes=new, moves=moves)
        )
        self.last = minute

    async def wait(self, ms, step=1000):
        end = self.hand.at + ms
        while self.hand.at < end:
            while await self.planning.turn():
                pass
            self.hand.at += step
        await self.planning.turn()

    async def queue(self):
        return [
            (d.channel, d.message.reason, d.message.total)
            for d in reversed(await self.notices.deliveries())
        ]


@pytest.fixture
async def scene():
    made = Scene()
    for name in ("c1", "c2"):
        await made.notices.put_channel(channel(name))
    return made


async def test_fifty_topics_at_once_are_one_message_to_each_channel(scene):
    await scene.notices.put_subscription(subscription(channels=("c1", "c2")))
    await scene.decide(*(f"topic:{n}" for n in range(50)))
    await scene.wait(MINUTE)
    assert await scene.queue() == [
        ("c1", "first_notification", 50),
        ("c2", "first_notification", 50),
    ]
    keys = {d.key for d in await scene.notices.deliveries()}
    assert len(keys) == 2


async def test_every_message_and_everything_withheld_is_in_the_log_with_its_reason(scene):
    await scene.notices.put_subscription(
        subscription(filters=Filters(severity="critical"), grouping=Grouping(group_by=("alert",)))
    )
    await scene.decide("topic:a", "topic:b", severity="critical")
    await scene.decide("topic:c")
    await scene.wait(MINUTE)
    lines = [(li.action, li.reason) for _, li in reversed(await scene.notices.log("s1"))]
    assert sorted(lines) == [
        ("planned", "first_notification"),
        ("planned", "first_notification"),
        ("withheld", "below_severity"),
    ]


async def test_what_happened_while_nobody_planned_is_told_later(scene):
    await scene.notices.put_subscription(subscription())
    await scene.decide("topic:a")
    await scene.decide("topic:a", before="firing", after="resolved")
    scene.hand.at += 5 * 60 * MINUTE
    await scene.wait(MINUTE)
    (row,) = await scene.notices.deliveries()
    assert row.message.items[0].also == "fired_and_resolved"
    assert len(row.message.items[0].stories) == 5


async def test_one_plans_and_another_takes_over_without_telling_twice(scene):
    await scene.notices.put_subscription(subscription())
    other = scene.planner("two")
    await scene.decide("topic:a")
    assert await scene.planning.turn() == 1
    assert await other.turn() == 0
    scene.hand.at += LEASE_MS
    assert await other.turn() == 0, "what was planned is not planned again"
    scene.planning = other
    await scene.wait(MINUTE)
    assert len(await scene.queue()) == 1
    await other.release()
    assert await scene.planner("three").turn() == 0


async def test_a_plan_that_is_refused_is_made_again(scene):
    await scene.notices.put_subscription(subscription())
    await scene.decide("topic:a")

    class Busy(MemoryNotices):
        async def commit_plan(self, _lease, _plan):
            return False

    scene.notices.__class__ = Busy
    assert await scene.planning.turn() == 0
    scene.notices.__class__ = MemoryNotices
    await scene.wait(MINUTE)
    assert len(await scene.queue()) == 1


async def test_a_subscription_made_later_is_told_what_moves_from_then_on(scene):
    await scene.decide("topic:a")
    await scene.wait(MINUTE)
    await scene.notices.put_subscription(subscription())
    await scene.wait(MINUTE)
    assert await scene.queue() == []
    await scene.decide("topic:a", severity="critical", before="firing")
    await scene.wait(MINUTE)
    assert await scene.queue() == [("c1", "first_notification", 1)]


def test_a_key_belongs_to_a_receiver_a_group_and_a_message():
    one = message()
    keys = {
        delivery_key("c1", "a", one),
        delivery_key("c2", "a", one),
        delivery_key("c1", "b", one),
        delivery_key("c1", "a", msgspec.structs.replace(one, number=2)),
    }
    assert len(keys) == 4
    assert delivery_key("c1", "a", one) == delivery_key("c1", "a", message())


def test_exchanges_are_closed_on_weekends_and_holidays():
    closed = calendar("XNYS")
    assert closed(date(2026, 12, 25))
    assert closed(date(2026, 12, 26))
    assert not closed(date(2026, 12, 28))
    assert calendar("XSHG")(date(2026, 10, 1))
    assert not calendar("")(date(2026, 12, 25))
    with pytest.raises(InputError, match="XETR"):
        calendar("NOWHERE")


def test_every_metric_has_a_sentence():
    assert all(name.startswith("groundswell_notify_") and text for name, _, text in described())
