"""What `recount` has found, and how it is told."""

from typing import Final

import msgspec

_SHOWN: Final = 50
"""Differences that are spelled out; the rest is counted."""


class Report(msgspec.Struct, kw_only=True):
    """
    What `recount` found.

    ``counted``, ``refused``, ``lost`` and ``ticks`` are distinct source offsets as the log settles
    them, up to the positions that the store holds; ``behind`` counts the log records above those.
    ``left_out`` cells and lines could not be compared; ``notes`` say why.
    """

    same: bool = True
    counted: int = 0
    refused: int = 0
    lost: int = 0
    ticks: int = 0
    offsets: int = 0
    repeats: int = 0
    holes: int = 0
    behind: int = 0
    partitions: int = 0
    cells: int = 0
    lines: int = 0
    series: int = 0
    left_out: int = 0
    differences: int = 0
    examples: list[str] = []
    notes: list[str] = []

    def differ(self, sentence: str) -> None:
        """Note a difference."""
        self.same = False
        self.differences += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(sentence)


def told(report: Report) -> str:
    """Return the report as text."""
    offsets = (
        f"source offsets {report.offsets}: counted {report.counted}, refused {report.refused}, "
        f"lost {report.lost}, ticks {report.ticks}"
    )
    compared = (
        f"compared {report.cells} cells, {report.lines} story lines, {report.series} series, {report.partitions} partitions; "
        f"left out {report.left_out} of them; {report.behind} log records not counted yet"
    )
    lines = [
        offsets,
        compared,
        *(f"note: {note}" for note in report.notes),
        *(f"DIFFERENT {example}" for example in report.examples),
        f"{report.differences} differences" if report.differences else "no difference",
    ]
    return "\n".join(lines) + "\n"
