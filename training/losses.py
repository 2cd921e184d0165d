"""
From truths to tensors, and from logits to the loss of each head.

Rules: what a row does not tell costs nothing; a head's loss is a sum with the count that it is over, so
that parts of a batch computed apart add up to the whole; a token outside all stretches costs nothing for
labels that nobody looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from groundswell.tasks import OUTSIDE, Function
from training.distil import Pull
from training.encode import Tokens
from training.examples import MASKED, Spans, Truth

_IGNORED: Final = MASKED


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as tokens, with the truths of each: one a function, in the order of the functions."""

    rows: tuple[Tokens, ...]
    truths: tuple[tuple[Truth, ...], ...]
    names: tuple[str, ...] = ()
    """What to call each row in a message."""
    pull: Pull | None = None
    """What an earlier model says of rows, if the new one shall stay near to it."""

    def kinds(self) -> list[tuple[bool, ...]]:
        """Return for each row which functions it has a truth for."""
        return [tuple(truth is not None for truth in truths) for truths in self.truths]


@dataclass(frozen=True, slots=True)
class Target:
    """
    The truth of a batch for one head.

    ``values``: int64 [rows] for one label, float [rows, labels] for several, int64 [rows, tokens] for
    tokens; ``MASKED`` where there is none. ``outside`` [rows, outputs], for tokens: which outputs a token
    outside all stretches may have. ``count``: how many labels, rows or tokens the loss is over.
    """

    values: Tensor
    count: int
    outside: Tensor | None = None

    def labelled(self, output: str) -> Tensor:
        """Return which rows (or tokens) have a label, bool."""
        return (self.values[:, 0] if output == "several" else self.values) != MASKED

    def to(self, device: str) -> "Target":
        """Return the same on a device."""
        outside = None if self.outside is None else self.outside.to(device)
        return Target(self.values.to(device), self.count, outside)


def tags_of(
    words: Sequence[tuple[int, int, int]], truth: Spans, outputs: Sequence[str]
) -> list[int]:
    """
    Return the place of each word's BIO tag in ``outputs``.

    A word belongs to the stretch in which it begins, or which begins in it.
    """
    places = {name: place for place, name in enumerate(outputs)}
    tags = []
    spans = iter(truth.spans)
    span = next(spans, None)
    inside = False
    for start, end, _ in words:
        while span is not None and span.end <= start:
            span, inside = next(spans, None), False
        if span is None or end <= span.start:
            tags.append(places[OUTSIDE])
        else:
            tags.append(places[f"{'I' if inside else 'B'}-{span.label}"])
            inside = True
    return tags


def target(function: Function, rows: Sequence[Tokens], truths: Sequence[Truth]) -> Target:
    """Return the truths of a batch for the head of ``function``; ``None`` masks a row."""
    width = len(function.outputs)
    match function.output:
        case "single" | "ordered":
            places = [truth if isinstance(truth, int) else MASKED for truth in truths]
            return Target(torch.tensor(places), sum(place != MASKED for place in places))
        case "several":
            several = np.full((len(truths), width), float(MASKED), dtype=np.float32)
            for line, truth in zip(several, truths, strict=True):
                if isinstance(truth, frozenset):
                    line[:] = 0.0
                    line[list(truth)] = 1.0
            return Target(torch.from_numpy(several), int((several[:, 0] != MASKED).sum()))
        case "tokens":
            longest = max(len(row.ids) for row in rows)
            tags = torch.full((len(rows), longest), MASKED)
            outside = torch.zeros(len(rows), width, dtype=torch.bool)
            outside[:, 0] = True
            for place, (row, truth) in enumerate(zip(rows, truths, strict=True)):
                if not isinstance(truth, Spans):
                    continue
                firsts = [word.place for word in row.words]
                tags[place, firsts] = torch.tensor(
                    tags_of(row.words, truth, function.outputs), dtype=torch.int64
                )
                for number, output in enumerate(function.outputs[1:], start=1):
                    outside[place, number] = output[2:] not in truth.known
            return Target(tags, int((tags != MASKED).sum()), outside)


def loss_sum(
    output: str, logits: Tensor, truth: Target, smoothing: float, weights: Tensor | None = None
) -> Tensor:
    """
    Return the sum of the losses of a head over its labelled rows (or tokens), float32.

    Cross entropy with ``smoothing`` and class ``weights`` for one label; binary cross entropy, the mean
    over the labels, for several; for tokens the negative log of the share of all outputs that the token
    may have.
    """
    logits = logits.float()
    if output == "several":
        kept = truth.values[:, 0] != MASKED
        return (
            nn.functional.binary_cross_entropy_with_logits(
                logits[kept], truth.values[kept], reduction="none"
            )
            .mean(dim=1)
            .sum()
        )
    if output == "tokens":
        kept = truth.values != MASKED
        scores = torch.log_softmax(logits[kept], dim=-1)
        tags = truth.values[kept]
        sure = scores.gather(1, tags[:, None])[:, 0]
        if truth.outside is None:
            return -sure.sum()
        may = truth.outside[:, None, :].expand(logits.shape)[kept]
        free = scores.masked_fill(~may, float("-inf")).logsumexp(dim=-1)
        return -torch.where(tags == 0, free, sure).sum()
    return nn.functional.cross_entropy(
        logits,
        truth.values,
        weight=weights,
        ignore_index=_IGNORED,
        label_smoothing=smoothing,
        reduction="sum",
    )


def class_weights(function: Function, truths: Sequence[Truth], how: str) -> Tensor | None:
    """
    Return the weight of each label: the inverse of its share (``balanced``) or its root, mean 1 a row.

    ``None`` where they do not apply. A label without a row gets the weight of the rarest one.
    """
    if how == "none" or function.output not in {"single", "ordered"}:
        return None
    places = [truth for truth in truths if isinstance(truth, int)]
    counts = np.bincount(places, minlength=len(function.outputs)).astype(np.float64)
    rows = counts.sum()
    weights = rows / np.where(counts > 0, counts, counts.min(initial=rows, where=counts > 0))
    if how == "sqrt":
        weights = np.sqrt(weights)
    weights *= rows / (weights * counts).sum()
    return torch.tensor(weights, dtype=torch.float32)


def divergence(output: str, logits: Tensor, mask: Tensor) -> Tensor:
    """
    Return the sum over rows of the symmetric Kullback–Leibler divergence of two passes.

    ``logits`` holds the first pass above the second; ``mask`` says which rows (or tokens) of one pass
    count. For several labels each is a choice of its own.
    """
    first, second = logits.float().chunk(2)
    if output == "several":
        first, second = (
            torch.stack([part, torch.zeros_like(part)], dim=-1) for part in (first, second)
        )
        scale = 1.0 / first.shape[1]
    else:
        scale = 1.0
    p, q = torch.log_softmax(first, dim=-1)[mask], torch.log_softmax(second, dim=-1)[mask]
    both = (p.exp() - q.exp()) * (p - q)
    return 0.5 * scale * both.sum()


def totals(targets: Mapping[str, Target]) -> dict[str, int]:
    """Return how many labels each head has in a batch, at least 1."""
    return {name: max(1, value.count) for name, value in targets.items()}
