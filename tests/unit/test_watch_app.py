"""The composition root of `watch`: what settings become, and what its metrics show."""

import asyncio

import pytest

from consumers.adapters.http import Health
from consumers.adapters.memory_writer import MemoryWriter
from consumers.watch.app import Measured, plan_of
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.tiers import hash_of
from consumers.watch.loop import Plan
from consumers.watch.metrics import PREFIX, Metrics
from consumers.watch.relay import Relay
from groundswell.errors import InputError, SettingsError
from groundswell.settings import Settings, load
from tests.watch_loop_world import HOURS, LATENESS, QUICK, START, SURGE, World

END = START + (HOURS + 5) * 60 - 1


def measured(world, stop=None):
    metrics = Metrics()
    writer = MemoryWriter(world.log)
    return Measured(
        Plan("one", 1.0, LATENESS, HOURS * 60, QUICK),
        world.counts,
        world.records,
        Relay(world.records, writer, "alerts", metrics.told),
        world.clock,
        Health(),
        metrics=metrics,
        stop=stop or asyncio.Event(),
    )


def value(watching, name, **labels):
    return watching.metrics.registry.get_sample_value(PREFIX + name, labels)


async def test_one_turn_decides_all_there_is_and_the_metrics_say_so():
    world = World()
    watching = measured(world)
    world.counts.advance(START + HOURS * 60)

    await watching.turn()

    assert (await world.records.load()).minute == START + HOURS * 60
    assert value(watching, "lease_held") == 1
    assert value(watching, "decided_minute") == START + HOURS * 60
    assert value(watching, "lag_minutes") == 0
    assert value(watching, "partitions_left_out") == 0
    assert value(watching, "round_seconds_count") == HOURS
    states = sum(value(watching, "series", state=s) for s in ("learning", "normal", "pending"))
    assert states == 2


async def test_what_was_raised_and_relayed_is_counted():
    world = World()
    watching = measured(world)
    world.counts.advance(SURGE)
    await watching.turn()
    world.counts.advance(END)

    await watching.turn()

    told = world.told()
    assert value(watching, "alerts_total", kind="surge") >= 1
    assert value(watching, "relayed_total", state="firing") >= 1
    relayed = [value(watching, "relayed_total", state=s) or 0 for s in STATES]
    assert sum(relayed) == len(told)


STATES = ("learning", "normal", "pending", "firing", "recovering", "resolved")


async def test_a_stop_ends_the_turn_after_the_batch_under_way():
    world, stop = World(), asyncio.Event()
    stop.set()
    watching = measured(world, stop)
    world.counts.advance(END)

    await watching.turn()

    minute = (await world.records.load()).minute
    assert minute is not None
    assert minute < END - 60


def test_the_settings_make_the_plan(tmp_path):
    trusted = tmp_path / "t.yaml"
    trusted.write_text("trusted: [Harbour Wire]\n")
    settings = Settings(
        watch_budget=3.0,
        watch_delta_volume=0.5,
        watch_delta_share=0.1,
        watch_sources=1,
        watch_back_hours=2,
        watch_trusted=trusted,
        watch_events_an_hour=1,
        lateness_seconds=60,
    )

    plan = plan_of(settings, "host-1")

    assert (plan.holder, plan.budget, plan.back, plan.lateness) == ("host-1", 3.0, 120, 60_000)
    assert (plan.parameters.delta_volume, plan.parameters.delta_share) == (0.5, 0.1)
    assert plan.parameters.sources == 1
    assert plan_of(Settings(), "host-1").parameters == Parameters()
    assert hash_of("harbour wire") in plan.tiers.trusted
    assert plan.limits.an_hour == 1
    assert plan.graves.events
    assert plan_of(Settings(watch_holder="me"), "host-1").holder == "me"


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml"):
        plan_of(Settings(watch_events=tmp_path / "none.yaml"), "x")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("WATCH_BUDGET", "0", "watch_budget"),
        ("WATCH_DELTA_SHARE", "-1", "watch_delta_share"),
        ("WATCH_SOURCES", "0", "watch_sources"),
        ("WATCH_BACK_HOURS", "60", "watch_back_hours: must be at most minutes_kept_hours"),
    ],
)
def test_settings_that_cannot_hold_are_named(name, text, said):
    with pytest.raises(SettingsError, match=said):
        load({f"GROUNDSWELL_{name}": text}, {})
