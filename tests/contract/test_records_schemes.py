"""The schemes on record, over the twin, SQLite and PostgreSQL."""

from contextlib import asynccontextmanager

import pytest

from consumers.records.engine import engine_of
from consumers.records.schema import upgrade
from consumers.records.schemes import database, memory
from consumers.records.schemes.database import open_schemes
from consumers.records.schemes.late import LateSchemes
from consumers.records.schemes.memory import MemorySchemes
from consumers.records.schemes.ports import SchemeOnRecord
from groundswell.errors import InputError
from groundswell.schemes import Scheme
from tests.records_world import T0

OIL = Scheme(must=("oil",), any=("spill", "石油"), exclude=('"olive"',))


@asynccontextmanager
async def opened(place):
    if place.kind == "twin":
        yield MemorySchemes(place.clock)
        return
    engine = engine_of(place.url())
    upgrade(engine)
    engine.dispose()
    schemes = await open_schemes(place.url())
    schemes._wall = place.clock
    try:
        yield schemes
    finally:
        await schemes.close()


async def test_a_scheme_is_kept_as_it_was_typed(place):
    async with opened(place) as schemes:
        assert list(await schemes.schemes()) == []
        kept = SchemeOnRecord("oil", OIL, dropped=False, at=T0)
        assert await schemes.add("oil", OIL) == kept
        place.clock.at += 1

        assert await schemes.add("oil", OIL) == kept
        assert await schemes.add("oil", Scheme(must=("other",))) == kept
        await schemes.add("Énergie", Scheme(any=("x",)))
        await schemes.add("a", Scheme(any=("x",)))
        assert [s.name for s in await schemes.schemes()] == ["a", "oil", "Énergie"]


async def test_what_was_dropped_stays_on_record_and_its_name_may_be_used_again(place):
    async with opened(place) as schemes:
        await schemes.add("oil", OIL)
        place.clock.at += 5
        assert await schemes.drop("oil")
        assert not await schemes.drop("oil")
        assert not await schemes.drop("never")

        assert list(await schemes.schemes()) == []
        assert list(await schemes.schemes(dropped=True)) == [
            SchemeOnRecord("oil", OIL, dropped=True, at=T0 + 5)
        ]
        again = Scheme(must=("gas",))
        assert await schemes.add("oil", again) == SchemeOnRecord(
            "oil", again, dropped=False, at=T0 + 5
        )
        assert [s.scheme for s in await schemes.schemes()] == [again]


async def test_there_are_only_so_many(place, monkeypatch):
    for module in (database, memory):
        monkeypatch.setattr(module, "SCHEMES", 2)
    async with opened(place) as schemes:
        await schemes.add("a", OIL)
        await schemes.add("b", OIL)
        with pytest.raises(InputError, match=r"schemes already.*drop one first"):
            await schemes.add("c", OIL)
        await schemes.drop("a")
        await schemes.add("c", OIL)


async def test_who_can_do_without_opens_them_when_they_are_there(tmp_path):
    url = f"sqlite:///{tmp_path}/records.db"
    late = LateSchemes(url)
    assert list(await late.schemes()) == []
    await late.close()
    schemes = await open_schemes(url)
    await schemes.add("oil", OIL)
    await schemes.close()

    assert [s.name for s in await late.schemes()] == ["oil"]
    await late.close()
