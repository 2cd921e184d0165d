"""
The split: whole clusters of near-duplicates into train, dev and test.

Rules: every example goes to one part; no near-duplicate stands on two sides; the seed and the examples
decide, not the time of day. Clusters are of the texts alone, so that one text with two entities is not
split either.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from groundswell.errors import InputError
from groundswell.text import compose
from training.data import neighbours
from training.examples import Example

By: TypeAlias = Literal["cluster", "time"]
Part: TypeAlias = Literal["train", "dev", "test"]
PARTS: Final[tuple[Part, ...]] = ("train", "dev", "test")
_CHARS: Final = 2000
"""Of a text, for its cluster."""


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; no near-duplicate of a text in one part stands in another."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]

    @property
    def parts(self) -> Mapping[Part, tuple[Example, ...]]:
        """The parts by name."""
        return {"train": self.train, "dev": self.dev, "test": self.test}


def split_examples(
    examples: Sequence[Example],
    *,
    dev: float,
    test: float,
    seed: int,
    by: By = "cluster",
    clusters: Sequence[int] | None = None,
) -> Split:
    """
    Deal clusters into the parts by shares of the rows; ``clusters`` are those of ``cluster_examples``.

    ``by="cluster"`` keeps the shares of the labels of the first task that a row has, as near as whole
    clusters allow. ``by="time"`` gives the newest rows to test, the next to dev; a cluster is as new as its
    newest row. Raises ``InputError`` when a part would be empty though its share is not zero, or when a
    row has no date.
    """
    groups: dict[int, list[Example]] = {}
    if clusters is None:
        clusters = cluster_examples(examples)
    for example, cluster in zip(examples, clusters, strict=True):
        groups.setdefault(cluster, []).append(example)
    shares = {"test": test, "dev": dev}
    dealt = (
        _by_time(list(groups.values()), shares)
        if by == "time"
        else _by_label([groups[cluster] for cluster in sorted(groups)], shares, seed)
    )
    for name, share in (("train", 1.0), ("dev", dev), ("test", test)):
        if share and not dealt[name]:
            raise InputError(
                f"{len(examples)} rows are too few: the {name} part would be empty. Near-duplicates stay "
                f"together, and these rows make {len(groups)} clusters, each of which "
                "goes to one part whole; give more, or more varied, rows, or another --dev-share and "
                "--test-share"
            )
    part_of = {id(example): name for name, part in dealt.items() for example in part}
    return in_parts(examples, [part_of[id(example)] for example in examples])


def in_parts(examples: Sequence[Example], parts: Sequence[str]) -> Split:
    """Return the split that gives each example the part named; each part keeps the examples' order."""
    train, dev, test = (
        tuple(e for e, part in zip(examples, parts, strict=True) if part == name) for name in PARTS
    )
    return Split(train, dev, test)


def cluster_examples(examples: Sequence[Example]) -> list[int]:
    """Return the cluster of near-duplicates of each example, by its text without what a template adds."""
    texts = {example.text: "" for example in examples}
    for example in examples:
        texts[example.text] = texts[example.text] or _plain(example)
    places = {text: place for place, text in enumerate(dict.fromkeys(texts.values()))}
    found = neighbours.clusters(list(places))
    return [found[places[texts[example.text]]] for example in examples]


def _plain(example: Example) -> str:
    text, title, body = (example.fields.get(name) or "" for name in ("text", "title", "body"))
    return compose(text or title, body, _CHARS) or example.text


def _by_label(
    groups: Sequence[list[Example]], shares: Mapping[str, float], seed: int
) -> dict[str, list[Example]]:
    """Deal stratum by stratum; what a stratum owes a part is carried over to the next."""
    strata: dict[tuple[int, int], list[list[Example]]] = {}
    for group in groups:
        stratum = Counter(_stratum(example) for example in group).most_common(1)[0][0]
        strata.setdefault(stratum, []).append(group)
    dealt: dict[str, list[Example]] = {"test": [], "dev": [], "train": []}
    owed = dict.fromkeys(shares, 0.0)
    draw = random.Random(seed)  # noqa: S311 - a split is no secret
    for stratum in sorted(strata):
        members = strata[stratum]
        draw.shuffle(members)
        size = sum(len(group) for group in members)
        for name, share in shares.items():
            owed[name] += share * size
        for group in members:
            name = next((n for n, most in owed.items() if len(group) <= most + 1e-9), "train")
            dealt[name] += group
            if name in owed:
                owed[name] -= len(group)
    return dealt


def _stratum(example: Example) -> tuple[int, int]:
    """Place of the first task with a truth, and its label; -1 where that is no single one."""
    for place, truth in enumerate(example.truths):
        if truth is not None:
            return place, truth if isinstance(truth, int) else -1
    return -1, -1


def _by_time(
    groups: Sequence[list[Example]], shares: Mapping[str, float]
) -> dict[str, list[Example]]:
    total = sum(len(group) for group in groups)
    order = []
    for group in groups:
        dates = []
        for example in group:
            if example.date is None:
                raise InputError(
                    f"{example.origin or example.id}: has no date (published_at or date); a split by "
                    "time needs one in every row"
                )
            dates.append(example.date)
        order.append((max(dates), group))
    # Of equally new clusters the one that comes first in the data counts as newer: sorting is stable.
    order.sort(key=lambda pair: pair[0], reverse=True)
    dealt: dict[str, list[Example]] = {"test": [], "dev": [], "train": []}
    for _, group in order:
        # A part that is full stays so, and the parts follow one another in time.
        name = next((n for n in shares if len(dealt[n]) + 1e-9 < shares[n] * total), "train")
        dealt[name] += group
    return dealt
