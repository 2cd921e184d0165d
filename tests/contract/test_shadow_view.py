"""`watch`'s view of the notes of shadow runs, over the twin and Valkey."""

import itertools

import pytest

from consumers.adapters.memory_shadows import MemoryShadows
from consumers.adapters.redis_shadows import open_shadows
from consumers.adapters.shadow_view import AGAIN_SECONDS, NotesView
from consumers.counts.core.cells import hash_of
from consumers.shadows import ALL, Pair, Seen, ShadowNotes
from consumers.watch.core.baseline import Shadow
from groundswell.settings import Settings
from tests.watch_loop_world import StepClock

_NAMES = itertools.count()


@pytest.fixture(params=["memory", "valkey"])
async def notes(request):
    if request.param == "memory":
        held: ShadowNotes = MemoryShadows()
    else:
        url = request.getfixturevalue("valkey_url")
        held = open_shadows(Settings(redis_url=url, redis_prefix=f"shadowview{next(_NAMES)}"))
    yield held
    await held.close()


async def test_a_new_bundle_is_known_by_its_hash_with_what_both_said_of_everything(notes):
    clock = StepClock()
    view = NotesView(notes, clock)
    assert await view.shadows() == {}

    await notes.add(Pair("a@1", "b@2"), {ALL: Seen(100, 20, 30), "topic:rates": Seen(9, 1, 2)})
    assert await view.shadows() == {}
    clock.seconds += AGAIN_SECONDS

    assert await view.shadows() == {hash_of("b@2"): Shadow(100, 20, 30)}


async def test_of_two_runs_of_a_bundle_the_last_counts(notes):
    await notes.add(Pair("a@1", "c@3"), {ALL: Seen(50, 5, 6)})
    await notes.add(Pair("b@2", "c@3"), {ALL: Seen(70, 7, 8)})

    assert await NotesView(notes, StepClock()).shadows() == {hash_of("c@3"): Shadow(70, 7, 8)}


async def test_a_run_that_compared_nothing_of_everything_says_nothing(notes):
    await notes.add(Pair("a@1", "b@2"), {"topic:rates": Seen(9, 1, 2)})

    assert await NotesView(notes, StepClock()).shadows() == {}
