"""A minute that takes longer to decide than a lease lasts."""

import threading
from dataclasses import dataclass

import pytest

from consumers.records.ports import Lease
from consumers.watch import loop
from consumers.watch.whole import whole_minute
from groundswell.errors import Transient
from tests.watch_loop_world import START, StepClock, World


@dataclass
class Ticking(StepClock):
    """A clock that goes on whenever it is looked at."""

    def now(self) -> float:
        self.seconds += 0.05
        return self.seconds


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(loop, "RENEW_SECONDS", 0.01)
    made = World()
    made.clock = Ticking()
    made.records._wall = made.clock.wall
    return made


@pytest.fixture
def enough(monkeypatch):
    """Let the first minute be decided only when this is set."""
    event = threading.Event()

    def waiting(*arguments):
        assert event.wait(timeout=60)
        return whole_minute(*arguments)

    monkeypatch.setattr(loop, "whole_minute", waiting)
    return event


async def test_the_lease_is_kept_while_a_minute_takes_longer_than_it_lasts(world, enough):
    watching, renew, renewed = world.process("one"), world.records.renew, 0

    async def counted(lease, milliseconds):
        nonlocal renewed
        renewed += 1
        if renewed == 5:
            enough.set()
        return await renew(lease, milliseconds)

    world.records.renew = counted
    world.counts.advance(START + 10)
    await watching.turn()

    assert renewed >= 5
    assert (await world.records.load()).minute is not None
    assert not await world.process("two")._holds()


async def test_what_was_decided_while_the_lease_was_lost_is_not_written(world, enough):
    watching = world.process("one")

    async def lost(lease, milliseconds):
        enough.set()

    async def others(holder, milliseconds):
        return Lease("two", 2, 0)

    world.counts.advance(START + 10)
    assert await watching._holds()
    world.records.renew, world.records.acquire = lost, others
    await watching.turn()
    assert (await world.records.load()).minute is None


async def test_records_that_go_away_meanwhile_are_waited_for(world, enough):
    watching = world.process("one")

    async def away(lease, milliseconds):
        enough.set()
        raise Transient("the records are away, as a test wanted")

    world.counts.advance(START + 10)
    assert await watching._holds()
    world.records.renew = away
    with pytest.raises(Transient):
        await watching.turn()
    assert (await world.records.load()).minute is None
