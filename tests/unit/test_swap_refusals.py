"""Challengers that `consume` refuses: each one at its stage, twice, and then the last good one is pinned."""

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.swap_world import (
    Made,
    Swapping,
    break_graph,
    reorder,
    slow_down,
    swapping,
    tamper,
)


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path, signed=True)
    made.promote(made.publish("1"))
    return made


async def refused(world, version, stage, times=2, tampered=""):
    """Promote a version while a stream flows, and change a byte of it; it is refused and never heard."""
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.writer.told(0, "Opinion"))
        world.made.promote(version)
        if tampered:
            tamper(world.made, version, tampered)
        await world.until(lambda: world.refused(stage) == times)
        await world.until(lambda: world.value("pinned") == 1)
        count = len(world.writer.told(0, "Opinion"))
        await world.until(lambda: len(world.writer.told(0, "Opinion")) > count + 20)
    assert world.serving == "tiny@1"
    assert world.spoke() == ["tiny@1"]
    assert world.refused(stage) == times
    assert "tiny@1 serves on" in world.health.away["model: champion"]


async def test_an_unsigned_challenger_is_refused(made):
    await refused(Swapping(made), made.publish("2", signed=False), "fetch")


async def test_a_challenger_signed_with_another_key_is_refused(made):
    stranger = Ed25519PrivateKey.generate()
    await refused(Swapping(made), made.publish("2", key=stranger), "fetch")


@pytest.mark.parametrize("part", ["manifest.json", "model.onnx", "tokenizer.json"])
async def test_a_tampered_challenger_is_refused(made, part):
    await refused(Swapping(made), made.publish("2"), "fetch", tampered=part)


async def test_a_broken_challenger_is_refused(made):
    await refused(Swapping(made), made.publish("2", change=break_graph), "load")


async def test_a_wrongly_ordered_challenger_is_refused(made):
    world = Swapping(made)
    await refused(world, made.publish("2", change=reorder), "load")
    assert "order" in world.health.away["model: champion"]


async def test_a_slow_challenger_is_refused(made):
    world = Swapping(made, swap_slower=2.0)
    await refused(world, made.publish("2", change=slow_down), "slow")


async def test_a_challenger_that_is_as_quick_is_taken_while_the_machine_is_busy(made):
    world = Swapping(made, swap_slower=3.0)
    busy, stop = threading.Event(), threading.Event()

    def burn():
        busy.set()
        while not stop.is_set():
            sum(range(1000))

    burning = [threading.Thread(target=burn) for _ in range(2)]
    async with swapping(world, feed="Profit soars"):
        for thread in burning:
            thread.start()
        try:
            assert busy.wait(30)
            made.promote(made.publish("2"))
            await world.until(lambda: world.serving == "tiny@2")
        finally:
            stop.set()
            for thread in burning:
                thread.join()
    assert not world.refused("slow")


async def test_a_challenger_that_is_never_ready_is_refused_and_holds_nothing_up(made):
    world = Swapping(made, swap_seconds=0.001)
    await refused(world, made.publish("2"), "late")


async def test_what_is_pinned_is_tried_again_when_the_alias_moves(made):
    bad, good = made.publish("2", change=break_graph), made.publish("3")
    world = Swapping(made)
    async with swapping(world, feed="Profit soars"):
        made.promote(bad)
        await world.until(lambda: world.value("pinned") == 1)
        made.promote(good)
        await world.until(lambda: world.serving == "tiny@3")
        await world.until(lambda: "tiny@3" in world.spoke())
    assert world.spoke() == ["tiny@1", "tiny@3"]
    assert world.value("pinned") == 0
    assert "model: champion" not in world.health.away
