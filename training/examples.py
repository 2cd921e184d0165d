"""
Examples: texts with the truth of each task, as the loop and the evaluation read them.

The truth of a ``single`` or ``ordered`` task is the place of its label, of a ``several`` task the places
of all, of a ``tokens`` task the stretches of the text; ``None`` where the row says nothing of the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

MASKED: Final = -1
"""The label of a row, or of a token, that has none for a head."""


class Span(NamedTuple):
    """A stretch of the text in characters, ``end`` excluded, and the name of its label."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Spans:
    """
    The stretches of a text, in order and without overlap.

    ``known`` names the labels that whoever marked the text looked for: what lies outside all stretches
    may still be one of the other labels, and the loss does not hold that against the model.
    """

    spans: tuple[Span, ...]
    known: frozenset[str]


Truth: TypeAlias = int | frozenset[int] | Spans | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """
    A text with one truth a task, in the order of the tasks.

    ``id`` names the row for good (its own ``id``, or a hash of what it says), ``source`` the data set,
    ``date`` when it was published, if the row tells; ``fields`` are the row's own, for slices.
    """

    id: str
    text: str
    truths: tuple[Truth, ...]
    source: str = ""
    date: datetime | None = None
    origin: str = ""
    """``FILE:LINE``, for messages."""
    fields: Mapping[str, Any] = field(default_factory=dict)
