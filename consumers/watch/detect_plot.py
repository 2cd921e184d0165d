"""
The plot of ``detect``: per series the counts, the baseline with its band, the evidence, the alarms.

Rules: matplotlib is imported only when a plot is asked for; a run is gathered in at most ``BINS`` bins, so
that its memory does not grow with the file. At most ``SHOWN`` series are drawn, those with alarms first.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from consumers.watch.core.decide import Decision
from consumers.watch.core.evidence import Seen
from consumers.watch.detect_alarms import Alarm, UmbrellaAlarm
from consumers.watch.detect_input import Input
from groundswell.errors import InputError

BINS: Final = 1500
SHOWN: Final = 6


def drawing() -> Any:
    """Return matplotlib's ``Figure``. Raises ``InputError`` where it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError(
            "--plot needs matplotlib: pip install 'groundswell[plot]', or leave --plot out"
        ) from error
    return Figure


class Line:
    """One series, binned: sums of counts and expectations, the highest evidence."""

    def __init__(self, bins: int) -> None:
        self.counts = [0.0] * bins
        self.expected = [math.nan] * bins
        self.mean = [math.nan] * bins
        self.evidence = [math.nan] * bins


class Trace:
    """What a plot needs of a run."""

    def __init__(self, given: Input, log_threshold: float) -> None:
        self.tick = given.tick
        self.log_threshold = log_threshold
        self._first = given.first
        self._ticks = given.last - given.first + 1
        self.bins = min(BINS, self._ticks)
        self.lines = {name: Line(self.bins) for name in given.names}

    def add(self, tick: int, name: str, seen: Seen | None, decision: Decision) -> None:
        """Take in a decided tick."""
        line, place = self.lines[name], (tick - self._first) * self.bins // self._ticks
        line.counts[place] += seen.negative if seen else 0
        if decision.null is not None:
            line.expected[place] = _sum(line.expected[place], decision.null.expected)
            line.mean[place] = _sum(line.mean[place], decision.null.mean)
            line.evidence[place] = max(
                decision.log_evidence, _sum(line.evidence[place], 0.0, empty=-math.inf)
            )

    def times(self) -> list[datetime]:
        """Return the beginning of each bin."""
        ticks = (self._first + place * self._ticks / self.bins for place in range(self.bins))
        return [datetime.fromtimestamp(tick * self.tick * 60, UTC) for tick in ticks]


def _sum(held: float, more: float, empty: float = 0.0) -> float:
    return more + (empty if math.isnan(held) else held)


def draw(trace: Trace, alarms: Sequence[Alarm | UmbrellaAlarm], out: Path) -> None:
    """Write the plot. Raises ``InputError`` if it cannot be written."""
    alarmed = [alarm.series for alarm in alarms if isinstance(alarm, Alarm)]
    names = sorted(trace.lines, key=lambda name: (-alarmed.count(name), name))[:SHOWN]
    figure = drawing()(figsize=(11, 3.6 * len(names)), layout="constrained")
    axes = figure.subplots(2 * len(names), 1, sharex=True, squeeze=False)[:, 0]
    times = trace.times()
    for place, name in enumerate(names):
        line, counts, evidence = trace.lines[name], axes[2 * place], axes[2 * place + 1]
        counts.plot(times, line.counts, lw=0.7, color="#30506b", label="counted")
        counts.plot(times, line.expected, lw=1.2, color="#2e8b57", label="expected")
        counts.fill_between(
            times, line.expected, line.mean, color="#2e8b57", alpha=0.2, label="margin"
        )
        counts.set_title(name, loc="left", fontsize=10)
        counts.set_ylabel("stories")
        evidence.plot(times, line.evidence, lw=0.8, color="#8a4b08", label="evidence")
        evidence.axhline(trace.log_threshold, ls="--", lw=1, color="#b22222", label="threshold")
        evidence.set_ylabel("ln M")
        for alarm in alarms:
            if isinstance(alarm, Alarm) and alarm.series == name:
                at = datetime.fromisoformat(alarm.decided)
                counts.axvline(at, color="#b22222", lw=1)
                evidence.axvline(at, color="#b22222", lw=1, label="alarm")
        for panel in (counts, evidence):
            handles, labels = panel.get_legend_handles_labels()
            unique = dict(zip(labels, handles, strict=True))
            panel.legend(unique.values(), unique.keys(), fontsize=7, loc="upper left")
    try:
        figure.savefig(out, dpi=110)
    except (OSError, ValueError) as error:
        raise InputError(f"{out}: cannot be written ({error})") from error
