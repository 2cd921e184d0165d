"""
The scoring rules of the Numenta Anomaly Benchmark, written anew from their description.

Lavin and Ahmad, *Evaluating Real-time Anomaly Detection Algorithms* (ICMLA 2015, arXiv 1510.03336):

    σ(y)       = 2 / (1 + e^{5y}) − 1, and −1 from y = 3 on
    in window  the first detection alone: A_tp · σ(y) / σ(−1), y = −(right − i + 1) / width
    outside    each detection: A_fp · σ(y), y = (i − right) / (width − 1) of the window before it;
               −A_fp where there is none
    missed     −A_fn a window
    score      100 · (sum − that of no detection) / (that of every window found at its first record − the same)

The first 15 % of a file (750 records at most) are not scored. A detector that gives scores is given the one
threshold for all files that makes its score highest, by profile.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Profile(NamedTuple):
    """The weights of a profile."""

    found: float
    false: float
    missed: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low FP": Profile(1.0, 0.22, 1.0),
    "low FN": Profile(1.0, 0.11, 2.0),
}

Window = tuple[int, int]
"""Its first and last record."""


class Labelled(NamedTuple):
    """A file: how many records it has, and its windows in order."""

    records: int
    windows: tuple[Window, ...]


def probation(records: int) -> int:
    """Return how many records are not scored."""
    return math.floor(0.15 * min(records, 5000))


def sigmoid(position: float) -> float:
    """Return σ."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def raw(detections: Iterable[int], labelled: Labelled, profile: Profile) -> float:
    """Return the sum of one file; ``detections`` are the numbers of records."""
    first = probation(labelled.records)
    best = dict.fromkeys(labelled.windows, -profile.missed)
    false = 0.0
    for record in sorted(set(detections)):
        if record < first:
            continue
        inside = next((w for w in labelled.windows if w[0] <= record <= w[1]), None)
        if inside is not None:
            left, right = inside
            position = -(right - record + 1) / (right - left + 1)
            gain = profile.found * sigmoid(position) / sigmoid(-1.0)
            best[inside] = max(best[inside], gain)
            continue
        before = [w for w in labelled.windows if w[1] < record]
        if not before:
            false -= profile.false
            continue
        left, right = before[-1]
        false += profile.false * sigmoid((record - right) / (right - left))
    return sum(best.values()) + false


def normalised(
    detections: Sequence[Iterable[int]], files: Sequence[Labelled], profile: Profile
) -> float:
    """Return the score of a detector over all ``files``, of 100."""
    windows = sum(len(file.windows) for file in files)
    nothing, perfect = -profile.missed * windows, profile.found * windows
    total = sum(raw(d, f, profile) for d, f in zip(detections, files, strict=True))
    return 100 * (total - nothing) / (perfect - nothing)
