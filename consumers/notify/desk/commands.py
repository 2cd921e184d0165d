"""What the commands about subscriptions do and print. Exit code 1 where the answer is no."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from consumers.notify.calendars import calendar
from consumers.notify.core.payloads import reason_text
from consumers.notify.core.preview import Preview, preview
from consumers.notify.core.words import plain
from consumers.notify.desk.making import checked, from_yaml, to_yaml
from consumers.notify.planner import delivery_key
from consumers.records.desk.moments import short
from consumers.records.notices.database import DatabaseNotices, open_notices
from consumers.records.notices.ports import Planned
from consumers.records.notices.values import Channel, Message, Subscription
from groundswell.errors import InputError
from groundswell.settings import Settings

WEEK_MS: Final = 7 * 86_400_000


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[DatabaseNotices]:
    """Open the records."""
    records = await open_notices(settings.records_url.get_secret_value())
    try:
        yield records
    finally:
        await records.close()


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; for a pipe with tabs."""
    console = Console()
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(row))
        return
    drawn = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        drawn.add_row(*(plain(cell, 200) for cell in row))
    console.print(drawn)


async def the_subscription(records: DatabaseNotices, name: str) -> tuple[Subscription, int]:
    """Return the subscription of that name or id. Raises ``InputError``."""
    found = [(s, v) for s, v in await records.subscriptions() if name in {s.id, s.name}]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} owners have one; give its id" if found else "there is none"
    raise InputError(f"subscription {name!r}: {many}")


async def the_channel(records: DatabaseNotices, name: str) -> Channel:
    """Return the channel of that name or id. Raises ``InputError``."""
    found = [
        c for c in await records.channels() if name in {c.id, c.name} and c.disabled != "removed"
    ]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} owners have one; give its id" if found else "there is none"
    raise InputError(f"channel {name!r}: {many}")


async def keep(records: DatabaseNotices, one: Subscription, version: int | None = None) -> None:
    """Write a subscription. Raises ``InputError`` where that is refused."""
    answer = await records.put_subscription(checked(one), version)
    if isinstance(answer, str):
        raise InputError(f"subscription {one.name!r}: {answer}")


async def run_list(records: DatabaseNotices, owner: str | None, *, as_json: bool) -> int:
    """List subscriptions."""
    found = await records.subscriptions(owner)
    if as_json:
        typer.echo(msgspec.json.encode([s for s, _ in found]).decode())
        return 0
    names = {c.id: c.name for c in await records.channels()}
    rows = []
    for one, _ in found:
        asked = (*one.filters.topics, *one.filters.entities, *one.filters.schemes)
        state = "paused" if one.paused else "on"
        via = ", ".join(names.get(n, n) for n in one.channels)
        rows.append((one.id, one.owner, one.name, state, ", ".join(asked) or "all", via))
    table(("id", "owner", "name", "state", "asks for", "channels"), rows)
    return 0


async def run_show(records: DatabaseNotices, name: str) -> int:
    """Print a subscription as YAML, and the last lines of its log."""
    one, version = await the_subscription(records, name)
    names = {c.id: c.name for c in await records.channels()}
    typer.echo(f"# id {one.id}, version {version}")
    typer.echo(to_yaml([one], names).rstrip())
    return await run_log(records, name, 10, as_json=False)


async def run_pause(records: DatabaseNotices, name: str, *, paused: bool) -> int:
    """Pause or resume a subscription."""
    one, version = await the_subscription(records, name)
    await keep(records, msgspec.structs.replace(one, paused=paused), version)
    typer.echo(f"{one.name} is {'paused' if paused else 'on'}")
    return 0


async def run_delete(records: DatabaseNotices, name: str) -> int:
    """Remove a subscription."""
    one, _ = await the_subscription(records, name)
    await records.delete_subscription(one.id)
    typer.echo(f"{one.name} is gone; what is in the queue is still delivered")
    return 0


async def run_log(records: DatabaseNotices, name: str, limit: int, *, as_json: bool) -> int:
    """Print what was sent and withheld, and why, the newest first."""
    one, _ = await the_subscription(records, name)
    lines = await records.log(one.id, limit)
    if as_json:
        typer.echo(msgspec.json.encode([line._asdict() for _, line in lines]).decode())
        return 0
    table(
        ("at (UTC)", "what", "why", "about", "detail"),
        [(short(li.at), li.action, li.reason, li.alert or li.lane, li.detail) for _, li in lines],
    )
    return 0


async def run_preview(records: DatabaseNotices, name: str, *, as_json: bool) -> int:
    """Print what the last seven days would have sent."""
    one, _ = await the_subscription(records, name)
    now = await records.now()
    found = preview(
        msgspec.structs.replace(one, paused=False),
        await records.told_since(now - WEEK_MS),
        await records.silences(now - WEEK_MS),
        calendar(one.schedule.market),
        now,
    )
    if as_json:
        withheld = [{"at": at, **note._asdict()} for at, note in found.withheld]
        shown = {"messages": found.messages, "withheld": withheld}
        typer.echo(msgspec.json.encode(shown).decode())
        return 0
    show_preview(found)
    return 0


def show_preview(found: Preview) -> None:
    """Print a preview."""
    lines = [
        (m.at, "send", reason_text(m), ", ".join(i.series for i in m.items)) for m in found.messages
    ]
    lines += [(at, "withhold", n.why, n.alert) for at, n in found.withheld]
    lines.sort(key=lambda line: line[0])
    table(("at (UTC)", "what", "why", "about"), [(short(at), *rest) for at, *rest in lines])
    typer.echo(f"{len(found.messages)} messages in seven days, {len(found.withheld)} withheld")


async def run_test(records: DatabaseNotices, name: str) -> int:
    """Queue a test message on every channel of a subscription."""
    one, _ = await the_subscription(records, name)
    now = await records.now()
    message = Message(
        subscription=one.id,
        name=one.name,
        group="test",
        reason="test",
        at=now,
        items=(),
        total=0,
        firing=0,
        resolved=0,
        number=now,
        language=one.language,
    )
    await records.enqueue(
        [
            Planned(delivery_key(name, "test", message), name, one.id, f"test:{now}", message)
            for name in one.channels
        ]
    )
    typer.echo(f"{len(one.channels)} test messages are queued; `groundswell notify` sends them")
    return 0


async def run_export(records: DatabaseNotices, owner: str | None) -> int:
    """Print subscriptions as YAML."""
    found = [one for one, _ in await records.subscriptions(owner)]
    names = {c.id: c.name for c in await records.channels()}
    typer.echo(to_yaml(found, names).rstrip())
    return 0


def read(file: Path) -> str:
    """Return the text of a file. Raises ``InputError``."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None


async def run_import(records: DatabaseNotices, text: str) -> int:
    """Take subscriptions in from YAML."""
    known = [one for one, _ in await records.subscriptions()]
    made = from_yaml(text, known, await records.channels())
    for one in made:
        await keep(records, one)
    typer.echo(f"{len(made)} subscriptions taken in")
    return 0
