"""
Verdicts: what an alert turned out to be, by a written rule, once it is over.

    surge      void   a partition stood still, the feed was silent, or a new bundle spoke, meanwhile;
                      most of it came late (a feed that returned); or its stories have fewer different
                      titles than an alert needs (copies that were not merged)
               hit    the hour after the alarm was unusual with a probability of a half or more, by the
                      same posteriors that end an alert: the excess lasted
               miss   otherwise: the alarm was the end of it
    event      hit    another source told the story as well;  void  none did: nothing to judge by
    no data    hit    the silence went on for a quarter of an hour at least;  miss  otherwise
    umbrella   hit    it stood for an hour at least;  miss  otherwise

Rules: the hour after the alarm did not choose the alarm, so that it judges it without favour. A surge is
judged when it is resolved and that hour is over. A person's word outranks the rule's, before and after.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from consumers.watch.core.decide import Decision
from consumers.watch.core.effect import Effect, Kind
from consumers.watch.core.evidence import Null, Seen
from consumers.watch.core.grave import folded
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.silence import SHORTEST
from consumers.watch.core.unusual import Bounds, bounds_of, unusual

Judgement: TypeAlias = Literal["hit", "miss", "void"]
LASTED: Final = 0.5
HOUR: Final = 60
ALIKE: Final = 0.6
"""Titles that share so large a part of their words are one."""


class Judged(NamedTuple):
    """A judgement and its reason."""

    judgement: Judgement
    reason: str


class Trial(msgspec.Struct, frozen=True, array_like=True):
    """
    A surge alert that will be judged: what was seen in the hour after it ``fired`` (a tick).

    ``about``, ``ratio``, ``share`` and ``usual`` are the bounds it is held to. ``fault`` is the first
    thing that makes it void; ``resolved`` is -1 while it lives.
    """

    series: str
    onset: int
    fired: int
    about: Kind
    ratio: float
    share: float
    usual: float
    expected: float = 0.0
    volume: int = 0
    negative: int = 0
    stories: int = 0
    fault: str = ""
    resolved: int = -1


def trial_of(
    series: str, onset: int, tick: int, about: Kind, null: Null, effect: Effect | None
) -> Trial:
    """Return the trial of an alert that fired in ``tick``."""
    bounds = bounds_of(null, about)
    late = effect.negative - effect.observed if effect else 0
    fault = "most of it came late: a feed returned" if effect and 2 * late > effect.negative else ""
    return Trial(series, onset, tick, *bounds, fault=fault)


def gone_on(
    trial: Trial,
    tick: int,
    seen: Seen | None,
    decision: Decision | None,
    fault: str,
    parameters: Parameters,
) -> Trial:
    """Take a decided tick in: counts of the first hour, and what makes the alert void."""
    if not fault and decision is not None:
        since = tick - decision.series.bundle_at
        fault = "a new bundle spoke" if since < parameters.ticks(parameters.bundle_margin) else ""
    if tick > trial.fired + parameters.ticks(HOUR):
        return trial
    trial = msgspec.structs.replace(trial, fault=trial.fault or fault)
    if tick <= trial.fired or decision is None or decision.null is None or seen is None:
        return trial
    return msgspec.structs.replace(
        trial,
        expected=trial.expected + decision.null.expected,
        volume=trial.volume + seen.negative,
        negative=trial.negative + seen.negative + seen.late_negative,
        stories=trial.stories + seen.stories + seen.late,
    )


def is_over(trial: Trial, tick: int, parameters: Parameters) -> bool:
    """Say whether a surge can be judged at the end of ``tick``."""
    return trial.resolved >= 0 and tick >= trial.fired + parameters.ticks(HOUR)


def surge(trial: Trial, titles: Iterable[str], parameters: Parameters) -> Judged:
    """Judge a surge; ``titles`` of its negative stories from the onset to its end, if known."""
    if trial.fault:
        return Judged("void", trial.fault)
    told = list(titles)
    different = distinct(told)
    if told and different < parameters.stories:
        return Judged("void", f"{len(told)} stories with {different} different titles: copies")
    bounds = Bounds(trial.about, trial.ratio, trial.share, trial.usual)
    probability = unusual(
        trial.expected, trial.volume, trial.negative, trial.stories, bounds, parameters
    )
    figures = (
        f"in the hour after the alarm {trial.volume} negative stories against "
        f"{trial.expected:.1f} expected, {trial.negative} of {trial.stories} negative"
    )
    if probability >= LASTED:
        return Judged("hit", f"the excess lasted: {figures}")
    return Judged("miss", f"the excess did not last: {figures}")


def event(sources: int) -> Judged:
    """Judge an event by how many sources told its story."""
    if sources > 1:
        return Judged("hit", f"{sources} sources told it")
    return Judged("void", "no other source told it")


def no_data(minutes: int) -> Judged:
    """Judge a silence by how many minutes it went on after its alert."""
    judgement: Judgement = "hit" if minutes >= SHORTEST else "miss"
    return Judged(judgement, f"the silence went on for {minutes} minutes")


def umbrella(minutes: int) -> Judged:
    """Judge an umbrella by how many minutes it stood."""
    return Judged("hit" if minutes >= HOUR else "miss", f"it stood for {minutes} minutes")


def distinct(titles: Iterable[str]) -> int:
    """Return how many titles differ in more than a few words (or pairs of characters)."""
    kept: list[frozenset[str]] = []
    for title in titles:
        parts = _parts(title)
        if not any(_overlap(parts, other) >= ALIKE for other in kept):
            kept.append(parts)
    return len(kept)


def _parts(title: str) -> frozenset[str]:
    text = folded(title)
    words = re.findall(r"\w+", text)
    if len(words) > 2:  # noqa: PLR2004  # fewer: a script without spaces
        return frozenset(words)
    return frozenset(text[at : at + 2] for at in range(max(1, len(text) - 1)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))
