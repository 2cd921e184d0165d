"""
Labelled rows: JSON lines read, checked, composed into the text that the model reads, and split.

Rules: a row holds ``text``, or ``title`` and ``body``, and a label for any of the functions; a label
that is absent or null is masked. Whatever is wrong is refused with its file and line. Near-duplicates
never stand on two sides of a split.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from groundswell.errors import InputError
from groundswell.models.bundle import sha256_of
from groundswell.text import compose
from training.functions import Task
from training.neighbours import clusters

MASKED: Final = -1
"""The label of a row that has none for a head."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in ``file`` at ``line``, with its composed text."""

    file: str
    line: int
    text: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A text with the place of its label for each head, ``MASKED`` where it has none."""

    text: str
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; no near-duplicate of a text in one part stands in another."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]


def read_rows(paths: Iterable[Path], max_chars: int) -> list[Row]:
    """
    Read the files; raises ``InputError`` that names the file and line of the first bad row.

    A row of which nothing is left to read, such as a bare link, is kept with an empty text.
    """
    rows = []
    for path in paths:
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        rows += [
            _row(line, str(path), number, max_chars)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
    if not rows:
        raise InputError("the data files hold no row")
    return rows


def _row(line: bytes, file: str, number: int, max_chars: int) -> Row:
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}:{number}: not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise InputError(f"{file}:{number}: a row must be a JSON object")
    parts = [fields.get(name) or "" for name in ("text", "title", "body")]
    if not all(isinstance(part, str) for part in parts):
        raise InputError(f"{file}:{number}: text, title and body must be strings")
    text, title, body = parts
    composed = compose(text or title, body, max_chars)
    if not any(part.strip() for part in parts):
        raise InputError(f"{file}:{number}: neither text nor title nor body holds anything")
    return Row(file, number, composed, fields)


def label_values(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Return the strings that occur in each field of the rows, which may be labels."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.fields.items():
            if isinstance(value, str):
                values.setdefault(name, set()).add(value)
    return values


def label_rows(rows: Iterable[Row], tasks: Sequence[Task]) -> list[Example]:
    """
    Return the rows that have a text and a label for at least one task.

    Raises ``InputError`` for a label that a function does not know, or when no row is left.
    """
    examples = []
    for row in rows:
        labels = tuple(_label(row, task) for task in tasks)
        if row.text and any(label != MASKED for label in labels):
            examples.append(Example(row.text, labels))
    for place, task in enumerate(tasks):
        if all(example.labels[place] == MASKED for example in examples):
            raise InputError(f"no row has a label in field {task.function.field!r} of {task.name}")
    return examples


def _label(row: Row, task: Task) -> int:
    value = row.fields.get(task.function.field)
    if value is None:
        return MASKED
    if not isinstance(value, str) or value not in task.index:
        raise InputError(
            f"{row.file}:{row.line}: {task.function.field} is {value!r}; "
            f"{task.name} knows {', '.join(task.index)}"
        )
    return task.index[value]


def split_examples(examples: Sequence[Example], *, dev: float, test: float, seed: int) -> Split:
    """
    Deal whole clusters of near-duplicates into train, dev and test, by shares of the rows.

    Raises ``InputError`` when a part would be empty though its share is not zero.
    """
    groups: dict[int, list[Example]] = {}
    for example, cluster in zip(examples, clusters([e.text for e in examples]), strict=True):
        groups.setdefault(cluster, []).append(example)
    order = sorted(groups)
    random.Random(seed).shuffle(order)  # noqa: S311 - a split is no secret
    parts: dict[str, list[Example]] = {"test": [], "dev": [], "train": []}
    quota = {"test": test * len(examples), "dev": dev * len(examples)}
    for cluster in order:
        group = groups[cluster]
        name = next((n for n, most in quota.items() if len(parts[n]) + len(group) <= most), "train")
        parts[name] += group
    for name, share in (("train", 1.0), ("dev", dev), ("test", test)):
        if share and not parts[name]:
            raise InputError(f"{len(examples)} rows are too few: the {name} part would be empty")
    return Split(tuple(parts["train"]), tuple(parts["dev"]), tuple(parts["test"]))


def hash_files(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name; raises ``InputError`` when two have one name."""
    hashes: dict[str, str] = {}
    for path in paths:
        if path.name in hashes:
            raise InputError(f"two data files are called {path.name}; rename one")
        hashes[path.name] = sha256_of(path)
    return hashes
