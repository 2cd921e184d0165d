"""
Deciders killed at random instants, and one that sleeps through its lease: each transition once.

A hundred kills take a minute or two (`make soak`); five of them run with the other tests.
"""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys

import pytest
import sqlalchemy as sa

from consumers.records.engine import engine_of, reading
from consumers.records.rows import transition_of
from consumers.records.schema import upgrade
from consumers.records.tables import history
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
            if await asyncio.to_thread(_rests, database_of(records)):
                break
            os.kill(sleeper.pid, signal.SIGCONT)
            await asyncio.sleep(0.003)
        async with asyncio.timeout(60):
            while (held := await records.acquire("two", 60_000)).holder != "two":  # noqa: ASYNC110 - a lease is no event
                await asyncio.sleep(0.05)
        minute = (await records.load()).minute
        for step in range(1, 4):
            await records.commit_minute(held, decided(minute + step))
        os.kill(sleeper.pid, signal.SIGCONT)

        assert sleeper.wait(timeout=30) == 0, "it is refused, and ends"
        sleeper.stdout.close()
        assert (await records.load()).minute == minute + 3
    await compare(database)


def _rests(engine):
    """Say whether nobody else is in a transaction; asked without waiting for any."""
    if engine.dialect.name == "postgresql":
        others = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        with reading(engine) as connection:
            busy = connection.execute(sa.text(f"SELECT 1 FROM pg_stat_activity WHERE {others}"))  # noqa: S608 - of texts of ours
            return busy.first() is None
    with contextlib.closing(sqlite3.connect(engine.url.database, timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.rollback()
        return True
