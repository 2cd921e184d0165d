"""The other kinds of alert through the loop: events, silences, umbrellas, a new bundle, verdicts."""

import json
import random

import msgspec
import pytest

from consumers.records.ports import Filter
from consumers.watch.core.baseline import Shadow
from consumers.watch.core.events import Limits
from consumers.watch.core.evidence import Seen
from consumers.watch.core.tiers import hash_of, tiers_of
from consumers.watch.keeping import restored
from consumers.watch.lists import grave_events
from consumers.watch.ports import Story
from tests.watch_loop_world import HOURS, QUICK, START, SURGE, World, cells
from tests.watch_world import poisson

WIRE = hash_of("wire")
LEARNT = START + HOURS * 60


def steady(hours, names, *, seed=5, share=lambda _: 0.2, hit=lambda _: False, out=range(0), **more):
    """Make minutes of series that speak once a minute; what is ``hit`` has many negative stories."""
    rng = random.Random(seed)
    made = {}
    for minute in range(START, START + hours * 60):
        held = {}
        for name in names:
            n = poisson(rng, 1.0)
            k = sum(rng.random() < share(minute) for _ in range(n))
            if hit(minute):
                k, n = k + 3, n + 3
            if n and not (name in more.get("silent", ()) and minute in out):
                bundle = 8 if minute >= more.get("switch", START * 2) else 7
                held[name] = Seen(k, n, sources=(WIRE, 2), bundles=(bundle,))
        made[minute] = held
    return made


async def ran(world, end, steps=7, **changes):
    for name, value in changes.items():
        setattr(world, name, value)
    watching = world.process("a")
    await world.until(LEARNT - 1, watching)
    for minute in range(LEARNT - 1 + steps, end, steps):
        await world.until(minute, watching)
    await world.until(end, watching)
    return (await world.records.alerts(Filter(), limit=1000)).alerts


def grave(story, minute, title="Acme files for bankruptcy", **changes):
    base = Story(story, title, "wire", "https://x.test/2", minute * 60_000, 0.97, minute=minute)
    return msgspec.structs.replace(base, **changes)


def eventful(steps=7):
    world = World(
        tiers=tiers_of(["wire"]), graves=grave_events(), limits=Limits(an_hour=2, lasting=90)
    )
    made = steady(HOURS + 5, ("all", "topic:credit"))
    at = LEARNT + 20
    for minute in range(at, at + 40):
        made[minute] = {
            name: Seen(1, 1, sources=(WIRE,), bundles=(7,)) for name in ("all", "topic:credit")
        }
    world.counts.cells = made
    old = grave("old", START + 60)
    one = grave("one", at, sources=3)
    world.counts.news = {
        "all": [
            old,
            one,
            grave("two", at + 3),
            grave("three", at + 4),
            grave("blog", at, source="b"),
        ],
        "topic:credit": [one, grave("one", at + 30)],
    }
    return world, at


async def test_a_grave_item_is_told_at_once_once_and_within_the_cap():
    world, at = eventful()

    alerts = [a for a in await ran(world, at + 150) if a.kind == "event"]
    told = [json.loads(value) for value in world.told()]
    first = alerts[1]
    history = await world.records.history(first.id)

    assert [(a.series, a.onset) for a in alerts] == [("all", at + 3), ("topic:credit", at)]
    assert first.about == "default"
    assert first.severity == "critical"
    assert json.loads(first.evidence)["stories"][0]["url"] == "https://x.test/2"
    assert json.loads(first.evidence)["by"] == "files for bankruptcy"
    assert [(line.after, line.minute) for line in history] == [
        ("firing", at),
        ("resolved", at + 90),
    ]
    assert [m["after"] for m in told if m["alert"] == first.id] == ["firing", "resolved"]
    second = await world.records.history(alerts[0].id)
    assert json.loads(second[-1].evidence)["held_back"] == 1
    assert [a.verdict.judgement for a in alerts] == ["void", "hit"]


async def test_events_do_not_depend_on_how_the_minutes_come():
    one, other = eventful()[0], eventful()[0]

    first, second = await ran(one, LEARNT + 200, steps=1), await ran(other, LEARNT + 200, steps=50)

    assert [(a.id, a.evidence, a.verdict) for a in first] == [
        (a.id, a.evidence, a.verdict) for a in second
    ]


SILENT = ("all", "topic:rates", "topic:credit")


async def test_a_silent_feed_is_told_teaches_nothing_and_raises_no_surge_when_it_returns():
    hours = 60
    stop = START + 54 * 60 + 20
    out = range(stop, stop + 150)
    made = steady(hours, SILENT, out=out, silent=("topic:rates",))
    back = sum(s.negative for m in out for n, s in steady(hours, ("topic:rates",))[m].items())
    made[stop + 150]["topic:rates"] = Seen(1, 2, back, 150, (WIRE, 2), (), (7,))
    whole, cut = World(steady(hours, SILENT)), World(made)

    usual = await ran(whole, START + hours * 60 - 1, steps=60)
    alerts = await ran(cut, START + hours * 60 - 1, steps=60)
    states = [restored((await w.records.load()).states, QUICK) for w in (whole, cut)]
    before, after = (s.detectors.baselines["topic:rates"] for s in states)

    assert usual == ()
    [alert] = alerts
    assert (alert.kind, alert.series, alert.state) == ("no_data", "topic:rates", "resolved")
    assert 15 <= alert.opened - stop < 60
    assert alert.onset == pytest.approx(stop, abs=5)
    assert alert.verdict.judgement == "hit"
    assert json.loads(alert.evidence)["weight"] >= json.loads(alert.evidence)["limit"]
    assert before.periods - 3 <= after.periods <= before.periods - 2
    assert after.count / after.weight == pytest.approx(before.count / before.weight, rel=0.05)


class Named:
    """The name of one of the sources is known."""

    async def sources(self):
        return {WIRE: "wire"}


async def test_where_nothing_at_all_is_read_one_alert_stands_over_the_others():
    stop = START + 54 * 60 + 5
    names = (*SILENT, "entity:acme")
    made = steady(58, names, out=range(stop, stop + 200), silent=names)
    world = World(made)
    world.sources = Named()

    alerts = {a.series: a for a in await ran(world, stop + 180, steps=10)}
    state = restored((await world.records.load()).states, QUICK).detectors
    learnt = {name: state.baselines[name].periods for name in names}

    assert set(alerts) == {*SILENT, "source:wire", "source:00000002"}
    over = alerts["all"]
    assert over.severity == "critical"
    assert over.inhibited_by == ""
    assert {a.inhibited_by for a in alerts.values() if a is not over} == {over.id}
    assert over.opened < START + 55 * 60
    assert set(learnt.values()) == {54}
    assert all(json.loads(a.evidence)["hours_learnt"] >= 48 for a in alerts.values())


class Compared:
    """A new bundle was compared with the old one before it spoke."""

    async def shadows(self):
        return {8: Shadow(4000, 800, 1800)}


@pytest.mark.parametrize("compared", [True, False])
async def test_a_gloomier_bundle_raises_nothing_once_it_is_compared(compared):
    at = LEARNT + 60
    made = steady(HOURS + 6, ("topic:rates",), share=lambda m: 0.45 if m >= at else 0.2, switch=at)
    world = World(made)
    if compared:
        world.shadows = Compared()

    alerts = await ran(world, LEARNT + 300, steps=10)

    assert [a.kind for a in alerts] == ([] if compared else ["surge"])


async def test_an_umbrella_stands_over_the_alerts_of_its_series():
    names = tuple(f"topic:{n}" for n in range(6))
    hit = range(LEARNT + 60, LEARNT + 130)
    world = World(steady(HOURS + 8, names, hit=lambda m: m in hit))
    world.counts.news = {
        name: [Story(f"{name} {n}", "Bad", "wire", f"https://x.test/{n}", 0, 0.9, minute=hit.start)]
        for n, name in enumerate(names)
    }

    alerts = await ran(world, LEARNT + 470, steps=10)
    umbrella = [a for a in alerts if a.kind == "umbrella"]
    surges = [a for a in alerts if a.kind == "surge"]
    [over] = umbrella
    history = [await world.records.history(a.id) for a in surges]

    assert over.opened in hit
    assert over.state == "resolved"
    assert over.verdict.judgement == "hit"
    told = {story["story"] for story in json.loads(over.evidence)["stories"]}
    assert len(told) == 5
    assert told < {f"{name} {n}" for n, name in enumerate(names)}
    assert {a.series for a in surges} == set(names)
    assert all(over.id in message for message in _inhibitions(world, surges))
    assert all(lines[-1].after == "resolved" for lines in history)


def _inhibitions(world, surges):
    """Return, per surge, every alert that it was ever told to be inhibited by."""
    told = [json.loads(value) for value in world.told()]
    return [{m["inhibited_by"] for m in told if m["alert"] == a.id} for a in surges]


@pytest.mark.parametrize(
    ("length", "titles", "judgement"),
    [
        (120, ("Rates rise", "Bonds slump badly", "Lender warns of losses"), "hit"),
        (1, ("Rates rise", "Bonds slump badly", "Lender warns of losses"), "miss"),
        (120, ("Rates rise again", "Rates rise again!", "UPDATE Rates rise again"), "void"),
    ],
)
async def test_a_surge_is_judged_when_it_is_over(length, titles, judgement):
    made = cells(length=length, hours=HOURS + 8)
    if length < 10:
        for minute in range(SURGE, SURGE + length):
            made[minute]["topic:rates"] = Seen(15, 15, sources=(1, 2), bundles=(7,))
    world = World(made)
    world.counts.news = {
        "topic:rates": [
            grave(f"s{n}", SURGE + n, title, sources=2) for n, title in enumerate(titles)
        ]
    }

    alerts = await ran(world, SURGE + 400, steps=20)

    [alert] = [a for a in alerts if a.series == "topic:rates"]
    assert alert.state == "resolved"
    assert alert.verdict.judgement == judgement
    assert alert.verdict.actor == "watch"


async def test_the_word_of_a_person_outranks_the_rule():
    world = World(cells(hours=HOURS + 8))
    watching = world.process("a")
    await world.until(SURGE + 20, watching)
    [alert] = (await world.records.load()).open
    await world.records.judge(alert.id, "miss", "known before", "mia")
    for minute in range(SURGE + 30, SURGE + 300, 30):
        await world.until(minute, watching)

    judged = await world.records.alert(alert.id)
    assert judged.verdict.actor == "mia"  # type: ignore[union-attr]
    assert [v.actor for v in await world.records.verdicts(alert.id)] == ["mia", "watch"]
