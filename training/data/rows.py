"""
Rows: what the sources hold, under the names that the functions use.

Rules: a row holds ``text``, or ``title`` and ``body``, or ``tokens``; its ``id`` is its own, else a hash
of its text, so that a file may be moved or sorted anew. Nothing is composed or judged here.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from groundswell.errors import InputError
from training.data.cards import Card, card_of
from training.data.sources import Record, Source, read_source

TEXTS: Final = ("text", "title", "body", "entity")
DATES: Final = ("published_at", "date")
_NO_LABELS: Final = frozenset({*TEXTS, *DATES, "tokens", "id"})


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its card's renaming done; ``origin`` is ``FILE:LINE``."""

    id: str
    origin: str
    fields: Mapping[str, Any]
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """A source with its card; ``sha256`` is that of the file as it stands."""

    name: str
    origin: str
    sha256: str
    card: Card
    rows: tuple[Row, ...]


def read_sets(sources: Iterable[str | Path], cards: Sequence[Card] = ()) -> tuple[DataSet, ...]:
    """
    Read the sources; ``cards`` come before those beside the files.

    Raises ``InputError`` that names the file and line of the first bad row; for a source named twice; for
    a card of ``cards`` that is for none of them; when there is no row at all.
    """
    sets = tuple(_set(read_source(source), cards) for source in sources)
    names = [item.name for item in sets]
    for item in sets:
        if names.count(item.name) > 1:
            raise InputError(f"two data sets are called {item.name}; rename one, or give it a card")
    used = {id(item.card) for item in sets}
    for card in cards:
        if id(card) not in used:
            raise InputError(f"--card: {card.target} is none of the data files; write `for: FILE`")
    if not any(item.rows for item in sets):
        raise InputError("the data files hold no row")
    return sets


def _set(source: Source, cards: Sequence[Card]) -> DataSet:
    card = card_of(source.origin, source.name, source.licence, cards)
    rows = []
    own: dict[str, str] = {}
    for record in source.records:
        origin = f"{source.origin}:{record.line}"
        row = _row(_renamed(record, card), origin)
        if row.fields.get("id") is not None and own.setdefault(row.id, origin) != origin:
            raise InputError(f"{origin}: id {row.id} stands at {own[row.id]} already")
        rows.append(row)
    # A card may serve several files of a folder: only the file's own name tells them apart.
    return DataSet(source.name, source.origin, source.sha256, card, tuple(rows))


def _renamed(record: Record, card: Card) -> dict[str, Any]:
    if not card.fields:
        return record.fields
    taken = {name for name in card.fields.values() if name is not None}
    kept = {k: v for k, v in record.fields.items() if k not in taken and k not in card.fields}
    asked = {
        new: record.fields[old]
        for new, old in card.fields.items()
        if old is not None and old in record.fields
    }
    return kept | asked


def _row(fields: dict[str, Any], origin: str) -> Row:
    parts = [fields.get(name) or "" for name in TEXTS]
    if not all(isinstance(part, str) for part in parts):
        raise InputError(f"{origin}: text, title, body and entity must be strings")
    tokens = fields.get("tokens")
    if tokens is not None and not (
        isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)
    ):
        raise InputError(f"{origin}: tokens must be a list of strings")
    if not any(part.strip() for part in parts[:3]):
        if not tokens:
            raise InputError(f"{origin}: neither text nor title nor body holds anything")
        fields = {**fields, "text": " ".join(tokens)}
    given = fields.get("id")
    if given is not None and (not isinstance(given, str | int) or isinstance(given, bool)):
        raise InputError(f"{origin}: id must be a string or a number")
    return Row(
        str(given) if given is not None else text_id(fields), origin, fields, _date(fields, origin)
    )


def text_id(fields: Mapping[str, Any]) -> str:
    """Return 16 hex digits of the SHA-256 of what a row's text fields hold."""
    content = msgspec.json.encode([fields.get(name) or "" for name in TEXTS])
    return hashlib.sha256(content).hexdigest()[:16]


def _date(fields: Mapping[str, Any], origin: str) -> datetime | None:
    for name in DATES:
        value = fields.get(name)
        if value is None or value == "":
            continue
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise InputError(
                f"{origin}: {name} is {value!r}; write it as ISO 8601 (2026-03-31), or take it out "
                f"with `fields: {{{name}: null}}` on the card"
            ) from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def label_values(sets: Iterable[DataSet]) -> dict[str, set[str]]:
    """
    Return the strings that occur in each field of the rows, as the cards map them, texts left out.

    For stretches these are their types; ``tags`` count as those of ``entities``.
    """
    values: dict[str, set[str]] = {}
    for item in sets:
        for row in item.rows:
            for name, value in row.fields.items():
                if name in _NO_LABELS:
                    continue
                field = "entities" if name == "tags" else name
                mapping = item.card.labels.get(field, {})
                for one in _labels_in(name, value, mapping):
                    label = mapping.get(one, one)
                    if label is not None:
                        values.setdefault(field, set()).add(label)
    return values


def row_with(sets: Iterable[DataSet], field: str, label: str | None) -> str:
    """
    Return ``FILE:LINE`` of the first row whose ``field`` holds ``label``, "" where none does.

    ``label`` is as ``label_values`` gives it; None asks for a value that is neither a string nor a list.
    """
    for item in sets:
        mapping = item.card.labels.get(field, {})
        for row in item.rows:
            for name in (field, "tags") if field == "entities" else (field,):
                value = row.fields.get(name)
                found = [mapping.get(one, one) for one in _labels_in(name, value, mapping)]
                odd = value is not None and not found and not isinstance(value, str | list | dict)
                if label in found if label is not None else odd:
                    return row.origin
    return ""


def _labels_in(name: str, value: Any, mapping: Mapping[str, str | None]) -> list[str]:
    if isinstance(value, str) or (isinstance(value, int) and str(value) in mapping):
        return [str(value)]  # a card names the classes of numbers
    if not isinstance(value, list):
        return []
    found = [one.get("type") if isinstance(one, dict) else one for one in value]
    if name == "tags":
        found = [tag[2:] for tag in found if isinstance(tag, str) and tag[1:2] == "-"]
    return [one for one in found if isinstance(one, str)]
