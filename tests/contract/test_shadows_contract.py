"""The notes of shadow runs: one suite over memory and Valkey."""

import asyncio
import itertools

import pytest

from consumers.adapters.embedded import free_port
from consumers.adapters.memory_shadows import MemoryShadows
from consumers.adapters.redis_shadows import open_shadows
from consumers.shadows import ALL, Pair, Seen, ShadowNotes
from groundswell.errors import Transient
from groundswell.settings import Settings

_NAMES = itertools.count()
ONE, OTHER = Pair("a@1", "b@2"), Pair("b@2", "c@3")


@pytest.fixture(params=["memory", "valkey"])
async def notes(request):
    if request.param == "memory":
        held: ShadowNotes = MemoryShadows()
    else:
        url = request.getfixturevalue("valkey_url")
        held = open_shadows(Settings(redis_url=url, redis_prefix=f"shadows{next(_NAMES)}"))
    yield held
    await held.close()


async def test_what_was_never_noted_is_empty(notes):
    assert await notes.pairs() == []
    assert await notes.read(ONE) == {}


async def test_notes_of_all_consumers_add_up_by_series_and_pair(notes):
    await asyncio.gather(
        *(notes.add(ONE, {ALL: Seen(10, 2, 3), "entity:a b: c": Seen(1, 0, 1)}) for _ in range(20))
    )
    await notes.add(OTHER, {ALL: Seen(1, 1, 0)})

    assert await notes.read(ONE) == {ALL: Seen(200, 40, 60), "entity:a b: c": Seen(20, 0, 20)}
    assert await notes.read(OTHER) == {ALL: Seen(1, 1, 0)}
    assert sorted(await notes.pairs()) == [ONE, OTHER]


async def test_the_pair_in_which_a_bundle_ran_last_is_named(notes):
    await notes.add(Pair("a@1", "c@3"), {ALL: Seen(5, 1, 1)})
    await notes.add(OTHER, {ALL: Seen(7, 1, 1)})

    assert await notes.pairs() == [OTHER]


async def test_a_server_that_is_away_is_transient():
    held = open_shadows(Settings(redis_url=f"redis://127.0.0.1:{free_port()}"))
    try:
        with pytest.raises(Transient):
            await held.add(ONE, {ALL: Seen(1, 0, 0)})
    finally:
        await held.close()
