"""
From a file to ticks: classified items, or a series of ``timestamp,value``.

The same file can be read again, for the stories behind an alarm: what counts where is decided by
``Counting`` alone, in the order of the file. As online, an item belongs to the tick of ``published_at``,
unless it ``arrived_at`` more than the lateness allowed after that: then to the tick of its arrival, as late;
and a story counts once a series and sentiment.
"""

import csv
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from consumers.watch.core.evidence import Seen
from consumers.watch.detect_rows import Row, Skipped, by_words, rows
from groundswell.errors import InputError

DAY: Final = 1440
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Input(NamedTuple):
    """
    What is to be decided: ticks ``first`` to ``last`` of ``tick`` minutes, by series.

    A tick that is not in ``seen`` had no stories, or, if ``gaps`` says so, no data. ``plain`` is a series
    of values, without stories and sources; ``counts`` says whether all values are whole numbers.
    """

    tick: int
    first: int
    last: int
    names: tuple[str, ...]
    seen: dict[int, dict[str, Seen]]
    plain: bool
    sources: bool
    counts: bool
    skipped: int

    @property
    def gaps(self) -> bool:
        """Whether a missing tick means missing data."""
        return self.plain


class _Cell(msgspec.Struct):
    negative: int = 0
    stories: int = 0
    late_negative: int = 0
    late: int = 0
    sources: set[int] = msgspec.field(default_factory=set)
    bundles: set[int] = msgspec.field(default_factory=set)

    def seen(self) -> Seen:
        return Seen(
            self.negative,
            self.stories,
            self.late_negative,
            self.late,
            tuple(sorted(self.sources)),
            (),
            tuple(sorted(self.bundles)),
        )


class Place(NamedTuple):
    """Where a row counts."""

    series: str
    tick: int
    late: bool


class Counting:
    """Says where each row counts; made anew for each reading of the file."""

    def __init__(self, tick: int, by: str, match: Iterable[str], lateness: int) -> None:
        self._tick = tick
        self._by = by
        self._match = {f"match:{words}": by_words(words) for words in match}
        self._lateness = timedelta(seconds=lateness)
        self._told: set[tuple[str, str, str]] = set()

    def places(self, row: Row) -> Iterator[Place]:
        """Yield the places in which a row is a story of its own."""
        late = row.arrived is not None and abs(row.arrived - row.at) > self._lateness
        at = row.arrived if late and row.arrived is not None else row.at
        tick = minutes(at) // self._tick
        for series in self._series(row):
            if self._new(row, series):
                yield Place(series, tick, late)

    def _series(self, row: Row) -> Iterator[str]:
        if self._match:
            words = row.words
            yield from (name for name, test in self._match.items() if test(words))
        if self._by in {"all", "both"}:
            yield "all"
        if self._by in {"topic", "both"}:
            yield from (f"topic:{label}" for label in row.topics)

    def _new(self, row: Row, series: str) -> bool:
        item = row.item
        if item.new_in is not None and not series.startswith("match:"):
            return series in item.new_in
        if item.story is None:
            return True
        key = (series, item.story, row.sentiment)
        if key in self._told:
            return False
        self._told.add(key)
        return True


def minutes(at: datetime) -> int:
    """Return whole minutes since 1970."""
    return (at - _EPOCH) // timedelta(minutes=1)


def time_of(tick: int, length: int) -> str:
    """Return the beginning of a tick as RFC 3339."""
    at = _EPOCH + timedelta(minutes=tick * length)
    return at.isoformat().replace("+00:00", "Z")


def read_items(
    file: Path, tick: int | None, by: str, match: tuple[str, ...], lateness: int
) -> Input:
    """Read classified items; ``tick`` None: a day if any is dated to the day only, else a minute."""
    skipped = Skipped()
    if tick is None:
        tick = DAY if any(row.day_only for row in rows(file, Skipped())) else 1
    counting = Counting(tick, by, match, lateness)
    cells: dict[int, dict[str, _Cell]] = {}
    first, last, sources = math.inf, -math.inf, False
    names = {f"match:{words}" for words in match}
    for row in rows(file, skipped):
        if row.day_only and tick % DAY:
            raise InputError(
                f"{file}:{row.line}: `published_at` is a day without a time; use --tick 1d"
            )
        own = minutes(row.at) // tick
        first, last = min(first, own), max(last, own)
        for place in counting.places(row):
            names.add(place.series)
            last = max(last, place.tick)
            cell = cells.setdefault(place.tick, {}).setdefault(place.series, _Cell())
            _count(cell, row, late=place.late)
            sources = sources or bool(row.item.source)
    if not cells:
        raise InputError(f"{file}: no row counts in any series")
    seen = {t: {name: cell.seen() for name, cell in here.items()} for t, here in cells.items()}
    return Input(
        tick, int(first), int(last), tuple(sorted(names)), seen,
        plain=False, sources=sources, counts=True, skipped=skipped.rows,
    )  # fmt: skip


def _count(cell: _Cell, row: Row, *, late: bool) -> None:
    negative = row.sentiment == "negative"
    if late:
        cell.late += 1
        cell.late_negative += negative
    else:
        cell.stories += 1
        cell.negative += negative
    if row.item.source:
        cell.sources.add(zlib.crc32(row.item.source.encode()))
    if row.item.bundle:
        cell.bundles.add(zlib.crc32(row.item.bundle.encode()))


def read_values(file: Path, tick: int | None) -> Input:
    """Read ``timestamp,value``; ``tick`` None: the commonest distance between two rows."""
    values = list(_values(file))
    if tick is None:
        steps = Counter(
            round((b - a) / timedelta(minutes=1)) for (a, _), (b, _) in pairwise(values)
        )
        tick = max(1, steps.most_common(1)[0][0]) if steps else 1
    sums: dict[int, float] = {}
    for at, value in values:
        place = minutes(at) // tick
        sums[place] = sums.get(place, 0) + value
    name = file.stem
    seen = {place: {name: Seen(_whole(value), 0)} for place, value in sums.items()}
    counts = all(isinstance(here[name].negative, int) for here in seen.values())
    return Input(
        tick, min(seen), max(seen), (name,), seen,
        plain=True, sources=False, counts=counts, skipped=0,
    )  # fmt: skip


def _whole(value: float) -> int:
    """Return a whole number as an int; another value stays, and counts as the number that it is."""
    return int(value) if value.is_integer() else value  # type: ignore[return-value]


def _values(file: Path) -> Iterator[tuple[datetime, float]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines)
        if not {"timestamp", "value"} <= set(table.fieldnames or ()):
            raise InputError(f"{file}:1: the header must name `timestamp` and `value`")
        empty = True
        for row in table:
            empty = False
            where = f"{file}:{table.line_num}"
            try:
                at = datetime.fromisoformat(row["timestamp"])
                at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
                value = float(row["value"])
            except (TypeError, ValueError, OverflowError) as error:
                raise InputError(f"{where}: {error}") from error
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{where}: value {row['value']} must be a number from 0 on")
            yield at, value
        if empty:
            raise InputError(f"{file}: holds no rows")
