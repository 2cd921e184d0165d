from io import StringIO

import pytest
from rich.console import Console

from consumers.up.table import Picture, Row, render, sparkline, tone_bar


def shown(picture):
    console = Console(width=140, record=True, file=StringIO())
    console.print(render(picture))
    return console.export_text()


def picture(*rows, **changes):
    fields = {
        "window": 60,
        "counted": 1234,
        "refused": 2,
        "lost": 0,
        "rate": 9.96,
        "lag": 1.5,
    }
    return Picture(rows=rows, **{**fields, **changes})


def test_it_shows_what_it_was_given():
    rates = Row("topic:rates", 30, 50, 20, 4, (1, 2), stories=73)
    text = shown(picture(rates, Row("all", 1, 1, 0, 0, (0, 2))))

    lines = text.splitlines()
    assert "1,234 counted" in lines[0]
    assert "10.0/s" in lines[0]
    assert "lag 1.5 s" in lines[0]
    names = [line.split()[0] for line in lines[2:] if "%" in line and "neg" not in line]
    assert names == ["all", "topic:rates"]
    line = next(line for line in lines if "topic:rates" in line)
    assert line.split()[1:8] == ["100", "73", "30", "50", "20", "4", "30%"]


def test_trouble_is_said_and_the_unknown_is_a_dash():
    text = shown(picture(lost=3, rate=None, lag=None, note="the store is away"))

    assert "3 lost to retention" in text
    assert "rate –" in text
    assert "lag –" in text
    assert "the store is away" in text


def test_names_are_not_read_as_markup():
    assert "[red]x[/red]" in shown(picture(Row("[red]x[/red]", 1, 0, 0, 0, ())))


@pytest.mark.parametrize(
    ("values", "line"), [((), ""), ((0, 0), "  "), ((0, 1, 8), " ▁█"), ((4, 8), "▄█")]
)
def test_sparkline(values, line):
    assert sparkline(values) == line


@pytest.mark.parametrize(
    "tones", [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 0, 9), (999, 1, 1), (5, 3, 7)]
)
def test_a_bar_is_always_as_wide(tones):
    row = Row("s", tones[0], tones[1], tones[2], 0, ())

    assert len(tone_bar(row).plain) == 8
    assert row.share == (tones[0] / sum(tones) if sum(tones) else 0)


def test_on_80_columns_every_number_is_whole():
    console = Console(width=80, record=True, file=StringIO())
    console.print(
        render(picture(Row("topic:commodities", 40_123, 30_456, 20_789, 12, (1,), 80_001)))
    )
    text = console.export_text()

    for number in ("91368", "80001", "40123", "30456", "20789", "12", "44%"):
        assert number in text.split()
