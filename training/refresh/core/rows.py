"""
Which rows: old ones to be learnt again, and which of the new ones are held out for good.

Rules: a row that was held out once stays so in every later refresh, since its name decides; what is like a
row of the old split goes where that row is; replay keeps the shares of source and label.
"""

import hashlib
import random
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

from training.examples import Example, Spans

T = TypeVar("T")
TEST: Final = 0.2
DEV: Final = 0.1


def part_by_name(name: str) -> str:
    """Return train, dev or test, by a hash of the name: the same for ever."""
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return "test" if place < TEST else "dev" if place < TEST + DEV else "train"


def parts_of(new: Sequence[tuple[str, int]], old: Mapping[int, str]) -> list[str]:
    """
    Return the part of each new row, given by name and cluster; ``old`` maps clusters to the old rows' parts.

    Rows of one cluster stand together. A cluster with an old row goes with it; of others the first row
    decides, so that rows which come later move none that was there before.
    """
    decided = dict(old)
    for name, cluster in new:
        decided.setdefault(cluster, part_by_name(name))
    return [decided[cluster] for _, cluster in new]


def stratum(example: Example) -> Hashable:
    """Return source and labels of a row; of stretches, which labels occur."""
    truths = tuple(
        frozenset(span.label for span in truth.spans) if isinstance(truth, Spans) else truth
        for truth in example.truths
    )
    return example.source, truths


def sample(rows: Sequence[T], strata: Sequence[Hashable], count: int, seed: int) -> list[T]:
    """
    Draw ``count`` rows with the shares of their strata, in the order in which they stand.

    Every stratum has its share rounded down, and what is left over goes to those that lost most by it.
    """
    if count >= len(rows):
        return list(rows)
    members: dict[Hashable, list[int]] = {}
    for place, key in enumerate(strata):
        members.setdefault(key, []).append(place)
    exact = {key: count * len(places) / len(rows) for key, places in members.items()}
    wanted = {key: int(share) for key, share in exact.items()}
    left = count - sum(wanted.values())
    for key in sorted(exact, key=lambda key: wanted[key] - exact[key])[:left]:
        wanted[key] += 1
    draw = random.Random(seed)  # noqa: S311 - a sample is no secret
    chosen = [
        place for key, places in members.items() for place in draw.sample(places, wanted[key])
    ]
    return [rows[place] for place in sorted(chosen)]
