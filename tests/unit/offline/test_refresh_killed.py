"""
The real ``groundswell refresh``, killed with SIGKILL: it goes on or starts clean, and never leaves half of anything.

In the suite one kill a stage; `-m soak` kills at random moments, again and again.
"""

import os
import random
import time

import pytest

from groundswell.models.registry import CHAMPION
from tests.refresh_commands import Commands, copied, template
from training.refresh.steps import STEPS

pytestmark = pytest.mark.train

LONG = ("snapshot", "train", "measure", "export")
"""Stages that are never over before they can be killed."""
ROUNDS = int(os.environ.get("GROUNDSWELL_SOAK_ROUNDS", "10"))


@pytest.fixture(scope="module")
def made(trained, encoder_dir, tmp_path_factory):
    return template(tmp_path_factory.mktemp("refresh"), trained[0].parent, encoder_dir)


@pytest.fixture(scope="module")
def commands():
    commands = Commands({"COLUMNS": "200"})
    yield commands
    commands.stop()


@pytest.mark.timeout(300)
def test_killed_in_every_stage_the_next_command_goes_on_and_promotes_once(made, commands, tmp_path):
    world, draw, kills = copied(made, tmp_path / "world", commands), random.Random(7), []
    for stage, _ in STEPS:
        number, log = world.begin()
        if world.until(log, f"{stage} …", number):
            if stage == "train":
                code, said = world.run()
                assert code != 0
                assert "a refresh is running here" in said
            time.sleep(draw.random() * (0.2 if stage in LONG[:2] else 0.01))
        if world.killed(number):
            kills.append(stage)
            assert ("going on with refresh 1" in log.read_text()) == (stage != "snapshot")
        world.check()
    assert kills[: len(LONG)] == list(LONG), "the others may be over before they are killed"

    code, said = world.run()

    assert code == 0, said
    world.check_promoted()
    champion = world.registry.alias(CHAMPION)
    code, said = world.run()
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
