"""
From what people said to labels: two agree, or one who is trusted says so.

Rules: a person's last word on an item's field counts, whatever they said before; trusted people overrule
the others, unless they contradict one another; a label of the many settles only if more people say it
than say anything else. What is contradicted and not settled is a conflict, and is named.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, TypeAlias

NEEDED = 2
"""People who must agree where none of them is trusted."""

Key: TypeAlias = tuple[str, str]
"""An item and a field of it."""


class Vote(NamedTuple):
    """What a person said should stand in a field of an item; ``at`` in ms, ``bundle`` what said otherwise."""

    item: str
    field: str
    label: str
    actor: str
    at: int
    bundle: str = ""


class Label(NamedTuple):
    """A label that is settled: by whom, since when, and which of the two rules did it."""

    item: str
    field: str
    label: str
    actors: tuple[str, ...]
    at: int
    by: Literal["trusted", "votes"]


class Conflict(NamedTuple):
    """People contradict one another: who says what, as ``label: names`` in order of the labels."""

    item: str
    field: str
    said: tuple[str, ...]


class Settled(NamedTuple):
    """The labels in order of item and field, the conflicts, and how many wait for another vote."""

    labels: tuple[Label, ...]
    conflicts: tuple[Conflict, ...]
    waiting: int


def settle(votes: Iterable[Vote], trusted: Collection[str] = (), needed: int = NEEDED) -> Settled:
    """Settle what can be settled; ``votes`` are in the order in which they were given."""
    last: dict[Key, dict[str, Vote]] = {}
    for vote in votes:
        last.setdefault((vote.item, vote.field), {})[vote.actor] = vote
    labels: list[Label] = []
    conflicts: list[Conflict] = []
    waiting = 0
    for _, by_actor in sorted(last.items()):
        found = _settled(list(by_actor.values()), frozenset(trusted), needed)
        if isinstance(found, Label):
            labels.append(found)
        elif isinstance(found, Conflict):
            conflicts.append(found)
        else:
            waiting += 1
    return Settled(tuple(labels), tuple(conflicts), waiting)


def _settled(votes: list[Vote], trusted: frozenset[str], needed: int) -> Label | Conflict | None:
    heard = [vote for vote in votes if vote.actor in trusted]
    if heard:
        if len({vote.label for vote in heard}) == 1:
            return _label(heard, "trusted")
        return _conflict(votes)
    counts = Counter(vote.label for vote in votes)
    label, most = counts.most_common(1)[0]
    if most >= needed and most > len(votes) - most:
        return _label([vote for vote in votes if vote.label == label], "votes")
    return _conflict(votes) if len(counts) > 1 else None


def _label(votes: list[Vote], by: Literal["trusted", "votes"]) -> Label:
    first = votes[0]
    actors = tuple(sorted(vote.actor for vote in votes))
    return Label(first.item, first.field, first.label, actors, max(v.at for v in votes), by)


def _conflict(votes: list[Vote]) -> Conflict:
    said: dict[str, list[str]] = {}
    for vote in votes:
        said.setdefault(vote.label, []).append(vote.actor)
    lines = tuple(f"{label}: {', '.join(sorted(said[label]))}" for label in sorted(said))
    return Conflict(votes[0].item, votes[0].field, lines)
