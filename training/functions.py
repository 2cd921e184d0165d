"""
Which heads to train: function files, or labels read off the data.

Rules: the order of a head's labels is the order of its function file; where the labels are derived from
the data it is the alphabetical order of their names. Of several shipped functions that read one field
the first by name is the default, and the others are trained where they are named.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from groundswell.errors import InputError
from groundswell.tasks import Function, Label, parse_function

FOLDER: Final = Path(__file__).parent / "functions"
"""The function files that are used when none is named."""

DERIVE: Final = "derive"
_OUTPUTS: Final = frozenset({"embedding", "contributions"})
"""Outputs that every model has beside its heads."""


Where: TypeAlias = Callable[[str, str | None], str]
"""Field and label to ``FILE:LINE`` of the first row that holds it; see ``training.data.rows.row_with``."""


def _nowhere(_field: str, _label: str | None) -> str:
    return ""


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
    return parse_function(_read(path), str(path))


def shipped() -> dict[str, Path]:
    """Return the functions that come with the project: name to file, in order of their names."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"), key=lambda path: path.stem)}


def find_function(text: str) -> Function:
    """Return the function of a shipped name or a file; raises ``InputError``."""
    name, source = source_of(text)
    return parse_function(source, name)


def source_of(text: str) -> tuple[str, bytes]:
    """Return where the function of a shipped name or a file stands, and its YAML; as above."""
    path = shipped().get(text, Path(text))
    if not path.suffix and not path.exists():
        raise InputError(
            f"{text}: neither a file nor one of our functions ({', '.join(shipped())})"
        )
    return str(path), _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


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
        labels=tuple(
            Label(name=label, description=names[label].strip() or label) for label in labels
        ),
    )
    return Task(function, {names[label]: place for place, label in enumerate(labels)})


def choose_tasks(
    wanted: Iterable[str], values: Mapping[str, set[str]], where: Where = _nowhere
) -> list[Task]:
    """
    Return the tasks to train, in order of their names.

    ``wanted`` holds ``FILE.yaml``, the name of a shipped function, or ``NAME=derive`` for labels that are
    read off the data; when it is empty, each shipped function whose field occurs in the data is taken, or
    its labels derived if none of them occurs (``single`` and ``ordered`` only). ``values`` maps each field
    of the data to the labels seen; a field that occurs, but whose values are no strings, to the empty
    set. ``where`` finds a row for a message. Raises ``InputError``.
    """
    wanted = list(wanted)
    tasks = [_chosen(text, values) for text in wanted] if wanted else _default(values, where)
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
    return task_of(find_function(text))


def _default(values: Mapping[str, set[str]], where: Where) -> list[Task]:
    chosen: dict[str, Task] = {}
    for path in shipped().values():
        function = load_function(path)
        if origin := where(function.field, None):
            raise InputError(
                f"{origin}: {function.field} is no string; write a label ({', '.join(function.label_names)}), "
                "or name the functions to train (--function)"
            )
        if function.field in values and function.field not in chosen:
            task = _fitting(function, values[function.field], where)
            if task is not None:
                chosen[function.field] = task
    return list(chosen.values())


def _fitting(function: Function, seen: set[str], where: Where) -> Task | None:
    """Return the task of a function whose field holds ``seen``; None where it holds no such label."""
    whole = function.output in {"single", "ordered"}
    if not seen:
        return None if whole else task_of(function)
    if not seen.isdisjoint(function.label_names):
        return task_of(function)
    if whole:
        return derive(function.field, seen)
    # Derived labels would be of a whole text, and to leave the field out would hide it.
    origin = where(function.field, min(seen))
    raise InputError(
        f"{origin}{': ' * bool(origin)}field {function.field} holds {', '.join(sorted(seen)[:8])}, but {function.name} knows "
        f"{', '.join(function.label_names)}: map the labels on the data's card, or name the functions "
        "to train (--function)"
    )
