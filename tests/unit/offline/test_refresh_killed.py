"""
The real ``groundswell refresh``, killed with SIGKILL: it goes on or starts clean, and never leaves half of anything.

In the suite one kill a stage; `-m soak` kills at random moments, again and again.
"""

import asyncio
import os
import random
import time

import pytest

from consumers.adapters.redis_shadows import open_shadows
from consumers.shadows import ALL, Pair, Seen
from groundswell.models.registry import CHALLENGER, CHAMPION
from groundswell.settings import load
from tests.refresh_commands import Commands, copied, template
from training.refresh.steps import STEPS

pytestmark = pytest.mark.train

WHOLE = [name for name, _ in STEPS if name != "promote"]
"""All stages but the last, which is over before it can be killed; that of publishing may be as well."""
ROUNDS = int(os.environ.get("GROUNDSWELL_SOAK_REFRESHES", "10"))


@pytest.fixture(scope="module")
def made(trained, encoder_dir, tmp_path_factory):
    return template(tmp_path_factory.mktemp("refresh"), trained[0].parent, encoder_dir)


@pytest.fixture(scope="module")
def commands():
    commands = Commands({"COLUMNS": "200"})
    yield commands
    commands.stop()


def noted(place, world):
    """Note what a consumer saw of the challenger in shadow."""
    old, new = world.first, world.registry.alias(CHALLENGER)
    assert old is not None
    assert new is not None

    async def note():
        notes = open_shadows(load({}, place))
        try:
            await notes.add(Pair(old.id, new.id), {ALL: Seen(120, 40, 41)})
        finally:
            await notes.close()

    asyncio.run(note())


@pytest.mark.timeout(300)
def test_killed_in_every_stage_the_next_command_goes_on_and_promotes_once(
    made, commands, tmp_path, valkey_url
):
    place = {"redis_url": valkey_url, "redis_prefix": f"refresh{os.getpid()}"}
    world, asked = copied(made, tmp_path / "world", commands, **place), {"shadow_items": 100}
    draw, kills = random.Random(7), []
    for stage in WHOLE:
        number, log = world.begin(**asked)
        if world.until(log, f"{stage} …", number):
            if stage == "train":
                code, said = world.run(**asked)
                assert code != 0
                assert "a refresh is running here" in said
            time.sleep(draw.random() * 0.1)
        if world.killed(number):
            kills.append(stage)
            assert ("going on with refresh 1" in log.read_text()) == (stage != "snapshot")
        world.check()
        assert world.registry.alias(CHAMPION) == world.first
    assert [stage for stage in kills if stage != "publish"] == [s for s in WHOLE if s != "publish"]

    noted(place, world)
    code, said = world.run(**asked)

    assert code == 0, said
    assert "of 120 items in shadow" in said
    world.check_promoted()
    champion = world.registry.alias(CHAMPION)
    code, said = world.run(**asked)
    assert (code, world.registry.alias(CHAMPION)) == (0, champion)
    assert "waiting: no new label is settled" in said


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_killed_at_random_it_never_leaves_half_of_anything(made, commands, tmp_path, capsys):
    world = copied(made, tmp_path / "whole", commands)
    began = time.monotonic()
    code, said = world.run()
    whole = time.monotonic() - began
    assert code == 0, said
    world.check_promoted()
    draw, kills, runs = random.Random(time.time_ns()), 0, 0
    for number in range(ROUNDS):
        world = copied(made, tmp_path / f"world{number}", commands)
        while True:
            runs += 1
            process, log = world.begin()
            time.sleep(draw.random() * whole)
            cut_off = world.killed(process)
            world.check()
            if not cut_off:
                assert "promoted" in log.read_text(encoding="utf-8")
                break
            kills += 1
        world.check_promoted()
    with capsys.disabled():
        print(f"\n{ROUNDS} refreshes, {runs} commands, {kills} killed; one takes {whole:.1f} s")
