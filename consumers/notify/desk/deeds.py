"""What the commands about channels, silences and deliveries do and print."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import typer

from consumers.notify.core.checking import silence_faults
from consumers.notify.core.hiding import hidden
from consumers.notify.desk.commands import WEEK_MS, keep, table, the_channel
from consumers.notify.desk.making import channel_of, checked, config_of, new_id, new_secret
from consumers.notify.ports import Sealer
from consumers.records.desk.moments import short
from consumers.records.notices.database import DatabaseNotices
from consumers.records.notices.ports import Stage
from consumers.records.notices.values import Channel, ChannelKind, Silence, Subscription
from groundswell.errors import InputError

MOST_SECRETS: Final = 5
_PAGE: Final = 500


async def add_channel(
    records: DatabaseNotices,
    sealer: Sealer,
    owner: str,
    name: str,
    made: tuple[ChannelKind, str, Sequence[str]],
) -> Channel:
    """Add a channel; a webhook's new secret is printed, once. Raises ``InputError``."""
    kind, url, given = made
    config = config_of(kind, url, given)
    channel = channel_of(owner, name, kind, config, sealer)
    if not await records.put_channel(channel):
        raise InputError(f"{owner} has a channel {name!r} already")
    _say_secret(config, given)
    return channel


def _say_secret(config: Mapping[str, object], given: Sequence[str]) -> None:
    made = config.get("secrets")
    if isinstance(made, list) and made and not given:
        typer.echo(f"signing secret, shown this once: {made[0]}")


async def run_channels(records: DatabaseNotices, owner: str | None, *, as_json: bool) -> int:
    """List channels, without their secrets."""
    found = [c for c in await records.channels(owner) if c.disabled != "removed"]
    rows = [(c.id, c.owner, c.name, c.kind, c.shown, c.disabled or "on") for c in found]
    names = ("id", "owner", "name", "kind", "leads to", "state")
    if as_json:
        typer.echo(msgspec.json.encode([dict(zip(names, r, strict=True)) for r in rows]).decode())
    else:
        table(names, rows)
    return 0


async def run_rotate(records: DatabaseNotices, sealer: Sealer, name: str, *, only: bool) -> int:
    """Give a webhook a new secret; the old ones still sign, unless ``only``."""
    channel = await the_channel(records, name)
    if channel.kind != "webhook":
        raise InputError(f"channel {name!r}: only a webhook has signing secrets")
    config = dict(sealer.open(channel.sealed))
    held = config.get("secrets")
    old = [str(s) for s in held] if isinstance(held, list) and not only else []
    fresh = new_secret()
    config["secrets"] = [fresh, *old][:MOST_SECRETS]
    await records.put_channel(msgspec.structs.replace(channel, sealed=sealer.seal(config)))
    typer.echo(f"signing secret, shown this once: {fresh}")
    typer.echo(
        f"{len(old)} older ones sign too; `groundswell channels rotate {name} --only` ends them"
        if old
        else "it is the only one"
    )
    return 0


async def run_switch(records: DatabaseNotices, name: str, why: str) -> int:
    """Switch a channel off, or on again."""
    channel = await the_channel(records, name)
    await records.disable_channel(channel.id, why)
    typer.echo(f"{channel.name} is {'off' if why else 'on'}")
    return 0


async def run_remove(records: DatabaseNotices, name: str) -> int:
    """Remove a channel with its secrets."""
    channel = await the_channel(records, name)
    answer = await records.remove_channel(channel.id)
    typer.echo(f"{channel.name}: {answer}")
    return 0 if answer == "removed" else 1


async def run_subscribe(
    records: DatabaseNotices,
    sealer: Sealer,
    wanted: Subscription,
    new: Sequence[tuple[ChannelKind, str]],
    existing: Sequence[str],
) -> int:
    """Make a subscription, and the channels that it names."""
    channels = [await the_channel(records, name) for name in existing]
    checked(msgspec.structs.replace(wanted, channels=("later",)))
    if any(one.name == wanted.name for one, _ in await records.subscriptions(wanted.owner)):
        raise InputError(f"subscription {wanted.name!r}: {wanted.owner} has one already")
    for kind, url in new:
        config_of(kind, url)  # refuse before anything is written
    kinds = [kind for kind, _ in new]
    for place, (kind, url) in enumerate(new):
        again = kinds[:place].count(kind)
        name = f"{wanted.name} {kind}" + (f" {again + 1}" if again else "")
        channels.append(await add_channel(records, sealer, wanted.owner, name, (kind, url, ())))
    ids = tuple(channel.id for channel in channels)
    await keep(records, msgspec.structs.replace(wanted, id=new_id(), channels=ids), 0)
    typer.echo(f"{wanted.owner} is told of {wanted.name}")
    return 0


async def run_silence(records: DatabaseNotices, silence: Silence, *, only_show: bool) -> int:
    """Write a silence, and print what it hides; ``only_show``: print what it would hide, and write none."""
    wrong = silence_faults(silence)
    if wrong:
        raise InputError("the silence cannot be meant:\n  " + "\n  ".join(wrong))
    week = await records.told_since(await records.now() - WEEK_MS)
    found = hidden(silence, await records.going_on(), week)
    for alert in found.open:
        typer.echo(f"hides {alert.id} {alert.series} ({alert.severity})")
    if not found.open:
        typer.echo("hides nothing that goes on")
    if only_show:
        for line, alert in found.transitions[-_PAGE:]:
            moved = line.after if line.action == "move" else line.action
            typer.echo(
                f"would have matched {short(line.at)} {alert.id} {alert.series} ({alert.severity}) {moved}"
            )
    typer.echo(f"of the last seven days: {len(found.transitions)} of {found.of} transitions")
    if not only_show:
        await records.put_silence(silence)
        typer.echo(
            f"silence {silence.id} from {short(silence.start)} until {short(silence.end)} UTC"
        )
    return 0


async def run_silences(records: DatabaseNotices, *, as_json: bool) -> int:
    """List the silences that have not ended."""
    found = await records.silences(await records.now())
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return 0
    rows = []
    for one in found:
        said = ", ".join(f"{m.label}{m.op}{'|'.join(m.values)}" for m in one.matchers)
        rows.append((one.id, said, short(one.start), short(one.end), one.author, one.comment))
    table(("id", "matches", "from (UTC)", "until (UTC)", "by", "comment"), rows)
    return 0


async def run_end(records: DatabaseNotices, name: str) -> int:
    """End a silence now."""
    now = await records.now()
    for one in await records.silences(now):
        if one.id == name:
            await records.put_silence(msgspec.structs.replace(one, end=max(now, one.start)))
            typer.echo(f"silence {name} is over")
            return 0
    raise InputError(f"silence {name!r}: there is none that goes on")


async def run_deliveries(
    records: DatabaseNotices, stage: Stage | None, limit: int, *, as_json: bool
) -> int:
    """List the queue, the newest first."""
    found = await records.deliveries(stage, limit=limit)
    if as_json:
        typer.echo(msgspec.json.encode([d._asdict() for d in found]).decode())
        return 0
    names = {c.id: c.name for c in await records.channels()}
    rows = [
        (
            str(d.number),
            short(d.planned_at),
            d.stage,
            names.get(d.channel, d.channel),
            d.message.reason,
            str(d.attempts),
            d.said,
        )
        for d in found
    ]
    table(("number", "at (UTC)", "state", "channel", "why", "tries", "last answer"), rows)
    return 0


async def run_replay(
    records: DatabaseNotices, numbers: Sequence[int], channel: str | None, *, every: bool
) -> int:
    """Let dead deliveries be tried again."""
    chosen, before = set(numbers), None
    if every or channel is not None:
        id_ = None if channel is None else (await the_channel(records, channel)).id
        while page := await records.deliveries("dead", id_, _PAGE, before):
            chosen |= {one.number for one in page}
            before = page[-1].number
    done = await records.replay(sorted(chosen))
    typer.echo(f"{done} deliveries are tried again")
    return 0 if done else 1
