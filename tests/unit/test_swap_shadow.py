"""The challenger in shadow: side by side in metrics and notes, unpublished, and never in the champion's way."""

import asyncio
import threading

import pytest

from consumers.shadows import ALL, Pair
from groundswell.models.registry import CHALLENGER
from tests.news_models import Slow
from tests.news_world import offsets
from tests.swap_world import Made, Swapping, gloomy, swapping

PAIR = Pair("tiny@1", "tiny@2")
EVERYTHING = {"shadow_share": 1.0}


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path)
    made.promote(made.publish("1"))
    return made


async def shadowed(world, count=60):
    """Feed the stream until so many items were compared."""
    async with swapping(world, feed="Profit soars"):
        await world.until(
            lambda: (world.value("shadow_items_total", outcome="compared") or 0) > count
        )


async def test_both_stand_side_by_side_and_nothing_is_published(made, monkeypatch):
    monkeypatch.setattr("consumers.news.swap.shadow.NOTE_SECONDS", 0.05)
    made.promote(made.publish("2", change=gloomy), CHALLENGER)
    world = Swapping(made, **EVERYTHING)
    await shadowed(world)
    assert world.spoke() == ["tiny@1"]
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))
    compared = world.value("shadow_items_total", outcome="compared")
    assert world.value("shadow_agreed_total", head="topic") == compared
    assert world.value("shadow_agreed_total", head="sentiment") == 0
    for side in ("champion", "challenger"):
        assert world.value("shadow_confidence_count", side=side) == compared
        assert world.value("shadow_seconds_total", side=side) > 0
    notes = await world.notes.read(PAIR)
    assert notes[ALL].items > 0
    assert notes[ALL].old == 0
    assert notes[ALL].new == notes[ALL].items
    assert notes["topic:earnings"].items == notes[ALL].items
    assert await world.notes.pairs() == [PAIR]


async def test_a_share_of_the_stream_is_compared(made):
    made.promote(made.publish("2"), CHALLENGER)
    world = Swapping(made, shadow_share=0.2)
    await shadowed(world, 20)
    compared = world.value("shadow_items_total", outcome="compared")
    assert compared < 0.6 * len(world.topic.records[0])


async def test_a_challenger_that_is_behind_is_left_out_and_delays_nothing(made):
    made.promote(made.publish("2"), CHALLENGER)
    world = Swapping(made, shadow_items=4, **EVERYTHING)
    slow = Slow()
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.swapper._shadow.voice is not None)
        world.swapper._shadow.voice.labelling._asking._model = slow  # type: ignore[union-attr]
        slow.go.clear()
        await world.until(lambda: (world.value("shadow_items_total", outcome="dropped") or 0) > 50)
        count = len(world.writer.told(0, "Opinion"))
        await world.until(lambda: len(world.writer.told(0, "Opinion")) > count + 50)
        slow.go.set()
    assert threading.active_count() < 50


async def test_a_challenger_that_becomes_champion_leaves_the_shadow(made):
    version = made.publish("2")
    made.promote(version, CHALLENGER)
    world = Swapping(made, **EVERYTHING)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.value("shadow_info", bundle="tiny@2") == 1)
        made.promote(version)
        await world.until(lambda: world.serving == "tiny@2")
        await world.until(lambda: world.swapper._shadow.voice is None)
        await asyncio.sleep(0.05)
    assert world.value("shadow_info", bundle="tiny@2") is None


async def test_without_a_share_no_challenger_is_loaded(made):
    made.promote(made.publish("2"), CHALLENGER)
    world = Swapping(made, shadow_share=0.0)
    async with swapping(world, feed="Profit soars"):
        await asyncio.sleep(0.5)
    assert world.swapper._shadow.voice is None
