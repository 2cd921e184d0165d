"""
A light pull to what an earlier model says: knowledge distillation on rows that it knew (Li & Hoiem 2016).

Rules: a row without an answer of the earlier model is pulled nowhere; a row counts once, however many
words it has; the sum is over rows, so that parts of a batch computed apart add up to the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.encode import Tokens

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pull:
    """
    How hard, and whereto.

    ``logits`` holds by head what the earlier model said of each row: [outputs], or [words, outputs] of a
    token head; None for rows that are free.
    """

    weight: float
    logits: Mapping[str, Sequence[Floats | None]]

    def count(self, places: Sequence[int]) -> int:
        """Return how many of the rows are pulled by some head, at least 1."""
        pulled = sum(any(rows[p] is not None for rows in self.logits.values()) for p in places)
        return max(1, pulled)


def pull_sum(
    pull: Pull,
    kinds: Mapping[str, str],
    outputs: Mapping[str, Tensor],
    places: Sequence[int],
    rows: Sequence[Tokens],
) -> Tensor:
    """
    Return the sum over rows of KL(earlier || now), added up over heads, times the weight; float32.

    ``kinds`` says what each head puts out, ``outputs`` are the logits of the rows at ``places``, and ``rows``
    those rows. Of a head with several labels each is a choice of its own, and their mean counts.
    """
    total = next(iter(outputs.values())).new_zeros((), dtype=torch.float32)
    for name, said in pull.logits.items():
        for line, place in enumerate(places):
            before = said[place]
            if before is None or not before.size:
                continue
            logits = outputs[name][line].float()
            if kinds[name] == "tokens":
                logits = logits[[word.place for word in rows[line].words]]
            teacher = torch.from_numpy(before).to(logits.device)
            total = total + _divergence(kinds[name], teacher, logits)
    return pull.weight * total


def _divergence(kind: str, teacher: Tensor, logits: Tensor) -> Tensor:
    """Return the mean over words or labels of KL(teacher || logits); of a single head there is one."""
    if kind == "several":
        teacher, logits = (torch.stack([x, torch.zeros_like(x)], dim=-1) for x in (teacher, logits))
    p, q = torch.log_softmax(teacher, dim=-1), torch.log_softmax(logits, dim=-1)
    return (p.exp() * (p - q)).sum(dim=-1).mean()
