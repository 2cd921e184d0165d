"""
Risk and coverage: how often the model is wrong if it may leave out what it is least sure of.

The area under the curve (AURC; Geifman et al. 2019) is the mean of the risk over all coverages; its
excess over that of an order which puts all mistakes last says how good the order is. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.evaluation.judged import Floats
from training.evaluation.scores import Bools

SHOWN: Final = (1.0, 0.9, 0.8, 0.7, 0.5)
"""The coverages of the report's table."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """``risk`` [rows]: the share of mistakes among the 1, 2, … surest; ``shown``: (coverage, accuracy)."""

    risk: tuple[float, ...]
    shown: tuple[tuple[float, float], ...]
    aurc: float
    excess: float


def risk_coverage(confidence: Floats, right: Bools, shown: Sequence[float] = SHOWN) -> Coverage:
    """
    Return the curve over rows (at least one).

    Rows that are equally sure share their mistakes, so that their order in the data changes nothing.
    """
    _, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(place, weights=~right) / counts
    risk = _running(np.repeat(wrong, counts))
    best = _running(np.sort(~right).astype(np.float64))
    rows = len(right)
    kept = [max(1, int(np.ceil(part * rows - 1e-9))) for part in shown]
    return Coverage(
        risk=tuple(float(value) for value in risk),
        shown=tuple((part, float(1 - risk[n - 1])) for part, n in zip(shown, kept, strict=True)),
        aurc=float(risk.mean()),
        excess=max(0.0, float(risk.mean() - best.mean())),
    )


def _running(wrong: Floats) -> Floats:
    return np.asarray(np.cumsum(wrong) / np.arange(1, len(wrong) + 1))
