"""
Which heads to train: function files, or labels read off the data.

Rule: the order of a head's labels is the order of its function file; where the labels are derived from
the data it is the alphabetical order of their names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundswell.errors import InputError
from groundswell.tasks import Function, Label, parse_function

FOLDER: Final = Path(__file__).parent / "functions"
"""The function files that are used when none is named."""

DERIVE: Final = "derive"
_OUTPUTS: Final = frozenset({"embedding", "contributions"})
"""Outputs that every model has beside its heads."""


@dataclass(frozen=True, slots=True)
class Task:
    """A function with the place of each label: ``index`` maps a label as the data writes it."""

    function: Function
    index: Mapping[str, int]

    @property
    def name(self) -> str:
        """The name of the head."""
        return self.function.name


def load_function(path: Path) -> Function:
    """Read one function file; raises ``InputError``."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_function(source, str(path))


def task_of(function: Function) -> Task:
    """Return the task of a function whose labels stand in the data as the file writes them."""
    return Task(function, {name: place for place, name in enumerate(function.label_names)})


def derive(name: str, values: Iterable[str]) -> Task:
    """
    Make a task of the labels that occur in field ``name`` of the data.

    A label such as "Fed | Central Banks" becomes ``fed_central_banks``. Raises ``InputError`` when fewer
    than two labels occur, or two become the same name.
    """
    names: dict[str, str] = {}
    for value in sorted(set(values)):
        short = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")[:32].rstrip("_")
        if not short[:1].isalpha():
            short = f"label_{short}"[:32].rstrip("_")
        if short in names:
            raise InputError(
                f"labels {names[short]!r} and {value!r} of {name} read alike; rename one"
            )
        names[short] = value
    if len(names) < 2:  # noqa: PLR2004 - a choice needs two
        raise InputError(f"the data holds {len(names)} labels of {name}; a head needs two at least")
    labels = sorted(names)
    function = Function(
        name=name,
        version=1,
        description=f"Labels of {name} as they stand in the data.",
        field=name,
        labels=tuple(Label(name=label, description=names[label]) for label in labels),
    )
    return Task(function, {names[label]: place for place, label in enumerate(labels)})


def choose_tasks(wanted: Iterable[str], values: Mapping[str, set[str]]) -> list[Task]:
    """
    Return the tasks to train, in order of their names.

    ``wanted`` holds ``FILE.yaml``, or ``NAME=derive`` for labels that are read off the data; when it is
    empty, each file in ``training/functions`` whose field occurs in the data is taken, or derived if none
    of its labels occurs. ``values`` maps each field of the data to the labels seen. Raises ``InputError``.
    """
    wanted = list(wanted)
    tasks = [_chosen(text, values) for text in wanted] if wanted else _default(values)
    if not tasks:
        raise InputError(
            "no row holds a label; name the label's field in a function file (--function)"
        )
    names = [task.name for task in tasks]
    if len(set(names)) != len(names):
        raise InputError(f"a function is named twice: {', '.join(names)}")
    if not _OUTPUTS.isdisjoint(names):
        raise InputError(
            f"a function cannot be called {' or '.join(sorted(_OUTPUTS.intersection(names)))}"
        )
    return sorted(tasks, key=lambda task: task.name)


def _chosen(text: str, values: Mapping[str, set[str]]) -> Task:
    name, separator, rest = text.partition("=")
    if separator and rest == DERIVE:
        return derive(name, values.get(name, ()))
    return task_of(load_function(Path(text)))


def _default(values: Mapping[str, set[str]]) -> list[Task]:
    tasks = []
    for path in sorted(FOLDER.glob("*.yaml")):
        function = load_function(path)
        seen = values.get(function.field, set())
        if seen and not seen.isdisjoint(function.label_names):
            tasks.append(task_of(function))
        elif seen:
            tasks.append(derive(function.field, seen))
    return tasks
