"""Examples with one place of a label a head, ``MASKED`` where there is none."""

from collections.abc import Iterable
from dataclasses import dataclass

from training import examples as full
from training.examples import MASKED


@dataclass(frozen=True, slots=True)
class Example:
    """A text with the place of its label for each head, ``MASKED`` where it has none."""

    text: str
    labels: tuple[int, ...]


def flat(examples: Iterable[full.Example]) -> tuple[Example, ...]:
    """Return the examples for heads that choose one label each."""
    return tuple(
        Example(
            example.text,
            tuple(truth if isinstance(truth, int) else MASKED for truth in example.truths),
        )
        for example in examples
    )
