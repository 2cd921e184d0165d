"""
What the API says of series: cells, stories, and the definition of every number.

Rules: times are the beginnings of minutes, hours or days (UTC). No number leaves without a definition, which
a test holds against the fields.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from consumers.records.desk.moments import MINUTE_MS, iso
from consumers.records.desk.plain import cell as csv_cell

Level: TypeAlias = Literal["minute", "hour", "day"]
MINUTES: Final[dict[Level, int]] = {"minute": 1, "hour": 60, "day": 1440}
MOST_CELLS: Final = 10_000


class Tone(msgspec.Struct, frozen=True):
    """Numbers by sentiment."""

    negative: int = 0
    neutral: int = 0
    positive: int = 0


class Cell(msgspec.Struct, frozen=True):
    """A series in one minute, hour or day; ``DEFINITIONS`` says what each number is."""

    items: Tone = Tone()
    stories: Tone = Tone()
    late_items: Tone = Tone()
    late_stories: Tone = Tone()
    sources: int = 0
    negative_probability: float = 0.0
    bundles: tuple[str, ...] = ()


class CellForm(Cell, frozen=True, kw_only=True):
    """A cell with the time at which it begins."""

    at: str


class StoryForm(msgspec.Struct, frozen=True, kw_only=True):
    """
    A negative item as it counted in a series.

    ``title``, ``source`` and ``url`` are as they were crawled: never trust them.
    """

    story: str
    id: str
    title: str
    source: str
    url: str
    published: str
    arrived: str
    at: str
    late: bool
    new: bool
    negative: float
    topics: dict[str, float]
    bundle: str
    log: str


class SeriesForm(msgspec.Struct, frozen=True):
    """A series, and the newest minute in which it counted."""

    name: str
    newest: str


DEFINITIONS: Final[dict[str, str]] = {
    "items": "Texts that arrived in time and belong to the series, by the model's label.",
    "stories": "Of these, the first telling of each story with that label in the series: near-duplicates "
    "of 24 hours are one story.",
    "late_items": "Texts that arrived later than `lateness_seconds` after their publication, counted in the "
    "minute of their arrival; they are in none of `items`.",
    "late_stories": "Of the late texts, the first telling of each story.",
    "sources": "Distinct sources of all texts; exact up to 32, estimated above from the 32 smallest "
    "hashes.",
    "negative_probability": "Sum of the model's P(negative) over all texts, late ones too: for display, "
    "since a mean is no evidence.",
    "bundles": "The model bundles that labelled the texts, at most 8.",
}
"""What each number of a cell is; `groundswell recount` computes all of them again from the log."""

COLUMNS: Final = (
    "series", "at", "level",
    *(f"{n}_{t}" for n in ("items", "stories", "late_items", "late_stories")
      for t in ("negative", "neutral", "positive")),
    "sources", "negative_probability", "bundles",
)  # fmt: skip


def first_bucket(level: Level, at: int) -> int:
    """Return the bucket that holds a time in ms."""
    return at // (MINUTE_MS * MINUTES[level])


def begins(level: Level, bucket: int) -> str:
    """Return when a bucket begins."""
    return iso(bucket * MINUTES[level] * MINUTE_MS)


def forms(level: Level, cells: Mapping[int, Cell]) -> tuple[CellForm, ...]:
    """Return cells in order of time."""
    return tuple(
        CellForm(at=begins(level, bucket), **_fields(cells[bucket])) for bucket in sorted(cells)
    )


def _fields(cell: Cell) -> dict[str, Any]:
    return {name: getattr(cell, name) for name in Cell.__struct_fields__}


def csv_of(series: str, level: Level, cells: Iterable[CellForm]) -> str:
    """Return cells as CSV (RFC 4180), no cell of which a spreadsheet takes for a formula."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for cell in cells:
        tones = (cell.items, cell.stories, cell.late_items, cell.late_stories)
        numbers = [n for tone in tones for n in (tone.negative, tone.neutral, tone.positive)]
        row = [series, cell.at, level, *numbers, cell.sources, cell.negative_probability]
        rows.writerow([csv_cell(value) for value in (*row, " ".join(cell.bundles))])
    return written.getvalue()
