"""
A `watch` that lives on while what it stands on goes: the counts, the records, the broker.

Each test begins like ``test_watch``, on a week that has passed, and is `soak` but for one of them: they
take half a minute each.
"""

import asyncio
import contextlib
import sqlite3
import time
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from consumers.adapters.embedded import free_port
from consumers.records.engine import engine_of
from tests.integration.test_watch import (
    alerts_of,
    installed,
    items,
    told,
    until_decided,
    until_told,
    well_told,
)
from tests.records_world import new_database

AWAY_SECONDS = 8.0
"""Longer than a lease."""


def raised(rows):
    """Return which alerts were raised, as often as they were."""
    return sorted(
        row["alert"]
        for row in rows
        if row["after"] == "firing" and row["before"] not in {"firing", "recovering"}
    )


async def settled(stack):
    return sum(state.totals.settled for state in (await stack.states()).values())


@pytest.mark.soak
async def test_counts_that_are_lost_under_a_living_watch_come_back_and_raise_nothing_again(
    make_stack, quick, tmp_path
):
    stack = await installed(make_stack, quick, tmp_path)
    watch = stack.programs.start("watch-1")
    await stack.programs.ready(watch)
    await until_decided(stack, -3)
    before_the_surge = stack.store.snapshot()
    await quick.produce(stack.news, items(0, 20))
    await until_told(stack, "firing")
    await until_decided(stack, 17)

    # Emptied: the counts come back from the log, and watch goes on where it was.
    counted, known = await settled(stack), raised(await told(stack))
    stack.store.empty()
    await stack.wait_until_settled(counted)
    await quick.produce(stack.news, items(20, 66))
    await until_decided(stack, 63)
    assert set(known) <= set(raised(await told(stack)))

    # Put back to more than an hour before, when nothing of the surge had counted.
    counted, known = await settled(stack), raised(await told(stack))
    stack.store.put_back(before_the_surge)
    await stack.wait_until_settled(counted)
    await quick.produce(stack.news, items(66, 240))
    await until_told(stack, "resolved")
    await until_decided(stack, 236)

    rows = await told(stack)
    assert watch.alive
    assert set(known) <= set(raised(rows))
    assert len(raised(rows)) == len(set(raised(rows)))
    assert well_told(rows)
    assert {row["alert"] for row in rows} == {alert.id for alert in await alerts_of(stack)}
    await stack.recount()


@asynccontextmanager
async def locked(url):
    """Hold the write lock of a SQLite file."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


@asynccontextmanager
async def shut(url):
    """Turn everybody out of a PostgreSQL database, and let nobody in."""
    server, _, name = url.rpartition("/")
    engine = engine_of(f"{server}/postgres")
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(sa.text(out), {"name": name})
        try:
            yield
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    engine.dispose()


@pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"])
async def test_records_that_are_away_for_a_while_are_waited_for(
    make_stack, quick, tmp_path, request, kind
):
    stack = await installed(make_stack, quick, tmp_path)
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgres_url"), f"away{time.time_ns()}")
        stack.settings["records_url"] = url
        stack.programs.environment["GROUNDSWELL_RECORDS_URL"] = url
        assert (await stack.programs.run("records", "upgrade")).code == 0
    watch = stack.programs.start("watch-1")
    await stack.programs.ready(watch)
    await until_decided(stack, -3)

    async with (shut if kind == "postgresql" else locked)(str(stack.settings["records_url"])):
        await quick.produce(stack.news, items(0, 25))
        await asyncio.sleep(AWAY_SECONDS)

        async def waits():
            page = await watch.get("/readyz")
            return page.status == 503 and "records" in page.body

        await stack.programs.until("watch says that it waits for the records", waits)
        assert not await told(stack)

    await until_told(stack, "firing")
    await until_decided(stack, 21)
    rows = await told(stack)
    assert well_told(rows)
    assert len(raised(rows)) == len(set(raised(rows)))
    assert {row["alert"] for row in rows} == {alert.id for alert in await alerts_of(stack)}


@asynccontextmanager
async def door(port, bootstrap):
    """Let whoever comes to ``port`` through to the broker."""
    host, _, number = bootstrap.rpartition(":")

    async def through(reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def came(reader, writer):
        there, back = await asyncio.open_connection(host, int(number))
        await asyncio.gather(through(reader, back), through(there, writer))

    server = await asyncio.start_server(came, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


@pytest.mark.soak
async def test_without_a_broker_at_the_start_it_decides_and_tells_later(
    make_stack, quick, tmp_path
):
    stack = await installed(make_stack, quick, tmp_path)
    await quick.produce(stack.news, items(0, 45))  # all of the surge: watch comes when it is over
    port = free_port()
    watch = stack.programs.start("watch-1", kafka_bootstrap_servers=f"127.0.0.1:{port}")
    await until_decided(stack, 41)
    fired = [a for a in await alerts_of(stack) if a.kind == "surge" and a.state == "firing"]
    assert fired
    assert not await told(stack)
    assert "could not be looked at" in watch.said()

    async with door(port, quick.bootstrap):
        await until_told(stack, "firing")
        rows = await told(stack)
        assert well_told(rows)
        assert {alert.id for alert in fired} <= set(raised(rows))
        first = next(r for r in rows if (r["series"], r["after"]) == ("all", "firing"))
        assert "fraud" in first["evidence"]["stories"][0]["words"]
