"""
The alarms of a run over a file: from the transitions of the core to what is printed.

One alarm is one episode: reopened within two hours it stays the same, and its end and its severity are
those at its close. Umbrellas are alarms of the series ``umbrella``.
"""

import heapq
from collections.abc import Iterable
from pathlib import Path

import msgspec

from consumers.watch.core.decide import Decision
from consumers.watch.core.effect import Effect
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.states import LIVE
from consumers.watch.core.umbrella import Umbrella
from consumers.watch.detect_input import Counting, time_of
from consumers.watch.detect_rows import Row, Skipped, folded, rows

TOP = 5


class Story(msgspec.Struct, omit_defaults=True):
    """A negative story behind an alarm."""

    title: str
    published_at: str
    source: str | None = None
    url: str | None = None
    probability: float | None = None
    copies: int = 1


class Alarm(msgspec.Struct, omit_defaults=True):
    """
    One line of output; times are RFC 3339, of the beginning of the onset's tick and the end of others'.

    ``evidence`` and ``threshold`` are natural logarithms, at the time of the alarm; ``peak`` is the
    highest evidence of the episode.
    """

    series: str
    kind: str
    severity: str
    onset: str
    decided: str
    ended: str | None
    observed: int
    expected: float
    ratio: float
    ratio_interval: tuple[float, float]
    evidence: float
    threshold: float
    peak: float
    stories: int = 0
    negative: int = 0
    share: float | None = None
    usual_share: float | None = None
    share_interval: tuple[float, float] | None = None
    learning: bool = False
    reopened: int = 0
    under_umbrella: bool = False
    top: list[Story] = []


class UmbrellaAlarm(msgspec.Struct, tag_field="kind", tag="umbrella"):
    """Market-wide stress: the series under it at its widest."""

    decided: str
    ended: str | None
    members: tuple[str, ...]
    series: str = "umbrella"


class _Kept(msgspec.Struct):
    alarm: Alarm
    onset: int
    fired: int


class Collector:
    """Gathers alarms in the order in which they were decided."""

    def __init__(self, parameters: Parameters, log_threshold: float) -> None:
        self._parameters = parameters
        self._tick = parameters.tick
        self._log_threshold = log_threshold
        self._open: dict[str, _Kept] = {}
        self._kept: list[_Kept] = []
        self._umbrellas: list[tuple[int, UmbrellaAlarm]] = []
        self._up = -1

    def take(self, tick: int, name: str, decision: Decision) -> None:
        """Take in what was decided of a series."""
        machine = decision.series.machine
        for told in decision.transitions:
            if told.after == "firing" and told.before not in LIVE and machine.episode:
                if machine.episode.reopened and name in self._open:
                    self._open[name].alarm.ended = None
                elif decision.effect is not None:
                    self._new(tick, name, decision, decision.effect)
            if told.after == "resolved" and name in self._open:
                self._open[name].alarm.ended = self._end(tick)
        if machine.status in LIVE and machine.episode and name in self._open:
            alarm = self._open[name].alarm
            alarm.severity = machine.episode.severity
            alarm.peak = round(machine.episode.peak, 3)
            alarm.reopened = machine.episode.reopened
            alarm.under_umbrella = alarm.under_umbrella or self._up >= 0

    def _new(self, tick: int, name: str, decision: Decision, effect: Effect) -> None:
        alarm = Alarm(
            series=name,
            kind=effect.kind,
            severity="warning",
            onset=time_of(effect.onset, self._tick),
            decided=self._end(tick),
            ended=None,
            observed=effect.observed,
            expected=_rounded(effect.expected),
            ratio=_rounded(effect.ratio),
            ratio_interval=_pair(effect.ratio_interval),
            evidence=_rounded(decision.log_evidence),
            threshold=_rounded(self._log_threshold),
            peak=_rounded(decision.log_evidence),
            learning=decision.baseline.periods < self._parameters.learning,
            top=[],
        )
        if effect.share is not None and effect.share_interval is not None:
            alarm.stories, alarm.negative = effect.stories, effect.negative
            alarm.share, alarm.usual_share = _rounded(effect.share), _rounded(effect.usual)
            alarm.share_interval = _pair(effect.share_interval)
        kept = _Kept(alarm, effect.onset, tick)
        self._open[name] = kept
        self._kept.append(kept)

    def umbrella(self, tick: int, umbrella: Umbrella) -> None:
        """Take in the umbrella after a tick; call it before the series of the tick."""
        if umbrella.since < 0:
            if self._up >= 0:
                self._umbrellas[-1][1].ended = self._end(tick)
            self._up = -1
            return
        if self._up < 0:
            self._up = tick
            alarm = UmbrellaAlarm(self._end(tick), None, umbrella.members)
            self._umbrellas.append((tick, alarm))
        last = self._umbrellas[-1][1]
        if len(umbrella.members) > len(last.members):
            last.members = umbrella.members

    def alarms(self) -> list[Alarm | UmbrellaAlarm]:
        """Return all, in the order of their decision; the umbrella before its members."""
        both: list[tuple[int, int, Alarm | UmbrellaAlarm]] = [
            *((tick, 0, alarm) for tick, alarm in self._umbrellas),
            *((kept.fired, 1, kept.alarm) for kept in self._kept),
        ]
        return [alarm for _, _, alarm in sorted(both, key=lambda entry: entry[:2])]

    def add_stories(self, file: Path, counting: Counting) -> None:
        """Read the file again and put the stories behind each alarm into it."""
        best: dict[int, dict[str, tuple[float, str, Story]]] = {}
        for row in rows(file, Skipped()):
            for place in counting.places(row):
                if row.sentiment != "negative":
                    continue
                for number, kept in enumerate(self._kept):
                    if kept.alarm.series == place.series and kept.onset <= place.tick <= kept.fired:
                        _offer(best.setdefault(number, {}), row)
        for number, stories in best.items():
            ranked = heapq.nsmallest(TOP, stories.values(), key=lambda entry: entry[:2])
            self._kept[number].alarm.top = [story for _, _, story in ranked]

    def _end(self, tick: int) -> str:
        return time_of(tick + 1, self._tick)


def _offer(stories: dict[str, tuple[float, str, Story]], row: Row) -> None:
    """Keep a story, or count a copy of the same title."""
    item = row.item
    title = item.title or item.text or item.body or ""
    key = folded(title)
    if key in stories:
        stories[key][2].copies += 1
        return
    at = item.published_at
    story = Story(title[:300], at, item.source, item.url or None, row.probability)
    stories[key] = (-(row.probability or 0.0), f"{row.at.isoformat()} {title}", story)


def _rounded(value: float) -> float:
    return round(value, 4)


def _pair(values: Iterable[float]) -> tuple[float, float]:
    low, high = values
    return _rounded(low), _rounded(high)
