"""The page on training names every part of the recipe, every option, and the ladder as it is."""

import inspect
import re
from pathlib import Path

import msgspec
import pytest

from training.cli import train
from training.recipe import Recipe
from training.tune_cli import tune

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
ELSEWHERE = {"more"}
"""Arguments without a name of their own."""


@pytest.mark.parametrize("field", msgspec.structs.fields(Recipe), ids=lambda field: field.name)
def test_every_part_of_the_recipe_stands_on_the_page_with_its_default(field):
    [line] = [line for line in PAGE.splitlines() if re.match(rf"\| .*`{field.name}`", line)]
    default = field.default
    shown = f"{default:g}".replace("e-0", "e-") if isinstance(default, float) else str(default)
    shown = {"False": "false", "0.0002": "2e-4"}.get(shown, shown)

    assert shown in line.split("|")[2]


@pytest.mark.parametrize("command", [train, tune])
def test_every_option_stands_on_the_page(command):
    names = {"option": "set"}
    options = [
        f"--{names.get(name, name).replace('_', '-')}"
        for name in inspect.signature(command).parameters
        if name not in ELSEWHERE
    ]

    assert [option for option in options if option not in PAGE] == []


def test_the_ladder_on_the_page_is_the_one_that_is_climbed():
    pytest.importorskip("torch")
    from training.strategies.choice import LADDER

    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)

    assert [(int(limit), rung) for limit, rung in rows] == list(reversed(LADDER))
