"""
Deciders killed at random instants, and one that sleeps through its lease: each transition once.

A hundred kills take a minute or two (`make soak`); five of them run with the other tests.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from consumers.records.engine import engine_of, reading
from consumers.records.rows import transition_of
from consumers.records.schema import upgrade
from consumers.records.tables import history
from groundswell.errors import Transient
from tests.records_decider import FIRST, SERIES, decided
from tests.records_world import database_of


def start(url, holder, pause=0.0):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.records_decider", url, holder, str(pause)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    first = process.stdout.readline()
    assert first, "the decider ended by itself"
    return process, int(first)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


async def compare(world):
    """Everything that stands in the records is what the minutes up to the last one say, once."""
    async with world.open() as records:
        loaded = await records.load()
        with reading(database_of(records)) as connection:
            lines = connection.execute(sa.select(history).order_by(history.c.number)).all()
        rows = await records.unsent(1_000_000)
    told = [(t.minute, t.alert, t.before, t.after, t.cause) for t in map(transition_of, lines)]
    expected = [
        (minute, move.alert, move.before, move.after, move.cause)
        for minute in range(FIRST, loaded.minute + 1)
        for move in decided(minute).moves
    ]
    assert told == expected
    assert [row.transition.cause for row in rows] == [cause for *_, cause in expected]
    assert loaded.states == {f"series:{n}": b"%d" % loaded.minute for n in range(SERIES)}
    return loaded.minute


def made(world):
    engine = engine_of(world.url())
    upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize(
    "kills", [5, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
async def test_a_decider_killed_at_random_loses_and_doubles_nothing(database, kills):
    made(database)
    rng, last = random.Random(kills), 0
    for _ in range(kills):
        process, first = start(database.url(), "one")
        await asyncio.sleep(rng.uniform(0, 0.15))
        kill(process)
        assert first >= last
        last = first

    assert await compare(database) > FIRST


async def test_a_decider_that_slept_through_its_lease_writes_nothing(database):
    made(database)
    sleeper, _ = start(database.url(), "one", pause=0.05)
    await asyncio.sleep(0.2)
    # One that is stopped in the middle of a write keeps its locks: stop it until it holds none.
    async with database.open() as records:
        records._wall = type(records)(database_of(records))._wall
        while True:
            os.kill(sleeper.pid, signal.SIGSTOP)
            held = await _taken(records)
            if held is not None:
                break
            os.kill(sleeper.pid, signal.SIGCONT)
            await asyncio.sleep(0.003)
        minute = (await records.load()).minute
        for step in range(1, 4):
            await records.commit_minute(held, decided(minute + step))
        os.kill(sleeper.pid, signal.SIGCONT)

        assert sleeper.wait(timeout=30) == 0, "it is refused, and ends"
        sleeper.stdout.close()
        assert (await records.load()).minute == minute + 3
    await compare(database)


async def _taken(records):
    """Take the lease once it has expired; None if the sleeper holds a lock."""
    try:
        async with asyncio.timeout(2.5):
            while True:
                held = await records.acquire("two", 60_000)
                if held.holder == "two":
                    return held
                await asyncio.sleep(0.05)
    except (TimeoutError, Transient):
        return None
