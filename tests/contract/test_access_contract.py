"""Keys, the audit log and feedback, over the twin, SQLite and PostgreSQL."""

from contextlib import asynccontextmanager

import msgspec
import pytest
import sqlalchemy as sa

from consumers.records.access.database import open_access
from consumers.records.access.memory import MemoryAccess
from consumers.records.access.values import ApiKey, AuditLine, Feedback
from tests.records_world import T0

KEY = ApiKey("0badcafe", "hash", "ann", "analyst", ("alerts:read", "news:write"), expires=T0 + 9)


@asynccontextmanager
async def access_of(place):
    """The access beside records of a place."""
    if place.kind == "twin":
        yield MemoryAccess(place.clock)
        return
    access = await open_access(place.url())
    access._wall = place.clock
    try:
        yield access
    finally:
        await access.close()


@pytest.fixture
async def access(place, records):
    async with access_of(place) as opened:
        yield opened


async def test_a_key_is_kept_as_it_was_made(access, place):
    assert await access.add_key(KEY)
    assert not await access.add_key(msgspec.structs.replace(KEY, owner="eve"))
    assert await access.key(KEY.id) == msgspec.structs.replace(KEY, created=T0)
    assert await access.key("deadbeef") is None
    place.clock.at += 1
    await access.add_key(ApiKey("00000000", "h", "bob", "viewer"))
    assert [key.owner for key in await access.keys()] == ["ann", "bob"]


async def test_a_key_stands_until_it_expires_or_is_revoked(access, place):
    await access.add_key(KEY)
    held = await access.key(KEY.id)
    assert (held.standing(T0 + 8), held.standing(T0 + 9)) == ("good", "expired")
    assert await access.revoke(KEY.id)
    place.clock.at += 5
    assert await access.revoke(KEY.id)
    held = await access.key(KEY.id)
    assert (held.revoked, held.standing(T0)) == (T0, "revoked")
    assert not await access.revoke("deadbeef")


async def test_the_last_use_of_a_key_is_known_to_the_minute(access, place):
    await access.add_key(KEY)
    for step, known in ((0, T0), (59_999, T0), (1, T0 + 60_000)):
        place.clock.at += step
        await access.used(KEY.id)
        assert (await access.key(KEY.id)).used == known


async def test_the_audit_log_is_read_back_page_by_page(access):
    for n in range(5):
        await access.audit(AuditLine("ann", KEY.id, "acknowledge_alert", f"a{n}\0", "200"))
    first = await access.audited(2)
    assert [line.target for _, line in first] == ["a4", "a3"]
    assert first[0][1] == AuditLine("ann", KEY.id, "acknowledge_alert", "a4", "200", T0)
    rest = await access.audited(9, before=first[-1][0])
    assert [line.target for _, line in rest] == ["a2", "a1", "a0"]


async def test_feedback_is_read_on_from_the_last(access):
    said = Feedback("item", "wire/1", "topic", "rates", "ann", "default-1", "about rates")
    numbers = [await access.give_feedback(said) for _ in range(3)]
    assert numbers == sorted(set(numbers))
    assert await access.feedback(1) == ((numbers[0], msgspec.structs.replace(said, at=T0)),)
    assert [n for n, _ in await access.feedback(9, after=numbers[0])] == numbers[1:]


@pytest.mark.parametrize("table", ["audit_log", "feedback"])
@pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
async def test_the_database_keeps_what_was_said_and_done(database, table, change):
    async with database.open(), access_of(database) as access:
        await access.audit(AuditLine("ann", "", "x", "y", "z"))
        await access.give_feedback(Feedback("alert", "a", "alarm", "wrong", "ann"))
        with (
            pytest.raises(sa.exc.DBAPIError, match="only ever added to"),
            access._engine.begin() as bare,
        ):
            bare.execute(sa.text(change.format(table)))
        assert len(await access.audited()) == len(await access.feedback()) == 1
