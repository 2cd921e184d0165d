"""
The live table: values in, a rich renderable out.

Rule: pure; what it shows is what it was given, and texts from outside are never read as markup.
"""

from dataclasses import dataclass
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from consumers.up.alerts import AlertRow

_BAR: Final = 8
_INDENT: Final = 11
_LONG: Final = 10_000
_SPARKS: Final = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Row:
    """
    A series over the window: items by tone, and those of each recent minute, oldest first.

    ``stories`` counts each story once in each tone that it was told in: copies are left out.
    """

    series: str
    negative: int
    neutral: int
    positive: int
    late: int
    minutes: tuple[int, ...]
    stories: int = 0

    @property
    def items(self) -> int:
        """How many items counted, late ones among them."""
        return self.negative + self.neutral + self.positive

    @property
    def tones(self) -> tuple[int, int, int]:
        """Negative, neutral and positive items."""
        return self.negative, self.neutral, self.positive

    @property
    def share(self) -> float:
        """The negative share of the items, 0 where there are none."""
        return self.negative / self.items if self.items else 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """
    What one look at the store found.

    ``rate`` is in items per second since the look before, ``lag`` the seconds between now and the
    oldest mark (None before the first one); ``window`` is in minutes.
    """

    rows: tuple[Row, ...]
    window: int
    counted: int
    refused: int
    lost: int
    rate: float | None
    lag: float | None
    note: str = ""
    alerts: tuple[AlertRow, ...] = ()


def sparkline(values: tuple[int, ...]) -> str:
    """Draw one character a value, scaled to the largest."""
    most = max(values, default=0)
    if most == 0:
        return " " * len(values)
    return "".join(_SPARKS[-(-v * (len(_SPARKS) - 1) // most)] for v in values)


def tone_bar(row: Row, width: int = _BAR) -> Text:
    """Draw the three tones as parts of one bar."""
    if not row.items:
        return Text(" " * width)
    negative = round(row.negative / row.items * width)
    positive = min(width - negative, round(row.positive / row.items * width))
    bar = Text("█" * negative, style="red")
    bar.append("█" * (width - negative - positive), style="bright_black")
    bar.append("█" * positive, style="green")
    return bar


def render(picture: Picture) -> RenderableType:
    """Lay out the picture: a head line, the series with most items first, and the alerts."""
    # Fits 80 columns; on a wider terminal the minutes take the room.
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("series", min_width=18, max_width=32, no_wrap=True, overflow="ellipsis")
    for name in ("items", "stories", "neg", "neu", "pos", "late", "neg %"):
        table.add_column(name, justify="right", no_wrap=True, min_width=max(5, len(name)))
    table.add_column("tone", no_wrap=True, min_width=_BAR)
    table.add_column("trend", no_wrap=True, overflow="crop", justify="right")
    for row in sorted(picture.rows, key=lambda r: (r.series != "all", -r.items, r.series)):
        table.add_row(
            Text(row.series, style="bold" if row.series == "all" else ""),
            *(_number(n) for n in (row.items, row.stories, *row.tones, row.late)),
            f"{row.share:.0%}",
            tone_bar(row),
            Text(sparkline(row.minutes), style="cyan"),
        )
    return Group(
        _head(picture),
        table,
        *(_alert(row) for row in picture.alerts),
        *([Text(picture.note, style="yellow")] if picture.note else []),
    )


_STATES: Final = {"firing": "bold red", "recovering": "yellow", "resolved": "green"}


def _alert(row: AlertRow) -> RenderableType:
    """Draw an alert: a line with its figures, and while it fires one for each of its top stories."""
    text = Text()
    text.append(f"{row.state:<{_INDENT - 1}} ", style=_STATES.get(row.state, ""))
    text.append(f"{row.series} ", style="bold")
    text.append(f"{row.kind} ({row.about}), {row.severity} since {row.since}")
    if row.found:
        text.append(f": {row.found}")
    stories = row.stories if row.state == "firing" else ()
    lines = (Padding(Text(s.text, style="bright_black"), (0, 0, 0, _INDENT)) for s in stories)
    return Group(text, *lines)


def _number(number: int) -> str:
    """Write a number in five characters as long as that is possible."""
    return f"{number:,}" if number < _LONG else str(number)


def _head(picture: Picture) -> Text:
    head = Text("groundswell  ", style="bold")
    head.append(f"{picture.counted:,} counted", style="bold green")
    head.append(f"  {picture.refused:,} refused")
    if picture.lost:
        head.append(f"  {picture.lost:,} lost to retention", style="bold red")
    head.append("  rate " + ("–" if picture.rate is None else f"{picture.rate:,.1f}/s"))
    head.append("  lag " + ("–" if picture.lag is None else f"{picture.lag:,.1f} s"))
    head.append(f"  window {picture.window} min", style="bright_black")
    return head
