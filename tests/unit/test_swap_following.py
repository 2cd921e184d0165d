"""`consume` follows the registry: promotions, rollbacks, bundles that turn out bad, a registry that is away."""

import asyncio
import gc

import pytest

from consumers.news.pipeline import Incoming, Labelled, Pipeline
from consumers.news.voices import Voice, Voices
from groundswell.errors import CannotContinue, Transient
from groundswell.events import Origin
from groundswell.models.registry import CHAMPION
from tests.news_models import Broken
from tests.news_world import item, model, offsets
from tests.swap_world import Made, Swapping, gloomy, kept, swapping

WATCHED = {"swap_watch_seconds": 600.0, "swap_watch_items": 50}


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path, signed=True)
    made.promote(made.publish("1"))
    return made


async def test_a_new_champion_takes_over_between_batches(made):
    version = made.publish("2")
    world = Swapping(made)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        made.promote(version)
        await world.until(lambda: "tiny@2" in world.spoke())
    assert world.spoke() == ["tiny@1", "tiny@2"]
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))
    assert world.value("model_info", bundle="tiny@2", precision="fp32", provider="cpu") == 1
    assert world.value("model_info", bundle="tiny@1", precision="", provider="") is None


async def test_many_promotions_lose_and_double_nothing_and_keep_two_models_at_most(made):
    versions = [made.publish(str(number)) for number in range(2, 12)]
    world = Swapping(made)
    async with swapping(world, feed="Profit soars"):
        for version in versions:
            made.promote(version)
            await world.until(lambda version=version: world.serving == version.id)
        await world.until(lambda: "tiny@11" in world.spoke())
    assert world.spoke()[-1] == "tiny@11"
    assert len(world.spoke()) == len(set(world.spoke()))
    assert len(world.writer.told()) == len(world.topic.records[0])
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))
    gc.collect()
    # By its type alone: some objects of other libraries warn when they are asked for more.
    held = [v for v in gc.get_objects() if type(v) is Voice and hasattr(v, "model")]
    mine = [v for v in held if v in (world.voices.now, world.voices.before)]
    assert len(mine) == 2
    assert not [v for v in held if v not in mine and v.bundle in {x.id for x in versions}]


async def test_a_rollback_speaks_at_once_with_the_voice_that_was_kept(made):
    world = Swapping(made)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        before = world.voices.now
        made.promote(made.publish("2"))
        await world.until(lambda: "tiny@2" in world.spoke())
        made.registry.rollback(reason="a person says so")
        await world.until(lambda: world.spoke()[-1] == "tiny@1")
        assert world.voices.now is before
        assert world.voices.before is None, "only a person goes back to what a person took back"
    assert world.spoke() == ["tiny@1", "tiny@2", "tiny@1"]
    assert world.value("swaps_total", how="back") == 1


async def test_a_champion_that_is_worse_in_service_is_rolled_back_with_its_reason(made):
    world = Swapping(made, **WATCHED)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: len(world.writer.told(0, "Opinion")) > 100)
        made.promote(made.publish("2", change=gloomy))
        await world.until(lambda: made.champion == "tiny@1" and world.serving == "tiny@1")
        await world.until(lambda: world.spoke()[-1] == "tiny@1")
    move = made.registry.moved(CHAMPION)
    assert move is not None
    assert "mix of tones" in move.reason
    assert move.by == "groundswell consume"
    assert world.spoke() == ["tiny@1", "tiny@2", "tiny@1"]
    assert world.value("swaps_total", how="rolled_back") == 1
    assert world.value("watching") == 0


async def test_a_champion_that_is_as_good_is_kept(made):
    world = Swapping(made, swap_watch_seconds=0.5, swap_watch_items=50)
    async with swapping(world, feed="Profit soars"):
        await kept(world)
    assert world.serving == "tiny@2"
    assert made.champion == "tiny@2"
    found = made.bundles.last_good()
    assert found is not None
    assert found[1].id == "tiny@2"


async def test_a_rollback_that_the_registry_does_not_hear_is_told_later(made):
    world = Swapping(made, **WATCHED)
    away = made.registry.rollback

    def refuse(*arguments, **named):
        raise Transient("the store is away")

    made.registry.rollback = refuse
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: len(world.writer.told(0, "Opinion")) > 100)
        made.promote(made.publish("2", change=gloomy))
        await world.until(lambda: (world.value("swaps_total", how="rolled_back") or 0) == 1)
        assert made.champion == "tiny@2"
        await asyncio.sleep(0.3)
        assert world.serving == "tiny@1"
        made.registry.rollback = away
        await world.until(lambda: made.champion == "tiny@1")
    assert world.spoke() == ["tiny@1", "tiny@2", "tiny@1"]


def test_a_voice_that_breaks_gives_the_place_back_and_its_batch_is_asked_again():
    old, broken = Voice(model(), "Profit soars"), Voice(Broken(1), "Profit soars", "broken")
    voices = Voices(old)
    voices.swap(broken)
    pipeline = Pipeline(voices, 1000)
    origin = Origin(topic="news", partition=0, offset=0, after=-1)
    work = pipeline.admit([Incoming(origin, 0, item(), ())])
    settled = pipeline.settle(work)  # type: ignore[arg-type]
    assert isinstance(settled.outcomes[0], Labelled)
    assert voices.now is old
    fallen = voices.fallen()
    assert fallen is not None
    assert fallen.voice is broken
    assert voices.fallen() is None
    voices.swap(broken)
    voices.forget()
    with pytest.raises(CannotContinue):
        pipeline.settle(work)  # type: ignore[arg-type]


async def test_a_champion_that_breaks_in_service_is_taken_back(made, monkeypatch):
    world = Swapping(made, **WATCHED)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        made.promote(made.publish("2"))
        await world.until(lambda: world.serving == "tiny@2")
        monkeypatch.setattr(world.voices.now.labelling._asking, "_model", Broken(1))
        await world.until(lambda: made.champion == "tiny@1")
    assert world.serving == "tiny@1"
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))
    assert "tiny" in made.registry.moved(CHAMPION).reason


async def test_a_registry_that_is_away_is_said_and_followed_again(made):
    world = Swapping(made)
    names = made.objects.names

    def away(below):
        raise Transient("the store is away")

    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        made.objects.names = away
        await world.until(lambda: "registry" in world.health.away)
        made.objects.names = names
        await world.until(lambda: "registry" not in world.health.away)
        made.promote(made.publish("2"))
        await world.until(lambda: world.serving == "tiny@2")


class Told:
    """Moves to order."""

    def __init__(self):
        self.event = asyncio.Event()

    async def heard(self):
        await self.event.wait()
        self.event.clear()

    async def stop(self):
        return None


async def test_an_announcement_is_looked_at_at_once(made):
    told = Told()
    world = Swapping(made, moves=told, registry_poll_seconds=3600.0)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        made.promote(made.publish("2"))
        await asyncio.sleep(0.3)
        assert world.serving == "tiny@1"
        told.event.set()
        await world.until(lambda: world.serving == "tiny@2")
