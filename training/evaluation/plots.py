"""
The pictures of a report, as PNG: confusion, reliability, risk and coverage, behaviour.

Rule: matplotlib is imported here and nowhere else, and draws without a screen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from training.evaluation.calibration import Calibration
from training.evaluation.figures import HeadFigures

INK: Final = "#1f4e79"
PALE: Final = "#9aa7b4"
_DARK: Final = 0.55
_MOST_NAMES: Final = 12
"""Labels up to which each cell shows its count."""


def draw(head: HeadFigures, directory: Path) -> list[str]:
    """Write the pictures that a head has material for; return their names."""
    found = []
    for name, picture in _PICTURES.items():
        figure = picture(head)
        if figure is not None:
            file = f"{head.name}-{name}.png"
            with mpl.rc_context(
                {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
            ):
                figure.savefig(directory / file, dpi=130, metadata={"Software": None})
            found.append(file)
    return found


def _new(width: float, height: float, **labels: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set(**labels)
    return figure, axes


def confusion(head: HeadFigures) -> Figure | None:
    """Draw the confusion matrix; shades are shares of the row, numbers are counts."""
    if head.confusion is None:
        return None
    whole = np.array(head.confusion)
    seen = np.flatnonzero(whole.sum(axis=0) + whole.sum(axis=1))
    counts = whole[np.ix_(seen, seen)]
    names = [head.labels[n] for n in seen]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.2, 1.2 + 0.42 * len(counts))
    figure, axes = _new(side, side, title=f"{head.name}: confusion", xlabel="given", ylabel="true")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(counts))
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set_yticks(places, names)
    if len(counts) <= _MOST_NAMES:
        for i, j in np.ndindex(counts.shape):
            shade = "white" if shares[i, j] > _DARK else "black"
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=shade)
    return figure


def reliability(head: HeadFigures) -> Figure | None:
    """Draw what was right against how sure the model was; the area of a dot is its share of rows."""
    measured: Calibration | None = head.calibration
    if measured is None:
        return None
    figure, axes = _new(
        3.8,
        3.6,
        title=f"{head.name}: reliability (ECE {measured.ece:.3f})",
        xlabel="confidence",
        ylabel="share that is right",
    )
    axes.plot([0, 1], [0, 1], color=PALE, linestyle="--", linewidth=1)
    sizes = [20 + 300 * each.rows / measured.rows for each in measured.bins]
    x = [each.confidence for each in measured.bins]
    y = [each.accuracy for each in measured.bins]
    axes.plot(x, y, color=INK, linewidth=1)
    axes.scatter(x, y, s=sizes, color=INK, alpha=0.7)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))
    return figure


def coverage(head: HeadFigures) -> Figure | None:
    """Draw the share of mistakes against how many rows are answered, surest first."""
    if head.coverage is None:
        return None
    risk = head.coverage.risk
    figure, axes = _new(
        3.8,
        3.2,
        title=f"{head.name}: risk and coverage (AURC {head.coverage.aurc:.3f})",
        xlabel="share of rows answered, surest first",
        ylabel="share of mistakes",
    )
    axes.plot(np.arange(1, len(risk) + 1) / len(risk), risk, color=INK)
    axes.set(xlim=(0, 1), ylim=(0, None))
    return figure


def behaviour(head: HeadFigures) -> Figure | None:
    """Draw the share of failures of each behavioural test with its interval."""
    if not head.behaviour:
        return None
    names = [f"{test.name} ({test.tried})" for test in head.behaviour]
    figure, axes = _new(
        5.4, 1.0 + 0.28 * len(names), title=f"{head.name}: behaviour", xlabel="share that fails"
    )
    for place, test in enumerate(head.behaviour):
        rate = test.failure_rate
        shade = INK if test.kind == "direction" else "#b3541e"
        axes.plot([rate.low, rate.high], [place, place], color=shade, linewidth=1.5)
        axes.plot(rate.value, place, "o", color=shade, markersize=4)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    return figure


_PICTURES: Final[dict[str, Callable[[HeadFigures], Figure | None]]] = {
    "confusion": confusion,
    "reliability": reliability,
    "coverage": coverage,
    "behaviour": behaviour,
}
