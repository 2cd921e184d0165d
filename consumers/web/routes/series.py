"""Series: list, show, counts, export, stories; and the definition of every number."""

from typing import Annotated, Final, Literal

import msgspec
from fastapi import Path, Query, Request, Response

from consumers.records.desk.moments import MINUTE_MS, iso, moment_of
from consumers.web.answers import answer, sent
from consumers.web.core.pages import cursor, place_of, tag_of
from consumers.web.core.problems import Refusal
from consumers.web.core.series import (
    DEFINITIONS,
    MINUTES,
    MOST_CELLS,
    CellForm,
    Level,
    SeriesForm,
    StoryForm,
    csv_of,
    first_bucket,
    forms,
)
from consumers.web.operations import V1, Operation
from consumers.web.parts import parts_of

SeriesName = Annotated[str, Path(min_length=1, max_length=600)]
Moment = Annotated[str | None, Query(max_length=40)]
_LIST: Final = "series"
_CSV: Final = "text/csv"
_DAY_MS: Final = 86_400_000
_SPANS: Final[dict[Level, int]] = {
    "minute": _DAY_MS // 24,
    "hour": _DAY_MS,
    "day": 30 * _DAY_MS,
}
"""How far back counts reach where nobody says: an hour, a day, a month."""


class SeriesPage(msgspec.Struct, frozen=True):
    """Series by name, and where the next page begins."""

    series: tuple[SeriesForm, ...]
    next: str | None


class CountsForm(msgspec.Struct, frozen=True):
    """Counts of a series from ``since`` until before ``until``; where a cell is left out, all of it is 0."""

    series: str
    level: Level
    since: str
    until: str
    cells: tuple[CellForm, ...]
    definitions: dict[str, str]


class StoriesForm(msgspec.Struct, frozen=True):
    """Negative stories of a series, the newest first. Their texts are as they were crawled."""

    series: str
    stories: tuple[StoryForm, ...]


async def list_series(
    request: Request,
    prefix: Annotated[str, Query(max_length=600)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(max_length=1200)] = None,
) -> Response:
    """List series by name. `prefix` is as in `topic:`, `entity:` or `scheme:`."""
    begin = "" if after is None else place_of(_LIST, after)
    held = await parts_of(request).counts.series()
    names = sorted(name for name in held if name.startswith(prefix) and name > begin)
    page = names[:limit]
    more = cursor(_LIST, page[-1]) if len(names) > limit else None
    found = tuple(SeriesForm(name, iso(held[name] * MINUTE_MS)) for name in page)
    return answer(request, SeriesPage(found, more))


async def show_series(request: Request, series: SeriesName) -> Response:
    """Show a series: the newest minute in which it counted."""
    return answer(request, await _found(request, series))


async def _found(request: Request, name: str) -> SeriesForm:
    held = await parts_of(request).counts.series()
    if name not in held:
        raise Refusal("not-found", "no such series has counted")
    return SeriesForm(name, iso(held[name] * MINUTE_MS))


async def series_counts(
    request: Request,
    series: SeriesName,
    level: Annotated[Level, Query()] = "minute",
    since: Moment = None,
    until: Moment = None,
) -> Response:
    """Count by minute (kept 48 hours), hour (90 days) or day (2 years), with the definition of each number."""
    return answer(request, await _counts(request, series, level, since, until))


async def export_series(
    request: Request,
    series: SeriesName,
    level: Annotated[Level, Query()] = "hour",
    since: Moment = None,
    until: Moment = None,
    format: Annotated[Literal["csv", "json"], Query()] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """Give the counts of a series as a file, CSV (RFC 4180) or JSON; no cell of CSV is a formula."""
    found = await _counts(request, series, level, since, until)
    named = {"Content-Disposition": f'attachment; filename="counts-{level}.{format}"'}
    if format == "json":
        return answer(request, found, headers=named)
    body = csv_of(series, level, found.cells).encode()
    return sent(request, body, f"{_CSV}; charset=utf-8", tag=tag_of(body), headers=named)


async def _counts(
    request: Request, series: str, level: Level, since: str | None, until: str | None
) -> CountsForm:
    now = parts_of(request).clock.wall()
    end = now if until is None else moment_of("until", until, now)
    begin = end - _SPANS[level] if since is None else moment_of("since", since, now)
    first = first_bucket(level, begin)
    last = first_bucket(level, end - 1)
    if not 0 <= first <= last:
        raise Refusal("invalid", "since: must lie before `until`, and after 1970")
    if last - first >= MOST_CELLS:
        raise Refusal("invalid", f"that is more than {MOST_CELLS} cells: ask for a shorter time")
    await _found(request, series)
    cells = await parts_of(request).counts.cells([series], level, first, last)
    width = MINUTES[level] * MINUTE_MS
    return CountsForm(
        series,
        level,
        iso(first * width),
        iso((last + 1) * width),
        forms(level, cells.get(series, {})),
        DEFINITIONS,
    )


async def series_stories(
    request: Request,
    series: SeriesName,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """List the newest negative stories of a series. Their texts are as they were crawled."""
    parts = parts_of(request)
    now = parts.clock.wall()
    last = (now if until is None else moment_of("until", until, now)) // MINUTE_MS
    first = 0 if since is None else moment_of("since", since, now) // MINUTE_MS
    await _found(request, series)
    found = await parts.counts.stories(series, max(0, first), max(0, last), limit)
    return answer(request, StoriesForm(series, found))


async def definitions(request: Request) -> Response:
    """Say what each number of a cell is."""
    return answer(request, DEFINITIONS)


_S: Final = f"{V1}/series"
_ONE: Final = f"{_S}/{{series:path}}"
OPERATIONS: Final = (
    Operation("GET", _S, list_series, "series", SeriesPage),
    Operation("GET", f"{_ONE}/counts", series_counts, "series", CountsForm, more=(404,)),
    Operation(
        "GET", f"{_ONE}/export", export_series, "series", CountsForm, more=(404,), other=(_CSV,)
    ),
    Operation("GET", f"{_ONE}/stories", series_stories, "series", StoriesForm, more=(404,)),
    Operation("GET", _ONE, show_series, "series", SeriesForm, more=(404,)),
    Operation("GET", f"{V1}/definitions", definitions, "series", dict[str, str]),
)
