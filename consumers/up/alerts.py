"""
The alerts in the picture of `top` and `up`: what the records hold, as rows and as lines.

Rules: a row is what is shown, with the figures of the newest transition that carries any; a line is a
transition, printed once. Texts from outside are made fit for a terminal.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from consumers.records.alerts import OPEN, Alert, Transition
from consumers.records.desk.figures import Figures, figures
from consumers.records.desk.plain import plain
from consumers.records.ports import AlertReader, Filter

SHOWN: Final = 6
"""Most alerts in a picture: the open ones, then the newest."""
_READ: Final = 40
_STORIES: Final = 3
_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Told:
    """A story of the evidence; ``words`` spoke for its tone, ``copies`` items of ``sources`` told it."""

    title: str
    source: str
    copies: int = 1
    sources: int = 1
    words: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The story in a line."""
        told = self.source
        if self.copies > 1:
            told += f" and others: {self.copies} items, {self.sources} sources"
        return f"{self.title} ({told})" + (f" · {', '.join(self.words)}" if self.words else "")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert: its state, and the figures and stories of its evidence; ``since`` as HH:MM (UTC)."""

    state: str
    series: str
    kind: str
    about: str
    severity: str
    since: str
    found: str
    stories: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A transition as it is printed."""

    at: str
    after: str
    kind: str
    series: str
    cause: str
    found: str
    stories: tuple[Told, ...] = ()

    @property
    def text(self) -> str:
        """The transition in a line, without its stories."""
        found = f" · {self.found}" if self.found else ""
        return f"{self.at} {self.after} {self.kind} {self.series}: {self.cause}{found}"


class Board:
    """Reads the alerts; remembers which transitions it has shown."""

    def __init__(self, reader: AlertReader) -> None:
        self._reader = reader
        self._shown: dict[str, int] = {}

    async def look(self) -> tuple[tuple[AlertRow, ...], tuple[Line, ...]]:
        """Return the rows, and the lines that are new since the look before. May raise ``Transient``."""
        alerts = (await self._reader.alerts(Filter(), _READ)).alerts
        lines: list[tuple[int, Line]] = []
        for alert in alerts:
            if self._shown.get(alert.id, 0) < alert.sequence:
                for transition in await self._reader.history(alert.id):
                    if transition.sequence > self._shown.get(alert.id, 0):
                        lines.append((transition.number, line_of(alert, transition)))
                        self._shown[alert.id] = transition.sequence
        chosen = sorted(alerts, key=lambda a: (a.state not in OPEN, a.kind != "surge", -a.changed))
        rows = tuple(row_of(alert) for alert in chosen[:SHOWN])
        return rows, tuple(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def row_of(alert: Alert) -> AlertRow:
    """Return an alert as it is shown, with the evidence that it was raised with."""
    read = figures(alert.evidence)
    return AlertRow(
        state=alert.state,
        series=plain(alert.series),
        kind=alert.kind,
        about=plain(alert.about),
        severity=alert.severity,
        since=hour_of(alert.opened),
        found=found_in(read),
        stories=told(read),
    )


def line_of(alert: Alert, transition: Transition) -> Line:
    """Return a transition as it is printed."""
    read = figures(transition.evidence)
    raised = transition.after == "firing" and transition.before != "firing"
    return Line(
        at=hour_of(transition.minute),
        after=transition.after,
        kind=alert.kind,
        series=plain(transition.series),
        cause=plain(transition.cause),
        found=found_in(read),
        stories=told(read) if raised else (),
    )


def found_in(read: Figures) -> str:
    """Say what was observed against what was expected; nothing where the evidence has no figures."""
    effect = read.effect
    if effect is None:
        return f"{len(read.members)} series" if read.members else ""
    said = f"{effect.observed} negative stories, {effect.expected:.1f} expected"
    if effect.share is not None:
        said += f", share {effect.share:.0%} against {effect.usual:.0%}"
    return said


def told(read: Figures) -> tuple[Told, ...]:
    """Return the top stories."""
    return tuple(
        Told(
            title=plain(story.title, 90),
            source=plain(story.source, 30),
            copies=story.copies,
            sources=story.sources,
            words=tuple(plain(word, 40) for word in story.spoke[:_WORDS]),
        )
        for story in read.stories[:_STORIES]
    )


def hour_of(minute: int) -> str:
    """Return the time of day of a minute since 1970, in UTC."""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%H:%M")


def moved(lines: Sequence[Line]) -> list[dict[str, object]]:
    """Lay transitions out for JSON."""
    return [
        {
            "at": line.at,
            "state": line.after,
            "kind": line.kind,
            "series": line.series,
            "cause": line.cause,
            "found": line.found,
            "stories": [asdict(story) for story in line.stories],
        }
        for line in lines
    ]
