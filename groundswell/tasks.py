"""
Functions: the declarative description of a task.

A function says what the labels of a head are and what each means; heads, reports and the manifest are
built from it. Rule: the value knows no file; whoever has the YAML passes its bytes in.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from groundswell.errors import InputError


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One label: its name in the data, what it means, and texts that deserve it."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    description: str
    examples: tuple[str, ...] = ()


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task: ``field`` holds its label in a data row; label order is the order of the head."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    version: Annotated[int, Meta(ge=1)]
    description: str
    field: str
    output: Literal["single"] = "single"
    labels: Annotated[tuple[Label, ...], Meta(min_length=2)]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in the order of the head's outputs."""
        return tuple(label.name for label in self.labels)


def parse_function(source: bytes, name: str) -> Function:
    """
    Parse the YAML of a function; ``name`` says in messages where it came from.

    Raises ``InputError``.
    """
    try:
        function = msgspec.yaml.decode(source, type=Function)
    except msgspec.DecodeError as error:
        raise InputError(f"{name}: {error}") from error
    if len(set(function.label_names)) != len(function.labels):
        raise InputError(f"{name}: a label stands twice")
    return function


def content_hash(function: Function) -> str:
    """Return the SHA-256 (hex) of what the function says, whatever its layout in the file."""
    return hashlib.sha256(msgspec.json.encode(function, order="deterministic")).hexdigest()
