"""The bundle before is kept, so that a rollback waits for nothing; and what it costs where it is not kept."""

import os
import threading

import pytest

from consumers.news.swap.loading import load_model
from consumers.news.swap.priority import LAST, NICE
from groundswell.models.registry import CHALLENGER
from tests.news_world import offsets
from tests.swap_world import Made, Swapping, kept, swapping

SHORT = {"swap_watch_seconds": 0.5, "swap_watch_items": 50}


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path, signed=True)
    made.promote(made.publish("1"))
    return made


async def nothing_is_loaded(version, threads):
    raise AssertionError(f"{version} was loaded")


async def test_after_the_watch_window_a_rollback_and_its_return_load_nothing(made, monkeypatch):
    world = Swapping(made, **SHORT)
    first = world.voices.now
    async with swapping(world, feed="Profit soars"):
        await kept(world)
        second = world.voices.now
        monkeypatch.setattr(world.swapper._readying, "_ready", nothing_is_loaded)
        for voice in (first, second, first):
            made.registry.rollback(reason="a person says so")
            await world.until(lambda voice=voice: world.voices.now is voice)
            await world.until(lambda voice=voice: world.spoke()[-1] == voice.bundle)
    assert world.value("swaps_total", how="back") == 3
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))


async def test_without_keeping_the_one_before_is_let_go_and_not_checked_anew(made, monkeypatch):
    world = Swapping(made, **SHORT, swap_keep_previous=False)
    first = world.voices.now
    async with swapping(world, feed="Profit soars"):
        await kept(world)
        await world.until(lambda: not hasattr(first, "model"))

        def again(*_):
            raise AssertionError("the golden texts were run again for the same files")

        monkeypatch.setattr("consumers.news.swap.loading.check_golden", again)
        made.registry.rollback(reason="a person says so")
        await world.until(lambda: world.spoke()[-1] == "tiny@1")
    assert world.voices.now is not first
    assert world.value("swaps_total", how="back") == 1


async def test_what_is_kept_goes_when_the_next_one_comes(made):
    world = Swapping(made, **SHORT)
    first = world.voices.now
    async with swapping(world, feed="Profit soars"):
        await kept(world)
        assert hasattr(first, "model")
        made.promote(made.publish("3"))
        await world.until(lambda: world.serving == "tiny@3")
        await world.until(lambda: not hasattr(first, "model"))


async def test_a_rollback_does_not_wait_for_a_challenger_that_is_made_ready(made, monkeypatch):
    world = Swapping(made, **SHORT, shadow_share=1.0)
    at_work, go = threading.Event(), threading.Event()
    really = made.bundles.fetch

    def fetch(version):
        if version.id == "tiny@3":
            at_work.set()
            assert go.wait(60)
        return really(version)

    async with swapping(world, feed="Profit soars"):
        await kept(world)
        monkeypatch.setattr(made.bundles, "fetch", fetch)
        made.promote(made.publish("3"), CHALLENGER)
        try:
            await world.until(at_work.is_set)
            made.registry.rollback(reason="a person says so")
            await world.until(lambda: world.spoke()[-1] == "tiny@1")
        finally:
            go.set()
        await world.until(lambda: world.value("shadow_info", bundle="tiny@3") == 1)


async def test_a_bundle_that_the_alias_left_while_it_was_made_ready_never_speaks(made, monkeypatch):
    world = Swapping(made, swap_watch_seconds=600.0)
    at_work, go = threading.Event(), threading.Event()
    really = made.bundles.fetch

    def fetch(version):
        at_work.set()
        assert go.wait(60)
        return really(version)

    async with swapping(world, feed="Profit soars"):
        await world.until(world.spoke)
        monkeypatch.setattr(made.bundles, "fetch", fetch)
        made.promote(made.publish("2"))
        try:
            await world.until(at_work.is_set)
            made.registry.rollback(reason="a person says so")
        finally:
            go.set()
        monkeypatch.setattr(made.bundles, "fetch", really)
        made.promote(made.publish("3"))
        await world.until(lambda: world.spoke()[-1] == "tiny@3")
    assert world.spoke() == ["tiny@1", "tiny@3"]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a thread has no priority here")
async def test_what_is_made_ready_stands_back_and_a_rollback_does_not(made, monkeypatch):
    world = Swapping(made, **SHORT, swap_keep_previous=False)
    seen, really = {}, made.bundles.fetch

    def fetch(version):
        seen[version.id] = os.getpriority(os.PRIO_PROCESS, 0)
        return really(version)

    monkeypatch.setattr(made.bundles, "fetch", fetch)
    async with swapping(world, feed="Profit soars"):
        await kept(world)
        made.registry.rollback(reason="a person says so")
        await world.until(lambda: world.spoke()[-1] == "tiny@1")
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert seen == {"tiny@2": min(mine + NICE, LAST), "tiny@1": mine}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a thread has no priority here")
@pytest.mark.parametrize(("threads", "stands_back"), [(1, True), (2, False)])
async def test_a_session_with_threads_of_its_own_is_loaded_at_full_priority(
    made, monkeypatch, threads, stands_back
):
    world = Swapping(made, threads=threads, workers=1)
    seen = []

    def load(*arguments):
        seen.append(os.getpriority(os.PRIO_PROCESS, 0))
        return load_model(*arguments)

    monkeypatch.setattr("consumers.news.swap.readying.load_model", load)
    async with swapping(world, feed="Profit soars"):
        made.promote(made.publish("2"))
        await world.until(lambda: world.serving == "tiny@2")
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert seen == [min(mine + NICE, LAST) if stands_back else mine]
