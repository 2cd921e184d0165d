"""
A closer look at a function file than reading it takes: every fault with its line, and weak spots.

Rules: a fault is whatever the parser refuses, or a key that stands twice; each part of the file is looked
at, whatever is wrong with the others. What is weak stands in ``training.function_weak``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from groundswell.tasks import Direction, Function, Input, Label, Problem, problems
from training.function_weak import weak_spots

_INSIDE: Final[Mapping[str, type[msgspec.Struct]]] = {
    "input": Input,
    "labels": Label,
    "directions": Direction,
}
"""Fields of a function that hold structures, or a list of them: each is looked at by itself."""
_ERROR: Final = re.compile(r"(?s)(?P<text>.*?)(?: - at (?:`key` in )?`\$(?P<place>[^`]*)`)?")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A fault or a weak spot; ``line`` counts from 1, 0 where the file has none for it."""

    line: int
    place: str
    text: str

    def shown(self, name: str) -> str:
        """Return the finding as ``FILE:LINE: place: text``."""
        line = f":{self.line}" if self.line else ""
        return f"{name}{line}: " + (f"{self.place}: " if self.place else "") + self.text


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file holds: ``function``, where nothing is wrong, and what is wrong or weak by line."""

    function: Function | None
    faults: tuple[Finding, ...]
    weak: tuple[Finding, ...]


def check_function(source: bytes) -> Checked:
    """Check the YAML of a function; returns its faults, or the function and its weak spots."""
    lines: dict[str, int] = {}
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
        twice = list(_walk(root, "", lines, set())) if root is not None else []
        value = yaml.safe_load(source)
        found = [_finding(problem, lines) for problem in _of_struct(value, Function, "")]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        text = " ".join(part for part in (error.context, error.problem) if part)
        return _broken(text, mark.line + 1 if mark else 0)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        return _broken(str(error), 0)
    if not found:
        try:
            function = msgspec.convert(value, Function)
        except msgspec.ValidationError as error:
            found = [_finding(_read(error, ""), lines)]
        else:
            found = [_finding(problem, lines) for problem in problems(function)]
            if not found and not twice:
                weak = sorted(_finding(problem, lines) for problem in weak_spots(function))
                return Checked(function, (), tuple(weak))
    return Checked(None, tuple(sorted([*twice, *found])), ())


def _broken(text: str, line: int) -> Checked:
    return Checked(None, (Finding(line, "", f"no YAML: {text}"),), ())


def _walk(node: yaml.Node, at: str, lines: dict[str, int], seen: set[int]) -> Iterator[Finding]:
    """Note the line of each place in ``lines``; yield the keys that stand twice."""
    if id(node) in seen:  # an alias: its places are those of its anchor
        return
    seen.add(id(node))
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _walk(item, f"{at}[{number}]", lines, seen)
    elif isinstance(node, yaml.MappingNode):
        names: set[Any] = set()
        for key, value in node.value:
            place = _below(at, str(key.value))
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in names:
                yield Finding(line, place, "stands twice; only the last would be read")
            names.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
            lines[place] = line
            yield from _walk(value, place, lines, seen)


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _of_struct(value: Any, kind: type[msgspec.Struct], at: str) -> Iterator[Problem]:
    """Yield what is wrong with the types of a structure, field by field."""
    if not isinstance(value, dict):
        yield Problem(at, f"must be a mapping of {', '.join(kind.__struct_fields__)}")
        return
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in known:
            yield Problem(_below(at, str(name)), f"unknown key; known are {', '.join(known)}")
    for name, field in known.items():
        place = _below(at, name)
        if name not in value:
            if field.required:
                yield Problem(at, f"`{name}` is missing")
            continue
        inside = _INSIDE.get(name) if kind is Function else None
        if inside is Input:
            yield from _of_struct(value[name], inside, place)
        elif inside is not None and isinstance(value[name], list) and value[name]:
            for number, item in enumerate(value[name]):
                yield from _of_struct(item, inside, f"{place}[{number}]")
        else:
            yield from _of_value(value[name], field.type, place)


def _of_value(value: Any, kind: Any, at: str) -> Iterator[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        whole = _read(error, at)
    else:
        return
    # Of a mapping msgspec names no key: each is tried alone.
    parts = list(value.items()) if isinstance(value, dict) else []
    found = []
    for key, part in parts if len(parts) > 1 else ():
        found += list(_of_value({key: part}, kind, at))
    if not found and parts:
        found = [Problem(f"{at}.{parts[0][0]}" + whole.place[len(at) :], whole.text)]
    yield from found or [whole]


def _read(error: msgspec.ValidationError, at: str) -> Problem:
    match = _ERROR.fullmatch(str(error))
    place = (match and match["place"]) or ""
    below = place.replace("[...]", "").removeprefix("" if at else ".")
    return Problem(at + below, match["text"] if match else str(error))


def _finding(problem: Problem, lines: Mapping[str, int]) -> Finding:
    place = problem.place
    while place and place not in lines:
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return Finding(lines.get(place, 0), problem.place, problem.text)
