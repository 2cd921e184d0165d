"""The alerts in the picture of `top` and `up`, as `watch` raised them over the twin of the records."""

from dataclasses import replace

import pytest
from rich.console import Console

from consumers.up.alerts import SHOWN, AlertRow, Board, Told, moved
from consumers.up.table import Picture, render
from tests.watch_loop_world import HOURS, START, SURGE, World

END = START + (HOURS + 5) * 60 - 1


@pytest.fixture
async def world():
    world = World()
    world.watching = world.process("one")  # type: ignore[attr-defined]
    await world.until(SURGE + 30, world.watching)  # type: ignore[attr-defined]
    return world


def drawn(*rows):
    picture = Picture((), 60, 0, 0, 0, None, None, alerts=rows)
    console = Console(width=120, record=True)
    with console.capture() as caught:
        console.print(render(picture))
    return caught.get()


async def test_an_alert_is_shown_with_its_figures_and_its_stories(world):
    rows, lines = await Board(world.records).look()

    row = rows[0]
    assert (row.state, row.kind, row.series) == ("firing", "surge", "topic:rates")
    assert "negative stories" in row.found
    assert "expected" in row.found
    assert row.stories == (Told("bad news of topic:rates", "wire"),)
    assert lines[0].after == "firing"
    assert "the evidence reached the threshold" in lines[0].text
    assert lines[0].stories == row.stories


async def test_each_transition_is_said_once_and_the_end_is_shown(world):
    board = Board(world.records)
    _, first = await board.look()
    _, again = await board.look()
    await world.until(END, world.watching)
    rows, rest = await board.look()

    assert again == ()
    said = [line.after for line in (*first, *rest) if line.series == "topic:rates"]
    assert said[0] == "firing"
    assert said[-2:] == ["recovering", "resolved"]
    assert rows[0].state == "resolved"
    assert len(rows) <= SHOWN
    assert [m["state"] for m in moved(rest)] == [line.after for line in rest]


def test_the_table_draws_stories_only_while_it_fires_and_reads_no_markup():
    story = Told("[b]t", "wire", 7, 3, ("fraud", "default"))
    row = AlertRow(
        "firing", "topic:x", "surge", "tone", "warning", "09:04", "9 against 1", (story,)
    )

    firing, over = drawn(row), drawn(replace(row, state="resolved"))

    assert "topic:x surge (tone), warning since 09:04: 9 against 1" in firing
    assert "[b]t (wire and others: 7 items, 3 sources) · fraud, default" in firing
    assert "resolved" in over
    assert "[b]t" not in over
