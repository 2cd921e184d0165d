"""What `groundswell series` prints of a series. Pure; texts from outside are made plain."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumers.counts.core.cells import Tally
from consumers.counts.core.following import Followed
from consumers.counts.core.levels import MINUTE_MS
from consumers.counts.core.lines import StoryLine
from consumers.counts.core.view import tones
from consumers.records.desk.moments import short
from consumers.records.desk.plain import plain
from groundswell.schemes import Scheme


class SeriesForm(msgspec.Struct):
    """
    A series: the minute in which it counted last, and the 24 hours up to the newest minute counted.

    ``past`` says whether what lies before it was followed is counted: "whole", or "missing" while that
    is being filled. ``stories`` includes late ones, as ``items`` does.
    """

    series: str
    newest: int | None
    past: str
    items: int
    negative: int
    stories: int
    sources: int
    scheme: Scheme | None = None


def form_of(series: str, newest: int | None, followed: Followed | None, day: Tally) -> SeriesForm:
    """Lay a series out."""
    stories = sum(day.stories) + sum(day.late_stories)
    return SeriesForm(
        series=series,
        newest=newest,
        past="missing" if followed is not None and followed.since else "whole",
        items=sum(tones(day)),
        negative=tones(day)[0],
        stories=stories,
        sources=day.distinct_sources,
        scheme=None if followed is None else followed.scheme,
    )


def picture(forms: Sequence[SeriesForm]) -> RenderableType:
    """Return the table of series."""
    table = Table("series", "newest", "items 24 h", "negative", "stories", "sources", "past")
    for form in forms:
        table.add_row(
            Text(plain(form.series, 80)),
            _minute(form.newest),
            str(form.items),
            str(form.negative),
            str(form.stories),
            str(form.sources),
            form.past,
        )
    return table


def page(form: SeriesForm, lines: Sequence[StoryLine]) -> RenderableType:
    """Return one series with its newest negative items."""
    rows: list[RenderableType] = [
        Text(plain(form.series)),
        Text(f"newest   {_minute(form.newest)}"),
    ]
    if form.scheme is not None:
        rows += [
            Text(f"{name:<8} {plain(', '.join(terms))}")
            for name, terms in (
                ("must", form.scheme.must),
                ("any", form.scheme.any),
                ("exclude", form.scheme.exclude),
            )
            if terms
        ]
    rows.append(
        Text(
            f"24 hours {form.items} items, {form.negative} of them negative; {form.stories} stories, "
            f"{form.sources} sources"
        )
    )
    rows.append(Text(f"past     {form.past}"))
    if lines:
        table = Table("minute", "P(negative)", "source", "title", title="newest negative items")
        for line in lines:
            table.add_row(
                _minute(line.minute),
                f"{line.probabilities[0]:.2f}",
                Text(plain(line.source, 30)),
                Text(plain(line.title, 100)),
            )
        rows.append(table)
    return Group(*rows)


def _minute(minute: int | None) -> str:
    return "never" if minute is None else short(minute * MINUTE_MS)
