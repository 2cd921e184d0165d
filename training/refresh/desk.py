"""What ``groundswell feedback …`` does: rows into the records, settled labels out, the queue."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from consumers.records.access.database import open_access
from consumers.records.access.ports import FeedbackBook
from consumers.records.access.values import FIELDS, Feedback
from consumers.records.database import open_records
from consumers.records.ports import AlertReader
from groundswell.errors import InputError
from groundswell.settings import Settings
from training.refresh.asking import Disputed, queue
from training.refresh.core.votes import Settled, settle
from training.refresh.feedback import disputed, read_all, votes_of
from training.refresh.labels import read_items, read_rows

_LONGEST = 200
"""Characters of an id, a label or a name."""


class Taken(NamedTuple):
    """How many words were added, were known already, and had no label."""

    added: int
    known: int
    empty: int


async def take_in(book: FeedbackBook, files: Sequence[str], actor: str) -> Taken:
    """Add the labels of files; every row is checked before the first is added. Raises ``InputError``."""
    rows = [(_checked(row, actor), row) for row in read_rows(files)]
    words = await read_all(book)
    last = {(w.about, w.target, w.field, w.actor): w.label for w in words}
    added = known = 0
    for said, _ in rows:
        if said is None:
            continue
        key = (said.about, said.target, said.field, said.actor)
        if last.get(key) == said.label:
            known += 1
            continue
        await book.give_feedback(said)
        last[key] = said.label
        added += 1
    return Taken(added, known, sum(said is None for said, _ in rows))


def _checked(row: Mapping[str, Any], actor: str) -> Feedback | None:
    """Return a row as feedback; None where nobody has filled it in."""
    label = row.get("label")
    if label is None or label == "":
        return None
    about, field, item = row.get("about", "item"), row.get("field"), row.get("id")
    values = {"id": item, "field": field, "label": label, "actor": row.get("actor") or actor}
    for name, value in values.items():
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
            raise InputError(f"row {item!r}: {name} must be 1 to {_LONGEST} characters")
    if about not in FIELDS or field not in FIELDS[about]:
        allowed = "; ".join(f"of an {what}: {', '.join(names)}" for what, names in FIELDS.items())
        raise InputError(f"row {item!r}: there is no field {field!r} of an {about}; {allowed}")
    return msgspec.convert(
        {
            "about": about,
            "target": item,
            "field": field,
            "label": label,
            "actor": values["actor"],
            "bundle": str(row.get("bundle") or "")[:_LONGEST],
            "comment": str(row.get("comment") or "")[:2000],
        },
        Feedback,
    )


async def give_out(
    book: FeedbackBook, items: Sequence[str], trusted: frozenset[str], out: str
) -> Settled:
    """Write the settled labels, with the texts that are at hand, a row an item."""
    found = settle(votes_of(await read_all(book)), trusted)
    texts = read_items(items, {label.item for label in found.labels}) if items else {}
    rows: dict[str, dict[str, Any]] = {}
    for label in found.labels:
        row = rows.setdefault(label.item, {"id": label.item, **texts.get(label.item, {})})
        row[label.field] = label.label
        row.setdefault("settled_by", {})[label.field] = {"how": label.by, "actors": label.actors}
    write(out, rows.values())
    return found


async def ask(  # noqa: PLR0913, PLR0917 - the options of the command
    settings: Settings,
    files: Sequence[str],
    challenger: Sequence[str],
    field: str,
    count: int,
    seed: int,
    trusted: frozenset[str],
    out: str,
) -> list[dict[str, Any]]:
    """Choose and write the rows to label."""
    if field not in FIELDS["item"]:
        raise InputError(f"--field {field}: must be {' or '.join(FIELDS['item'])}")
    url = settings.records_url.get_secret_value()
    book = await open_access(url, make=False)
    records = await open_records(url, make=False)
    try:
        words = await read_all(book)
        alerts = await alerts_of(records, sorted(disputed(words)))
    finally:
        await book.close()
        await records.close()
    settled = settle(votes_of(words), trusted)
    rows = queue(
        read_rows(files),
        field,
        count,
        challenger=read_rows(challenger),
        alerts=alerts,
        settled=[(label.item, label.field) for label in settled.labels],
        seed=seed,
    )
    write(out, rows)
    return rows


async def alerts_of(records: AlertReader, ids: Sequence[str]) -> list[Disputed]:
    """Return the alerts with their minutes; those that are not known are left out."""
    found = [await records.alert(id_) for id_ in ids]
    return [
        Disputed(
            alert.id, alert.series, min(alert.onset, alert.opened), alert.resolved or alert.changed
        )
        for alert in found
        if alert is not None
    ]


def write(out: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines to a file, or to stdout; raises ``InputError``."""
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    if out == "-":
        sys.stdout.write(data.decode())
        return
    try:
        Path(out).write_bytes(data)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror})") from error
