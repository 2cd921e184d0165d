"""What champion and challenger say of the same item, side by side."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from groundswell.events import Opinion


class Compared(NamedTuple):
    """Whether both chose the same tone and first topic, and how sure each is of its tone (0 to 1)."""

    tone: bool
    topic: bool
    old: float
    new: float


def compare(old: Opinion, new: Opinion) -> Compared:
    """Compare two opinions on one item."""
    return Compared(
        old.sentiment.label == new.sentiment.label,
        [t.label for t in old.topics[:1]] == [t.label for t in new.topics[:1]],
        old.sentiment.probabilities[old.sentiment.label],
        new.sentiment.probabilities[new.sentiment.label],
    )


def negatives(
    items: Iterable[tuple[tuple[str, ...], Opinion, Opinion]],
) -> Mapping[str, tuple[int, int, int]]:
    """
    Count by series: the items, those that the old one calls negative, and those that the new one does.

    ``items`` are the series that the old opinion counts in, it, and the new one: so both shares are of
    the same items.
    """
    found: dict[str, tuple[int, int, int]] = {}
    for series, old, new in items:
        for name in series:
            count, was, now = found.get(name, (0, 0, 0))
            found[name] = (
                count + 1,
                was + (old.sentiment.label == "negative"),
                now + (new.sentiment.label == "negative"),
            )
    return found
