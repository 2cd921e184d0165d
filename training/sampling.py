"""
Which rows make up each batch: rows of one kind stand together, kinds are drawn by size.

A kind is the set of heads for which a row has a label. Rule: the batches of an epoch follow from the
seed and the epoch's number alone.
"""

import random
from collections.abc import Hashable, Sequence

from training.encode import batches


def kinds_of(keys: Sequence[Hashable]) -> list[list[int]]:
    """Return the places of the rows of each kind, in order of first appearance."""
    kinds: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        kinds.setdefault(key, []).append(place)
    return list(kinds.values())


def shares(sizes: Sequence[int], batch: int, balance: float) -> list[int]:
    """
    Return how many batches of each kind make an epoch: in all about as many as hold every row once.

    Each kind's part is proportional to its size to the power of ``balance``: 1 draws every row once an
    epoch, 0 as many batches of each kind.
    """
    total = sum(-(-size // batch) for size in sizes)
    weights = [size**balance for size in sizes]
    if balance == 1.0:
        return [-(-size // batch) for size in sizes]
    return [max(1, round(total * weight / sum(weights))) for weight in weights]


def epoch_batches(
    kinds: Sequence[Sequence[int]],
    lengths: Sequence[int],
    *,
    batch: int,
    balance: float,
    seed: int,
    epoch: int,
) -> list[list[int]]:
    """
    Return the places of the rows of each batch of an epoch (from 0).

    A kind's rows come in rounds, each a new mix in which every row stands once; an epoch takes up where
    the one before it stopped.
    """
    result: list[list[int]] = []
    counts = shares([len(kind) for kind in kinds], batch, balance)
    for number, (kind, count) in enumerate(zip(kinds, counts, strict=True)):
        size = -(-len(kind) // batch)
        own = [lengths[place] for place in kind]
        first = epoch * count
        rounds: dict[int, list[list[int]]] = {}
        for at in range(first, first + count):
            turn = at // size
            if turn not in rounds:
                rounds[turn] = batches(own, batch, random.Random(f"{seed}/{number}/{turn}"))  # noqa: S311
            result.append([kind[place] for place in rounds[turn][at % size]])
    random.Random(f"{seed}/{epoch}").shuffle(result)  # noqa: S311 - an order is no secret
    return result
