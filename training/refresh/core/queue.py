"""
What to ask people about next: the items whose labels would teach most, and some at random.

Rules: a random share comes first and is drawn from all, so that something in the queue is like the stream
and can measure the model; every item stands once, with the reason that chose it; of one story one item is
asked; what was settled is not asked again. Places that a reason cannot fill go to the next one.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

RANDOM: Final = "random"
ALERT: Final = "disputed alert"
APART: Final = "models apart"
LINE: Final = "near the line"
SHARES: Final = ((RANDOM, 0.2), (ALERT, 0.2), (APART, 0.2), (LINE, 0.4))
"""In the order in which they choose; what one leaves free goes on to the next."""


class Candidate(NamedTuple):
    """An item as a model labelled it: probabilities by label; ``story`` "" where it is its own."""

    item: str
    probabilities: Mapping[str, float]
    challenger: Mapping[str, float] | None = None
    """What a second model says."""
    story: str = ""
    alert: str = ""
    """The disputed alert that it drives, "" for none."""


class Asked(NamedTuple):
    """An item to ask about: why, in a sentence."""

    item: str
    reason: str
    why: str


def margin(probabilities: Mapping[str, float]) -> float:
    """Return how far the best label is before the second, from 0 to 1; 1 where there is no second."""
    best = sorted(probabilities.values(), reverse=True)
    return best[0] - best[1] if len(best) > 1 else 1.0


def apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the total variation distance of two answers, from 0 to 1; labels of one alone count."""
    labels = {*one, *other}
    return sum(abs(one.get(label, 0.0) - other.get(label, 0.0)) for label in labels) / 2


def choose(
    candidates: Sequence[Candidate], count: int, *, settled: Collection[str] = (), seed: int = 0
) -> tuple[Asked, ...]:
    """Return at most ``count`` items to ask about."""
    known = set(settled)
    free = [each for each in candidates if each.item not in known]
    orders = {
        RANDOM: _mixed(free, seed),
        ALERT: sorted((c for c in free if c.alert), key=lambda c: margin(c.probabilities)),
        APART: sorted((c for c in free if _disagrees(c)), key=lambda c: -_distance(c)),
        LINE: sorted(free, key=lambda c: margin(c.probabilities)),
    }
    taken: dict[str, Asked] = {}
    stories: set[str] = set()
    owed = 0.0
    for reason, share in SHARES:
        owed += share * count
        for candidate in orders[reason]:
            if len(taken) >= round(owed):
                break
            if candidate.item in taken or (candidate.story and candidate.story in stories):
                continue
            taken[candidate.item] = Asked(candidate.item, reason, _why(reason, candidate))
            stories.add(candidate.story)
    return tuple(taken.values())


def _mixed(candidates: Sequence[Candidate], seed: int) -> list[Candidate]:
    mixed = list(candidates)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - a sample is no secret
    return mixed


def _best(probabilities: Mapping[str, float]) -> str:
    return max(sorted(probabilities), key=lambda label: probabilities[label], default="")


def _disagrees(candidate: Candidate) -> bool:
    other = candidate.challenger
    return other is not None and _best(other) != _best(candidate.probabilities)


def _distance(candidate: Candidate) -> float:
    return apart(candidate.probabilities, candidate.challenger or {})


def _why(reason: str, candidate: Candidate) -> str:
    said = candidate.probabilities
    match reason:
        case "random":
            return "drawn at random from all"
        case "disputed alert":
            return f"drives alert {candidate.alert}, which somebody called wrong"
        case "models apart":
            other = _best(candidate.challenger or {})
            return f"{_best(said)} to one model, {other} to the other ({_distance(candidate):.2f})"
        case _:
            return f"{_best(said)} is ahead by {margin(said):.2f}"
