"""
`groundswell series …`: what each command does, prints, and ends with.

Rules: what a person types is written down in the records first, and followed in Redis then; if Redis is
away, `count` does the second when it is back. Times are those of the counts: a window ends with the newest
minute that was counted. Exit code 1 where there is no such series.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec
import typer

from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.cells import ZERO, Tally
from consumers.counts.core.following import Followed
from consumers.counts.core.lines import StoryLine
from consumers.counts.core.view import added as added_up
from consumers.counts.ports import CountStore
from consumers.counts.series import Series
from consumers.records.desk.commands import as_json as in_json
from consumers.records.desk.commands import shown
from consumers.records.schemes.database import open_schemes
from consumers.records.schemes.ports import SchemeRecords
from consumers.series.forms import form_of, page, picture
from groundswell.errors import InputError, Transient
from groundswell.schemes import Scheme, checked
from groundswell.series import ENTITY, SCHEME
from groundswell.settings import Settings

DAY: Final = 1440
_LINES: Final = 10
_TOGETHER: Final = 200


class Desk(NamedTuple):
    """What the commands work on; the records are opened at their address when they are wanted."""

    store: CountStore
    shards: int
    records: str
    make: bool


@asynccontextmanager
async def opened(settings: Settings, *, make: bool) -> AsyncIterator[Desk]:
    """Open the counts of the settings; ``make``: whether a missing SQLite file of records is made."""
    store = open_counts(settings)
    try:
        url = settings.records_url.get_secret_value()
        yield Desk(store, settings.redis_shards, url, make)
    finally:
        await store.close()


@asynccontextmanager
async def _records(desk: Desk) -> AsyncIterator[SchemeRecords]:
    schemes = await open_schemes(desk.records, make=desk.make)
    try:
        yield schemes
    finally:
        await schemes.close()


async def listed(desk: Desk, kind: str | None, limit: int, *, as_json: bool) -> int:
    """Print the series, the ones that counted last first."""
    newest = await desk.store.series()
    followed = await _followed(desk)
    names = [n for n in newest.keys() | followed.keys() if kind is None or n.startswith(f"{kind}:")]
    names.sort(key=lambda name: (-newest.get(name, 0), name))
    chosen = names[:limit]
    counted = await _day(desk.store, chosen, newest)
    forms = [form_of(n, newest.get(n), followed.get(n), counted.get(n, ZERO)) for n in chosen]
    if as_json:
        in_json({"series": forms, "more": len(names) - len(chosen)})
    elif forms:
        shown(picture(forms))
        if len(names) > len(chosen):
            typer.echo(f"and {len(names) - len(chosen)} more: see --limit and --kind")
    else:
        typer.echo(
            "nothing is counted yet" if kind is None else f"there is no series of kind {kind}"
        )
    return 0


async def told(desk: Desk, name: str, *, as_json: bool) -> int:
    """Print one series."""
    series = _full(name)
    newest = (await desk.store.series()).get(series)
    followed = (await _followed(desk)).get(series)
    if newest is None and followed is None:
        typer.echo(f"there is no series {series}: see `groundswell series list`", err=True)
        return 1
    tally = ZERO
    lines: tuple[StoryLine, ...] = ()
    if newest is not None:
        tally = (await _day(desk.store, [series], {series: newest}))[series]
        lines = await desk.store.stories(series, newest - 2 * DAY, newest + DAY, _LINES)
    form = form_of(series, newest, followed, tally)
    if as_json:
        told_lines = [msgspec.structs.asdict(line) for line in lines]
        in_json({**msgspec.to_builtins(form), "lines": told_lines})
    else:
        shown(page(form, lines))
    return 0


async def added(desk: Desk, name: str, scheme: Scheme) -> int:
    """Write a scheme down and follow it."""
    folded = checked(name, scheme)
    async with _records(desk) as schemes:
        record = await schemes.add(folded, scheme)
    if record.scheme != scheme:
        raise InputError(
            f"there is a scheme {folded} with other words: drop it first (`groundswell series drop "
            f"{SCHEME}{folded}`), or take another name"
        )
    series = Series(desk.store, desk.shards)
    try:
        held = (await desk.store.registry(0)).series.get(SCHEME + folded)
        if held is not None and held.scheme != scheme:
            await series.drop(SCHEME + folded)
        await series.add({SCHEME + folded: scheme})
    except Transient as error:
        typer.echo(
            f"{SCHEME}{folded} is on record; `count` follows it when Redis is back ({error})"
        )
        return 0
    typer.echo(f"{SCHEME}{folded} counts from now on; its past is filled by `count`")
    return 0


async def dropped(desk: Desk, name: str) -> int:
    """Drop a scheme or an entity."""
    series = _full(name)
    known = False
    if series.startswith(SCHEME):
        async with _records(desk) as schemes:
            known = await schemes.drop(series.removeprefix(SCHEME))
    elif not series.startswith(ENTITY):
        raise InputError(f"{series} cannot be dropped: only schemes and entities can")
    try:
        for shard in range(desk.shards):
            known |= series in (await desk.store.registry(shard)).series
        await Series(desk.store, desk.shards).drop(series)
    except Transient as error:
        if not known:
            raise
        typer.echo(f"{series} is dropped; `count` removes its counts when Redis is back ({error})")
        return 0
    if not known:
        typer.echo(f"there is no series {series}: see `groundswell series list`", err=True)
        return 1
    typer.echo(f"{series} is dropped, and its counts are removed")
    return 0


def _full(name: str) -> str:
    """Return the full name of a series; a bare one is that of a scheme, as it was typed."""
    if ":" in name or name == "all":
        return name
    return SCHEME + checked(name, Scheme(must=("x",)))


async def _followed(desk: Desk) -> Mapping[str, Followed]:
    """Return what is followed; a series lacks its past as long as it does in any shard."""
    found: dict[str, Followed] = {}
    for shard in range(desk.shards):
        for name, held in (await desk.store.registry(shard)).series.items():
            before = found.get(name, held)
            found[name] = before if before.since else held
    return found


async def _day(
    store: CountStore, names: list[str], newest: Mapping[str, int]
) -> Mapping[str, Tally]:
    """Add up what each series counted in the 24 hours up to the newest minute of any."""
    last = max(newest.values(), default=0)
    found: dict[str, Tally] = {}
    for start in range(0, len(names), _TOGETHER):
        chunk = names[start : start + _TOGETHER]
        hours = await store.cells(chunk, "hour", (last - DAY) // 60 + 1, last // 60)
        found |= {name: added_up(cells, 0, last) for name, cells in hours.items()}
    return found
