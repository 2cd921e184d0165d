"""
Settled labels with the texts that they are of, as a data set that a trainer reads.

Feedback names an item and holds no text, so the texts come from files of items: JSON lines with ``id`` and
``text``, or ``title`` and ``body``, as they stood in topic ``news`` or as ``classify`` wrote them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from groundswell.errors import InputError
from training.refresh.core.votes import Label
from training.refresh.journal import replace

SET: Final = "feedback"
"""The name of the data set."""
FILE: Final = f"{SET}.jsonl"
TEXTS: Final = ("text", "title", "body", "entity", "language", "source", "published_at")


class Written(NamedTuple):
    """What came of settled labels: rows written, and labels left out, by reason."""

    rows: int
    labels: int
    left_out: dict[str, int]


def read_items(files: Sequence[str | Path], wanted: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the text fields of the items wanted, the last copy of each; raises ``InputError``."""
    left, found = frozenset(wanted), dict[str, dict[str, Any]]()
    for row in read_rows(files):
        item = str(row.get("id", ""))
        if item in left and any(row.get(name) for name in TEXTS[:3]):
            found[item] = {name: row[name] for name in TEXTS if row.get(name)}
    return found


def read_rows(files: Iterable[str | Path]) -> Iterable[dict[str, Any]]:
    """Yield the objects of files of JSON lines; raises ``InputError`` with the line of what is none."""
    for file in files:
        try:
            with Path(file).open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield _object(line, f"{file}:{number}")
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from error


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object")
    return row


def write_labels(
    path: Path,
    labels: Sequence[Label],
    items: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, Collection[str]],
    licence: str,
) -> Written:
    """
    Write one row an item, with a card beside the file.

    ``known`` maps the fields that the model has a head for to their labels; what stands in none of them is
    left out and counted, as are labels of items without a text.
    """
    rows: dict[str, dict[str, Any]] = {}
    left_out: dict[str, int] = {}
    written = 0
    for label in labels:
        why = _why_not(label, items, known)
        if why:
            left_out[why] = left_out.get(why, 0) + 1
            continue
        row = rows.setdefault(label.item, {"id": label.item, **items[label.item]})
        row[label.field] = label.label
        written += 1
    replace(path, b"".join(msgspec.json.encode(row) + b"\n" for row in rows.values()))
    card = {"name": path.stem, "licence": licence, "labelled": "by the feedback of users"}
    replace(path.with_name(f"{path.name}.card.yaml"), msgspec.yaml.encode(card))
    return Written(len(rows), written, left_out)


def _why_not(label: Label, items: Mapping[str, Any], known: Mapping[str, Collection[str]]) -> str:
    if label.field not in known:
        return f"the model has no head for {label.field}"
    if label.label not in known[label.field]:
        return f"{label.field} has no label {label.label}"
    return "" if label.item in items else "the text of the item is not at hand (--items)"
