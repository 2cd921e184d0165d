"""The end of the history, read on and on: in order, nothing twice, nothing left out."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import sqlalchemy as sa

from consumers.records.alerts import Move
from consumers.records.engine import engine_of, writing
from consumers.records.tail import DatabaseTail, MemoryTail
from tests.records_world import ID, M0, fired

QUIET = Move("topic:quiet", "normal", "pending", "it grows", tell=False)


@asynccontextmanager
async def tail_of(place, records):
    if place.kind == "twin":
        yield MemoryTail(records)
        return
    engine = engine_of(place.url())
    yield DatabaseTail(engine)
    engine.dispose()


async def test_what_alerts_did_is_read_on_from_a_number(place, records, lease):
    async with tail_of(place, records) as tail:
        assert await tail.newest() == 0
        assert await tail.after(0) == ((), 0, False)
        first = fired()
        await records.commit_minute(lease, first)
        await records.act(ID, "acknowledge", "ann", "mine")
        read = await tail.after(0)
        assert [(h.transition.action, h.alert.id) for h in read.lines] == [
            ("move", ID),
            ("acknowledge", ID),
        ]
        assert read.through == await tail.newest() == read.lines[-1].transition.number
        assert (await tail.after(read.through)).lines == ()
        assert (await tail.after(0, 1)).more


async def test_lines_of_no_alert_are_passed_over_but_not_stood_upon(place, records, lease):
    async with tail_of(place, records) as tail:
        told = fired()
        both = msgspec.structs.replace(told, moves=(QUIET, *told.moves, QUIET))
        await records.commit_minute(lease, both)
        read = await tail.after(0)
        assert [h.alert.id for h in read.lines] == [ID]
        assert read.through == 3
        assert read.lines[0].transition.minute == M0


async def test_a_number_that_was_drawn_before_is_waited_for(database, postgres_url):
    if database.kind != "postgresql":
        return  # of SQLite there is one writer: nothing can be drawn before
    async with database.open() as records:
        lease = await records.acquire("one", 60_000)
        engine = engine_of(database.url())
        tail = DatabaseTail(engine)
        with writing(engine) as slow:
            slow.execute(
                sa.text(
                    "INSERT INTO history (series, sequence, minute, at, action, before, after, "
                    "cause, actor, evidence) VALUES ('x', 0, 0, 0, 'move', 'normal', 'pending', "
                    "'', 'watch', '{}')"
                )
            )
            await records.commit_minute(lease, fired())
            reading = asyncio.create_task(tail.after(0))
            await asyncio.sleep(0.2)
            assert not reading.done()
        read = await reading
        assert (read.through, [h.transition.number for h in read.lines]) == (2, [2])

        with engine.begin() as drawn:  # a number that is taken back is not waited for
            drawn.execute(sa.text("SELECT nextval(pg_get_serial_sequence('history', 'number'))"))
            drawn.rollback()
        await records.act(ID, "acknowledge", "ann", "")
        assert [h.transition.number for h in (await tail.after(2)).lines] == [4]
        engine.dispose()
