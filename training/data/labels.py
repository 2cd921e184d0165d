"""
Labels: rows to examples, each with the truth of every task.

Rules: the model reads what ``Function.input`` composes, as the online path would; tasks that read a row
alike share an example. A label that is absent, null or "" is masked. A row that holds ``entities: {name:
label}`` becomes one row an entity for the tasks whose input holds ``entity``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from groundswell.errors import InputError
from groundswell.tasks import Function
from groundswell.text import compose, normalise
from training.data.cards import Card
from training.data.rows import DataSet, Row
from training.data.spans import mark
from training.examples import Example, Truth
from training.functions import Task

MAX_CHARS: Final = 2000
"""Characters of a text that are looked at, unless the run says otherwise."""
ENTITY: Final = "entity"
_BESIDE: Final = "|"
"""Stands between several labels in one cell of a CSV."""
_MARK: Final = "\0"
"""No normalised text holds it."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Examples in the order of the rows, and ``notes``: what the reader of the report should know."""

    examples: tuple[Example, ...]
    notes: tuple[str, ...]


def label_rows(
    sets: Iterable[DataSet], tasks: Sequence[Task], max_chars: int = MAX_CHARS
) -> Labelled:
    """
    Return an example for each row that has a text and a label for at least one task.

    Raises ``InputError`` for a label that a function does not know, or a task that no row has a label for.
    """
    examples: list[Example] = []
    notes = []
    for item in sets:
        lost = empty = 0
        for row in item.rows:
            for part in expanded(row, tasks):
                found, gone, bare = _examples(part, tasks, item, max_chars)
                examples += found
                lost += gone
                empty += bare
        if lost:
            notes.append(f"{item.name}: {lost} stretches stand in no text that the model reads")
        if empty:
            notes.append(
                f"{item.name}: {empty} labelled rows hold nothing to read, such as bare links"
            )
    for place, task in enumerate(tasks):
        if all(example.truths[place] is None for example in examples):
            raise InputError(f"no row has a label in field {task.function.field!r} of {task.name}")
    return Labelled(tuple(examples), tuple(notes))


def expanded(row: Row, tasks: Sequence[Task]) -> Iterator[Row]:
    """
    Yield the row, or where its ``entities`` map names to labels, the row without them and one a name.

    Raises ``InputError`` where the names are wanted by no task, but stretches are.
    """
    named = row.fields.get("entities")
    if not isinstance(named, Mapping):
        yield row
        return
    targeted = [task for task in tasks if ENTITY in task.function.input.fields]
    if not targeted and any(task.function.field == "entities" for task in tasks):
        raise InputError(
            f"{row.origin}: entities maps names to labels, which is for a function whose input holds "
            "`entity`; for stretches it must be a list of {text, type, start, end}"
        )
    rest = {name: value for name, value in row.fields.items() if name != "entities"}
    yield replace(row, fields=rest)
    fields = {task.function.field for task in targeted}
    for name, label in named.items():
        # Only the target's label: what the row says of the whole text stands in the row above.
        own = {key: value for key, value in rest.items() if key not in _labels(tasks)}
        yield replace(
            row,
            id=f"{row.id}/{name}",
            fields=own | {ENTITY: name} | dict.fromkeys(fields, label),
        )


def _labels(tasks: Sequence[Task]) -> set[str]:
    return {task.function.field for task in tasks} | {"tags"}


def _examples(
    row: Row, tasks: Sequence[Task], item: DataSet, limit: int
) -> tuple[list[Example], int, int]:
    """Return a row's examples, one a text that tasks read; the stretches lost; the labels of nothing."""
    found: dict[str, list[Truth]] = {}
    parts = _parts(row, tasks, limit)
    lost = empty = 0
    for place, task in enumerate(tasks):
        if not _asked(row, task, tasks, parts):
            continue
        truth, gone = _truth(row, task, item.card, limit, parts)
        lost += gone
        if truth is not None and not parts["text"]:
            empty += 1
        elif truth is not None:
            text = task.function.compose(parts)
            found.setdefault(text, [None] * len(tasks))[place] = truth
    examples = [
        Example(
            id=row.id,
            text=text,
            truths=tuple(truths),
            source=item.name,
            date=row.date,
            origin=row.origin,
            fields=row.fields,
        )
        for text, truths in found.items()
    ]
    return examples, lost, empty


def _parts(row: Row, tasks: Sequence[Task], limit: int) -> dict[str, str]:
    """Return the fields that the tasks read, normalised; ``text`` is title and body, or the text."""
    fields = row.fields
    parts = {
        name: normalise(str(fields.get(name) or ""), limit)
        for task in tasks
        for name in task.function.input.fields
        if name != "text"
    }
    parts["text"] = compose(
        fields.get("text") or fields.get("title") or "", fields.get("body") or "", limit
    )
    return parts


def _asked(row: Row, task: Task, tasks: Sequence[Task], parts: Mapping[str, str]) -> bool:
    """Whether the row has what the task reads; a label for an entity is none for the whole text."""
    wanted = task.function.input.fields
    if not all(parts[name] for name in wanted if name != "text"):
        return False
    targeted = any(
        ENTITY in other.function.input.fields and other.function.field == task.function.field
        for other in tasks
    )
    return ENTITY in wanted or not (targeted and row.fields.get(ENTITY))


def _truth(
    row: Row, task: Task, card: Card, limit: int, parts: Mapping[str, str]
) -> tuple[Truth, int]:
    """Return the truth of a task, and the number of stretches that were lost."""
    function = task.function
    if function.output == "tokens":
        shift = _shift(function, parts)
        found = mark(row, function.field, function.label_names, card, limit=limit, shift=shift)
        return (None, 0) if found is None else (found.truth, found.lost)
    value = row.fields.get(function.field)
    if value is None or value == "":
        return None, 0
    if function.output != "several":
        return _place(row, task, card, value), 0
    values = value.split(_BESIDE) if isinstance(value, str) else value
    if not isinstance(values, list):
        raise InputError(
            f"{row.origin}: {function.field} is {value!r}; it must be a list of labels"
        )
    places = (_place(row, task, card, v.strip() if isinstance(v, str) else v) for v in values)
    return frozenset(place for place in places if place is not None), 0


def _place(row: Row, task: Task, card: Card, value: Any) -> int | None:
    field = task.function.field
    mapping = card.labels.get(field, {})
    written = str(value) if isinstance(value, int) else value
    label = mapping.get(written, written) if isinstance(written, str) else value
    if label is None:
        return None
    if not isinstance(label, str) or label not in task.index:
        shown = repr(value) if label == written else f"{value!r}, on the card {label!r}"
        raise InputError(
            f"{row.origin}: {field} is {shown}; {task.name} knows {', '.join(task.index)}: correct the row, "
            f"or map the label on the set's card (`labels: {{{field}: {{OLD: NEW}}}}`, null to leave it out)"
        )
    return task.index[label]


def _shift(function: Function, parts: Mapping[str, str]) -> int:
    """Return where the text begins in what the function composes."""
    if function.input.template == "{text}":
        return 0
    return function.compose({**parts, "text": _MARK}).index(_MARK)
