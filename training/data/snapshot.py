"""
The snapshot: which rows a run saw, what they said, and which part each was in.

``snapshot.json`` makes a run repeatable: with it the rows are split as they were, or what differs is named.
Rows are known by data set, id and a hash of all their fields, so that a file may be moved or sorted anew.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from groundswell.errors import InputError
from training.data.rows import DataSet
from training.data.split import PARTS, By, Split, in_parts
from training.examples import Example

SCHEMA: Final = 1
NAME: Final = "snapshot.json"
_OUT: Final = "out"
_SHOWN: Final = 5
_HASH: Final = 16


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    One data set: ``rows`` maps train, dev, test and ``out`` (read, but in no part) to ``HASH ID``.

    ``HASH`` is the first 16 hex digits of the SHA-256 of the row's fields. Exact copies count once.
    """

    name: str
    licence: str
    sha256: str
    rows: dict[str, tuple[str, ...]]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The data sets of a run, and how they were split."""

    schema: int = SCHEMA
    seed: int
    by: By
    dev: float
    test: float
    sets: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not as it was: of a data set that is ``gone``, ``new`` or ``changed``."""

    source: str
    id: str
    what: Literal["gone", "new", "changed"]
    origin: str = ""

    def __str__(self) -> str:
        """Return what a message says of it."""
        where = f" ({self.origin})" if self.origin else ""
        return f"{self.source}: row {self.id} is {self.what}{where}"


def take_snapshot(
    sets: Iterable[DataSet],
    examples: Iterable[Example],
    split: Split,
    *,
    seed: int,
    dev: float,
    test: float,
    by: By = "cluster",
) -> Snapshot:
    """
    Return the snapshot of a run; ``examples`` are those of ``label_rows``, copies and all.

    A row is in the part in which its text is.
    """
    part_of = {e.text: name for name, part in split.parts.items() for e in part}
    rows: dict[str, dict[str, list[str]]] = {}
    for example in examples:
        lines = rows.setdefault(example.source, {name: [] for name in (*PARTS, _OUT)})
        lines[part_of.get(example.text, _OUT)].append(_line(example))
    return Snapshot(
        seed=seed,
        by=by,
        dev=dev,
        test=test,
        sets=tuple(
            Part(
                name=item.name,
                licence=item.card.licence,
                sha256=item.sha256,
                rows={
                    name: tuple(dict.fromkeys(lines))
                    for name, lines in rows.get(item.name, {}).items()
                    if lines
                },
            )
            for item in sets
        ),
    )


def _line(example: Example) -> str:
    return f"{row_hash(example.fields)} {example.id}"


def row_hash(fields: Mapping[str, object]) -> str:
    """Return the first 16 hex digits of the SHA-256 of what a row says."""
    content = msgspec.json.encode(fields, order="deterministic")
    return hashlib.sha256(content).hexdigest()[:_HASH]


def verify(snapshot: Snapshot, examples: Iterable[Example]) -> list[Difference]:
    """Return the rows in which ``examples`` are not those of the snapshot, a row once."""
    was = {(item.name, line) for item in snapshot.sets for ls in item.rows.values() for line in ls}
    now: dict[tuple[str, str], Example] = {}
    for example in examples:
        now.setdefault((example.source, _line(example)), example)
    left = {(source, line[_HASH + 1 :]) for source, line in was if (source, line) not in now}
    came = {(e.source, e.id): e for key, e in now.items() if key not in was}
    found = [Difference(source, name, "gone") for source, name in left - came.keys()]
    found += [
        Difference(e.source, e.id, "changed" if key in left else "new", e.origin)
        for key, e in came.items()
    ]
    return sorted(found, key=lambda d: (d.source, d.what, d.id))


def split_as(snapshot: Snapshot, examples: Sequence[Example], read: Sequence[Example]) -> Split:
    """
    Split ``examples`` as the snapshot says; ``read`` are all that were read, copies and all.

    Raises ``InputError`` that names the rows that differ.
    """
    if differences := verify(snapshot, read):
        shown = "\n".join(f"  {difference}" for difference in differences[:_SHOWN])
        more = len(differences) - _SHOWN
        raise InputError(
            f"the data is not that of the snapshot; {len(differences)} rows differ:\n{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
            + "\ngive the data and the functions of that run, or train without --snapshot"
        )
    # A row that tasks read in two ways may be out in one of them: its part is that of the other.
    part_of = {
        (item.name, line): part
        for item in snapshot.sets
        for part in (_OUT, *PARTS)
        for line in item.rows.get(part, ())
    }
    return in_parts(examples, [part_of[e.source, _line(e)] for e in examples])


def write_snapshot(directory: Path, snapshot: Snapshot) -> Path:
    """Write ``snapshot.json`` into a directory."""
    path = directory / NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=1) + b"\n")
    return path


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot; raises ``InputError``."""
    try:
        snapshot = msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: no snapshot ({error})") from error
    if snapshot.schema != SCHEMA:
        raise InputError(f"{path}: schema {snapshot.schema}; this release reads {SCHEMA}")
    return snapshot
