"""
Fifty topics hit in one minute, through the real planner: one message, and a reason for whatever is withheld.

Over the twin, SQLite and PostgreSQL. Minutes are decided as `watch` writes them; the clock is set by hand.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from consumers.adapters.http import Health
from consumers.notify.calendars import calendar
from consumers.notify.metrics import Metrics
from consumers.notify.planner import Planning
from consumers.records.alerts import Episode, Minute, Move, alert_id
from consumers.records.notices.values import (
    Digest,
    Filters,
    Grouping,
    Matcher,
    Schedule,
    Silence,
    Window,
)
from tests.notices_world import channel, notices_of, subscription
from tests.notify_world import HOUR, MINUTE, stories
from tests.records_world import M0, T0
from tests.web_world import HandClock

FIFTY = [f"topic:{n}" for n in range(50)]
UMBRELLA = alert_id("umbrella", "market", M0)
EVIDENCE = {**msgspec.json.decode(stories(3)), "members": FIFTY}


def surge(series: str, **more: Any) -> Episode:
    id_, given = alert_id("surge", series, M0), {"evidence": stories(5), **more}
    return Episode(id_, "surge", series, M0, "tone", "warning", **given)


@dataclass
class Scene:
    """Records, the planner, and time."""

    place: Any
    records: Any
    notices: Any
    planning: Planning
    last: int | None = None

    async def decide(self, *episodes: Episode, before="normal", after="firing") -> None:
        """Write one decided minute in which all of ``episodes`` move."""
        lease = await self.records.acquire("watch", 10**9)
        minute = M0 if self.last is None else self.last + 1
        moves = tuple(
            Move(e.series, before, after, "x", e.id, evidence=e.evidence) for e in episodes
        )
        new = episodes if before == "normal" else ()
        await self.records.commit_minute(
            lease, Minute(minute, self.last, episodes=new, moves=moves)
        )
        self.last = minute

    async def wait(self, ms: int, step: int = 10_000) -> None:
        end = self.place.clock.at + ms
        while self.place.clock.at < end:
            while await self.planning.turn():
                pass
            self.place.clock.at += step
        await self.planning.turn()

    async def messages(self, name="s1"):
        return [
            d.message
            for d in reversed(await self.notices.deliveries(limit=1000))
            if d.subscription == name
        ]

    async def withheld(self, name="s1"):
        lines = [li for _, li in await self.notices.log(name, 1000) if li.action == "withheld"]
        return sorted((li.reason, li.alert) for li in lines)


@pytest.fixture
async def scene(place, records):
    async with notices_of(place, records) as notices:
        for name in ("c1", "c2"):
            await notices.put_channel(channel(name))
        clock = HandClock(place.clock)
        planning = Planning(notices, calendar, clock, Health(), Metrics(), "one")
        yield Scene(place, records, notices, planning)


def each(reason: str, names=FIFTY):
    return sorted((reason, alert_id("surge", name, M0)) for name in names)


async def test_one_message_tells_of_all_fifty_and_one_of_their_end(scene):
    await scene.notices.put_subscription(subscription(channels=("c1", "c2")))
    await scene.decide(*map(surge, FIFTY))
    await scene.wait(10 * MINUTE)
    queued = await scene.notices.deliveries()
    assert sorted(d.channel for d in queued) == ["c1", "c2"]
    for message in await scene.messages():
        assert (message.reason, message.total, message.firing) == ("first_notification", 50, 50)
        assert len(message.items) == 10
        assert all(len(item.stories) >= 3 for item in message.items)
    (line,) = {li.detail for _, li in await scene.notices.log("s1") if li.action == "planned"}
    assert line.endswith(", 40 more"), "the log names those that are shown"
    assert len(line.split(", ")) == 11

    await scene.decide(*map(surge, FIFTY), before="firing", after="resolved")
    await scene.wait(10 * MINUTE)
    ends = (await scene.messages())[2:]
    assert [(m.reason, m.total, m.resolved) for m in ends] == [("all_alerts_resolved", 50, 50)] * 2
    assert await scene.withheld() == []


NIGHT = Schedule(quiet=(Window("00:00", "00:00"),))
WISHES = [
    ({"filters": Filters(severity="critical")}, "below_severity"),
    ({"filters": Filters(stories=1000)}, "too_few_stories"),
    ({"filters": Filters(sources=("Another",))}, "other_source"),
    ({"schedule": NIGHT}, "quiet_hours"),
    ({"digest": Digest("08:30", only=True)}, "waiting_for_digest"),
    ({"paused": True}, "paused"),
]


@pytest.mark.parametrize(("wishes", "why"), WISHES, ids=[why for _, why in WISHES])
async def test_each_that_is_withheld_has_its_reason_in_the_log_once(scene, wishes, why):
    await scene.notices.put_subscription(subscription(**wishes))
    await scene.decide(*map(surge, FIFTY))
    await scene.wait(5 * MINUTE)
    await scene.decide(*(surge(name) for name in FIFTY[:5]), before="firing", after="recovering")
    await scene.wait(5 * MINUTE)
    assert await scene.messages() == []
    assert await scene.withheld() == each(why)


async def test_a_silence_and_a_channel_that_is_off_are_reasons_too(scene):
    await scene.notices.put_channel(channel("c3"))
    await scene.notices.put_subscription(subscription())
    await scene.notices.put_subscription(subscription("s2", channels=("c3",)))
    await scene.notices.disable_channel("c3", "gone")
    half = Matcher("series", tuple(FIFTY[:25]))
    await scene.notices.put_silence(Silence("x", (half,), T0, T0 + 12 * HOUR, "ann", "known"))
    await scene.decide(*map(surge, FIFTY))
    await scene.wait(5 * MINUTE)
    (message,) = await scene.messages()
    assert (message.total, message.firing) == (25, 25)
    assert await scene.withheld() == each("silenced", FIFTY[:25])
    told = {why for why, _ in await scene.withheld("s2")}
    assert told == {"silenced", "no_channel"}
    assert len(await scene.withheld("s2")) == 50


async def test_each_by_itself_is_capped_or_becomes_a_summary_and_each_held_one_is_named(scene):
    alone = Grouping(group_by=("alert",), group_wait=0)
    await scene.notices.put_subscription(subscription(grouping=alone, cap=8, flood=0))
    await scene.notices.put_subscription(subscription("s2", grouping=alone, flood=10))
    await scene.decide(*map(surge, FIFTY))
    await scene.wait(5 * MINUTE)
    sent = {item.alert for m in await scene.messages() for item in m.items}
    assert len(sent) == len(await scene.messages()) == 8
    held = [name for name in FIFTY if alert_id("surge", name, M0) not in sent]
    assert await scene.withheld() == each("cap", held)
    flood = await scene.messages("s2")
    assert [m.reason for m in flood].count("flood_summary") == 1
    assert sum(m.total for m in flood) == 50, "nobody is left out"
    assert len(flood) == 11, "ten by themselves, and one for the rest"


async def test_an_umbrella_over_them_is_the_one_message_and_they_are_inhibited(scene):
    await scene.notices.put_subscription(subscription())
    await scene.notices.put_subscription(subscription("s2", filters=Filters(topics=("7", "8"))))
    only_surges = Filters(kinds=("surge",))
    await scene.notices.put_subscription(subscription("s3", filters=only_surges))
    above = Episode(
        UMBRELLA, "umbrella", "market", M0, "both", "critical",
        evidence=msgspec.json.encode(EVIDENCE),
    )  # fmt: skip
    beneath = [surge(name, inhibited_by=UMBRELLA) for name in FIFTY]
    await scene.decide(above, *beneath)
    await scene.wait(10 * MINUTE)
    for name, topics in (("s1", FIFTY), ("s2", FIFTY[7:9])):
        (message,) = await scene.messages(name)
        (item,) = message.items
        assert (message.reason, item.alert) == ("first_notification", UMBRELLA)
        assert len(item.members) == 10, "as many as are shown"
        assert await scene.withheld(name) == each("inhibited", topics)
    (message,) = await scene.messages("s3")
    assert (message.total, await scene.withheld("s3")) == (50, []), "who is not told of it is not"

    await scene.decide(above, before="firing", after="resolved")
    await scene.wait(10 * MINUTE)
    over, then = (await scene.messages())[1:]
    assert {over.reason, then.reason} == {"all_alerts_resolved", "first_notification"}
    assert {over.total, then.total} == {1, 50}, "what goes on without it is told, together"
