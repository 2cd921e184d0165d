"""An effect that doubles while `watch` decides: told in the history, and the end of a snooze."""

import itertools

import msgspec
import pytest

from consumers.records import acting
from consumers.records.ports import Filter
from consumers.watch.core import states
from consumers.watch.core.evidence import Seen
from tests.watch_loop_world import QUICK, SURGE, World, cells


@pytest.fixture
def world():
    made = cells()
    for minute in range(SURGE + 30, SURGE + 60):  # what surges grows ninefold half-way
        made[minute]["topic:rates"] = Seen(27, 28, sources=(1, 2), bundles=(7,))
    return World(made)


async def fired(world):
    watching = world.process("one")
    await world.until(SURGE + 29, watching)
    (alert,) = (await world.records.alerts(Filter(kinds=("surge",), states=("firing",)))).alerts
    return watching, alert


async def test_a_doubled_effect_is_told_with_its_evidence_and_ends_the_snooze(world):
    watching, alert = await fired(world)
    assert alert.ratio == acting.ratio_in(alert.evidence) > 1
    snoozed = await world.records.act(alert.id, "snooze", "ann", "known")
    await world.until(SURGE + 60, watching)

    history = await world.records.history(alert.id)
    doubled = [line for line in history if line.cause == "its effect has doubled"]
    ratios = [alert.ratio, *(acting.ratio_in(line.evidence) for line in doubled)]
    assert len(doubled) >= 1
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(ratios))
    assert all(line.before == line.after == "firing" for line in doubled)
    assert all(msgspec.json.decode(line.evidence)["stories"] for line in doubled)
    now = await world.records.alert(alert.id)
    assert (now.ratio, now.evidence, now.snoozed) == (ratios[-1], alert.evidence, None)
    woken = next(line for line in history if line.action == "worse")
    # Whichever came first ended it: that it got critical, or this.
    assert woken.sequence > snoozed.sequence
    assert woken.minute <= doubled[0].minute


async def test_a_watch_that_starts_anew_tells_no_effect_twice(world):
    await fired(world)
    other = world.process("two")
    world.clock.seconds += 60
    await world.until(SURGE + 60, other)
    twin = World(world.counts.cells)
    await twin.until(SURGE + 60, twin.process("one"))

    def told(records):
        return [(line.cause, line.minute) for line in records._history.values() if line.alert]

    assert told(world.records) == told(twin.records)
    assert "its effect has doubled" in dict(told(twin.records))


def test_what_watch_tells_ends_a_snooze():
    assert states.DOUBLING == acting.DOUBLING


def test_what_an_older_release_left_knows_no_effect_and_the_first_is_not_told():
    kept = msgspec.msgpack.encode([SURGE, SURGE, "tone", "warning", 12.0, -1, 0])
    spell = msgspec.msgpack.decode(kept, type=states.Episode)
    before = states.Machine("firing", SURGE, spell)
    signal = states.Signal(
        log_evidence=12.0,
        fire=True,
        pending=True,
        low=False,
        unusual=1.0,
        learnt=True,
        critical=False,
        gate="",
        onset=SURGE,
        about="tone",
        ratio=5.0,
    )
    after = states.move(before, SURGE + 1, signal, QUICK)
    assert (spell.ratio, after.episode and after.episode.ratio) == (0.0, 5.0)
    assert states.transitions(before, after, SURGE + 1, signal) == []
