"""
Slices: parts of the rows by what they are like, so that a good mean hides no bad part.

A slice is a field of the rows, or computed: ``language``, ``length``, ``numbers``, ``negation``.
``agreement`` of annotators is one wherever the rows have it. Pure.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from groundswell.tasks import Function
from groundswell.text import language_of
from training.evaluation.bootstrap import Estimate, estimates
from training.evaluation.judged import Judged
from training.examples import Example

COMPUTED: Final = ("language", "length", "numbers", "negation")
AGREEMENT: Final = "agreement"
MOST: Final = 20
"""Values of a field that are told apart; the rarer ones are left out, and that is said."""
_LENGTHS: Final = ((60, "up to 60 characters"), (120, "61 to 120"), (240, "121 to 240"))
_LONG: Final = "over 240"
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|cannot|fails? to|failed to)\b|n['’]t\b|[不没無无未非]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Slice:
    """The scores of the rows for which ``by`` is ``value``; ``primary`` is the function's own metric."""

    by: str
    value: str
    rows: int
    accuracy: Estimate
    primary: Estimate


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices, and ``left_out``: how many rows stand in none, by field."""

    slices: tuple[Slice, ...]
    left_out: Mapping[str, int]


def negated(text: str) -> bool:
    """Whether a text holds a word of negation, English or Chinese."""
    return _NEGATION.search(text) is not None


def value_of(by: str, example: Example) -> str | None:
    """Return what a row is like; None where it does not tell."""
    given = example.fields.get(by)
    if given is not None and isinstance(given, str | int | float | bool) and given != "":
        return str(given)
    if by not in COMPUTED:
        return None
    text = example.text
    if by == "language":
        return language_of("", text) or "unknown (Latin script)"
    if by == "length":
        return next((name for most, name in _LENGTHS if len(text) <= most), _LONG)
    found = negated(text) if by == "negation" else any(map(str.isdigit, text))
    return "yes" if found else "no"


def slices_of(function: Function, examples: Sequence[Example], judged: Judged) -> Slices:
    """Return the slices of rows that were judged, the commonest first within a field."""
    found: list[Slice] = []
    left_out: dict[str, int] = {}
    names = [*COMPUTED, *function.slices, "source", AGREEMENT]
    for by in dict.fromkeys(names):
        values = [
            example.source if by == "source" else value_of(by, example) for example in examples
        ]
        counts = Counter(value for value in values if value)
        chosen = [value for value, _ in counts.most_common(MOST)]
        if by == AGREEMENT:
            chosen.sort(key=_as_number)
        left = len(values) - sum(counts[value] for value in chosen)
        if not chosen or (len(chosen) == 1 and not left):
            continue
        if left:
            left_out[by] = left
        for value in chosen:
            kept = np.array([other == value for other in values])
            found.append(_slice(function, by, value, judged.only(kept)))
        if by == AGREEMENT:
            found += _at_least(function, values, chosen, judged)
    return Slices(tuple(found), left_out)


def _at_least(
    function: Function, values: Sequence[str | None], levels: Sequence[str], judged: Judged
) -> list[Slice]:
    """Return the rows on which annotators agreed at least so far, for each level between the ends."""
    numbers = [None if value is None else _as_number(value)[0] for value in values]
    found = []
    for level in levels[1:-1]:
        least = _as_number(level)[0]
        kept = np.array([number is not None and number >= least for number in numbers])
        found.append(_slice(function, AGREEMENT, f"at least {level}", judged.only(kept)))
    return found


def _slice(function: Function, by: str, value: str, judged: Judged) -> Slice:
    scores = estimates(judged)
    return Slice(by, value, scores.rows, scores.accuracy, getattr(scores, metric(function)))


def metric(function: Function) -> str:
    """Return the name in ``Estimates`` of a function's primary metric: entity F1 is micro-F1."""
    return "micro_f1" if function.primary == "entity_f1" else function.primary


def _as_number(value: str) -> tuple[float, str]:
    try:
        return float(value.rstrip("%")), value
    except ValueError:
        return float("inf"), value
