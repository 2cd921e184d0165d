"""
What a decided minute writes: alerts, moves and verdicts, with their evidence.

Rules: a function of its arguments, so that what is decided again gives the same ids and the same bytes.
An alert keeps the evidence that it was raised with. Events and silences have one state, firing, until
they are over; their end is a move only. What a person resolved before is judged all the same.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from consumers.records.alerts import Episode, Move, Verdict, alert_id
from consumers.watch.core import verdict
from consumers.watch.core.events import Raised, Told
from consumers.watch.core.silence import Rhythm, limit_of, weight_of
from consumers.watch.core.silences import ALL
from consumers.watch.core.verdict import Judged
from consumers.watch.evidence import STORIES_SHOWN
from consumers.watch.ports import Story
from consumers.watch.rounds import MARKET, written
from consumers.watch.whole import Wanted, Whole

EVENT_RAISED = "a trusted source tells it"
EVENT_OVER = "it was told some hours ago"
SILENT = "silent for longer than ever at this hour"


class EventEvidence(msgspec.Struct, frozen=True):
    """
    What an event was found in: ``by`` a topic label or a phrase of the title.

    ``held_back`` grave stories had come since the event before, over the cap an hour.
    """

    minute: int
    event: str
    by: str
    negative: float
    held_back: int
    stories: tuple[Story, ...]


class HeldBack(msgspec.Struct, frozen=True):
    """The end of an event: how many grave stories were held back between it and the next one told."""

    minute: int
    held_back: int
    stories: tuple[Story, ...]


class SilenceEvidence(msgspec.Struct, frozen=True):
    """
    A silence as of the end of ``minute``: since when, and its weight u against the limit.

    u is -Σ ln(1 - p) over the silent minutes, with p the part of minutes in which it usually speaks then.
    """

    minute: int
    last: int
    weight: float
    limit: float
    heaviest: float
    hours_learnt: int


class Lines(NamedTuple):
    """Alerts, moves and verdicts of a minute."""

    episodes: tuple[Episode, ...]
    moves: tuple[Move, ...]
    verdicts: tuple[Verdict, ...]


def lines_of(
    whole: Whole,
    stories: Mapping[Wanted, Sequence[Story]],
    first_evidence: Mapping[str, bytes],
) -> Lines:
    """Return all that a minute writes; ``stories`` are those it wanted."""
    shown = {}
    for name in whole.decided.told:
        spell = whole.decided.round.decisions[name].series.machine.episode
        if spell:
            wanted = Wanted(name, spell.onset, whole.minute)
            shown[name] = tuple(stories.get(wanted, ()))[:STORIES_SHOWN]
    shown[MARKET] = _of_strongest(whole, stories)
    episodes, moves = written(whole.decided, shown, first_evidence)
    verdicts = _of_surges(whole, stories)
    before, after = whole.before.detectors.umbrella, whole.decided.round.state.umbrella
    if before.since >= 0 > after.since:
        judged = verdict.umbrella(whole.minute - before.since)
        verdicts.append(_verdict(alert_id("umbrella", MARKET, before.since), judged))
    lines = [
        *(_event(whole.minute, raised) for raised in whole.happened.raised),
        *(_event_over(whole.minute, told, stories) for told in whole.happened.ended),
        *_silences(whole, first_evidence),
    ]
    return Lines(
        (*episodes, *(e for line in lines for e in line.episodes)),
        (*moves, *(m for line in lines for m in line.moves)),
        (*verdicts, *(v for line in lines for v in line.verdicts)),
    )


def _of_strongest(whole: Whole, stories: Mapping[Wanted, Sequence[Story]]) -> tuple[Story, ...]:
    """Return stories for an umbrella that rises: the surest of each series, then the second of each."""
    each = [stories.get(Wanted(*under, whole.minute), ()) for under in whole.decided.under]
    told: dict[str, Story] = {}
    for place in range(STORIES_SHOWN):
        for found in each:
            if place < len(found):
                told.setdefault(found[place].story, found[place])
    return tuple(told.values())[:STORIES_SHOWN]


def _verdict(alert: str, judged: Judged) -> Verdict:
    return Verdict(alert, judged.judgement, judged.reason)


def _of_surges(whole: Whole, stories: Mapping[Wanted, Sequence[Story]]) -> list[Verdict]:
    found = []
    for alert, trial in whole.over.items():
        told = stories.get(Wanted(trial.series, trial.onset, trial.resolved), ())
        titles = [story.title for story in told]
        judged = verdict.surge(trial, titles, whole.decided.setting.parameters)
        found.append(_verdict(alert, judged))
    return found


def _event(minute: int, raised: Raised) -> Lines:
    told, story = raised.told, raised.story
    evidence = msgspec.json.encode(
        EventEvidence(
            minute, told.event, raised.found.by, story.negative, raised.held_back, (story,)
        )
    )
    episode = Episode(
        id=_id_of(told),
        kind="event",
        series=told.series,
        onset=told.minute,
        about=told.event,
        severity=told.severity,
        evidence=evidence,
    )
    return Lines((episode,), (_risen(episode, EVENT_RAISED),), ())


def _event_over(minute: int, told: Told, stories: Mapping[Wanted, Sequence[Story]]) -> Lines:
    wanted = Wanted(told.series, told.minute, told.minute)
    now = tuple(s for s in stories.get(wanted, ()) if s.story == told.story)
    evidence = msgspec.json.encode(HeldBack(minute, told.held_back, now))
    judged = verdict.event(now[0].sources if now else 1)
    move = _ended(told.series, _id_of(told), EVENT_OVER, evidence)
    return Lines((), (move,), (_verdict(_id_of(told), judged),))


def _id_of(told: Told) -> str:
    return alert_id("event", told.series, told.minute, told.story)


def _risen(episode: Episode, cause: str) -> Move:
    return Move(
        series=episode.series,
        before="normal",
        after="firing",
        cause=cause,
        alert=episode.id,
        severity=episode.severity,
        evidence=episode.evidence,
    )


def _ended(series: str, alert: str, cause: str, evidence: bytes) -> Move:
    return Move(
        series=series,
        before="firing",
        after="resolved",
        cause=cause,
        alert=alert,
        evidence=evidence,
    )


def _silences(whole: Whole, first_evidence: Mapping[str, bytes]) -> list[Lines]:
    minute, rhythms = whole.minute, whole.kept.rhythms
    held = rhythms.get(ALL)
    over = _silence_id(held) if held and held.raised >= 0 else ""
    found = []
    for key in whole.silences.raised:
        episode = _silent(rhythms[key], over, _silence(minute, minute, rhythms[key]))
        found.append(Lines((episode,), (_risen(episode, SILENT),), ()))
    if ALL in whole.silences.raised:
        standing = [r for r in whole.before.rhythms.values() if r.raised >= 0]
        found += [
            Lines((_silent(rhythm, over, evidence),), (), ())
            for rhythm in standing
            if (evidence := first_evidence.get(_silence_id(rhythm)))
        ]
    for key, why in whole.silences.ended.items():
        rhythm = whole.before.rhythms[key]
        id_ = _silence_id(rhythm)
        move = _ended(rhythm.series, id_, why, _silence(minute, minute - 1, rhythm))
        judged = verdict.no_data(minute - 1 - rhythm.raised)
        found.append(Lines((), (move,), (_verdict(id_, judged),)))
    return found


def _silent(rhythm: Rhythm, over: str, evidence: bytes) -> Episode:
    return Episode(
        id=_silence_id(rhythm),
        kind="no_data",
        series=rhythm.series,
        onset=rhythm.last + 1,
        about="silence",
        severity="critical" if rhythm.series == ALL else "warning",
        inhibited_by=over if rhythm.series != ALL else "",
        evidence=evidence,
    )


def _silence_id(rhythm: Rhythm) -> str:
    return alert_id("no_data", rhythm.series, rhythm.last + 1)


def _silence(minute: int, until: int, rhythm: Rhythm) -> bytes:
    """Return the evidence of a silence that is weighed up to the end of minute ``until``."""
    return msgspec.json.encode(
        SilenceEvidence(
            minute,
            rhythm.last,
            weight_of(rhythm, until),
            limit_of(rhythm),
            rhythm.heaviest,
            rhythm.hours,
        )
    )
