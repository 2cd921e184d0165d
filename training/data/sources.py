"""
Sources: JSON lines, CSV with a header, and data sets of a hub, read into plain objects.

A source is ``FILE.jsonl``, ``FILE.csv``, ``FILE.tsv`` or ``hf://OWNER/NAME``; ``:SPLIT`` after it (or
``:ONE,TWO``) keeps the rows whose field ``split`` says so. Rule: whatever is wrong is refused with its
file and line.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from groundswell.errors import InputError
from training.data import hub

JSON_LINES: Final = frozenset({".jsonl", ".ndjson", ".json"})
SEPARATED: Final = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Record:
    """An object as it stands at ``line`` of its file, the header of a CSV being line 1."""

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """What was read: a short ``name``, where from, the SHA-256 of the whole, and the records."""

    name: str
    origin: str
    sha256: str
    records: tuple[Record, ...]
    licence: str = ""
    """What a hub says of the licence; a card overrules it."""


def read_source(text: str | Path) -> Source:
    """Read a source; raises ``InputError``."""
    where, _, split = _parted(str(text))
    if where.startswith(hub.PREFIX):
        found = hub.load(where.removeprefix(hub.PREFIX), split or "train")
        records = tuple(Record(line, row) for line, row in enumerate(found.rows, start=1))
        name = where.rpartition("/")[2]
        return Source(name, f"{where}:{split or 'train'}", found.sha256, records, found.licence)
    path = Path(where)
    if path.is_dir():
        raise InputError(f"{path}: is a directory; name the files in it")
    kind = path.suffix.lower()
    if kind not in JSON_LINES and kind not in SEPARATED:
        raise InputError(f"{path}: not a kind of file that is read; give .jsonl, .csv or .tsv")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    records = tuple(
        _json_lines(content, where)
        if kind in JSON_LINES
        else _separated(content, where, SEPARATED[kind])
    )
    if split:
        wanted = frozenset(split.split(","))
        records = tuple(record for record in records if record.fields.get("split") in wanted)
        if not records:
            raise InputError(f"{path}: no row has the split {split}")
    return Source(path.stem, where, hashlib.sha256(content).hexdigest(), records)


def _parted(text: str) -> tuple[str, str, str]:
    """Part ``PATH:SPLIT``; a path that exists with its colon is taken as it stands."""
    if ":" not in text.removeprefix(hub.PREFIX) or Path(text).exists():
        return text, "", ""
    where, colon, split = text.rpartition(":")
    return (where, colon, split) if "/" not in split and "\\" not in split else (text, "", "")


def _json_lines(content: bytes, file: str) -> Iterator[Record]:
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{file}:{number}: not JSON ({error})") from None
        if not isinstance(fields, dict):
            raise InputError(f"{file}:{number}: a row must be a JSON object")
        yield Record(number, fields)


def _separated(content: bytes, file: str, delimiter: str) -> Iterator[Record]:
    """Rows under a header; an empty cell is an absent field. A quoted cell may hold line breaks."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise InputError(f"{file}:{number}: not UTF-8; save the file as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    began = 1
    try:
        for cells in reader:
            line, began = began, reader.line_num + 1
            if not any(cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if len(set(header)) != len(header) or "" in header:
                    raise InputError(f"{file}:{line}: the header names each column once")
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{file}:{line}: {len(cells)} cells under {len(header)} columns; "
                    f"put a cell that holds {delimiter!r} into quotes"
                )
            yield Record(line, {k: v for k, v in zip(header, cells, strict=True) if v != ""})
    except csv.Error as error:
        raise InputError(f"{file}:{began}: not CSV ({error})") from None
