"""
Alerts as programs read them: JSON with times in ISO 8601 (UTC), and rows of CSV. Pure.

Rule: a flag is listed only while it holds; who set it stands beside it either way.
"""

from typing import Any, Final

import msgspec

from consumers.records.acting import DOUBLING, ratio_in
from consumers.records.alerts import (
    OPEN,
    Alert,
    Assignment,
    Mark,
    Said,
    Snooze,
    Transition,
    Verdict,
)
from consumers.records.desk.figures import document, figures
from consumers.records.desk.moments import MINUTE_MS, iso


class MarkForm(msgspec.Struct, frozen=True):
    """A flag that a person set; ``until`` None: until the alert ends."""

    actor: str
    at: str
    comment: str
    until: str | None


class AssignmentForm(msgspec.Struct, frozen=True):
    """Who is to look after an alert, a person or a team, and who said so."""

    to: str
    actor: str
    at: str
    comment: str


class SnoozeForm(msgspec.Struct, frozen=True):
    """
    Nothing is told until the alert gets worse: critical, or an effect of ``worse_at``, or over and back.

    ``worse_at`` is twice the effect (observed over expected) of then, None where there was none.
    """

    actor: str
    at: str
    comment: str
    severity: str
    worse_at: float | None


class VerdictForm(msgspec.Struct, frozen=True):
    """What somebody said an alert was; ``at`` None where the time is not at hand."""

    judgement: str
    reason: str
    actor: str
    at: str | None = None


class AlertForm(msgspec.Struct, frozen=True, kw_only=True):
    """
    An alert as it stands: see ``Alert``; ``flags`` are those that hold now.

    ``ratio`` is the effect that was told last, None where there is none; ``commented`` the last comment.
    """

    id: str
    kind: str
    series: str
    about: str
    severity: str
    state: str
    flags: tuple[str, ...]
    onset: str
    opened: str
    changed: str
    resolved: str | None
    reopened: int
    peak: float
    ratio: float | None
    inhibited_by: str | None
    acknowledged: MarkForm | None
    silenced: MarkForm | None
    assigned: AssignmentForm | None
    commented: MarkForm | None
    snoozed: SnoozeForm | None
    verdict: VerdictForm | None
    evidence: dict[str, Any]


class LineForm(msgspec.Struct, frozen=True):
    """A transition; ``minute`` is the decided one, ``at`` when it was written."""

    sequence: int
    minute: str
    at: str
    action: str
    before: str
    after: str
    severity: str | None
    cause: str
    actor: str
    evidence: dict[str, Any]


class EpisodeForm(msgspec.Struct, frozen=True):
    """An alert with all that happened to it, and all that was said of it."""

    alert: AlertForm
    history: tuple[LineForm, ...]
    verdicts: tuple[VerdictForm, ...]


class PageForm(msgspec.Struct, frozen=True):
    """A page of alerts, and where the next begins."""

    alerts: tuple[AlertForm, ...]
    next: str | None


def flags(alert: Alert, now: int) -> tuple[str, ...]:
    """Return the flags that hold at ``now`` (ms)."""
    held = {
        "acknowledged": _holds(alert.acknowledged, now),
        "silenced": _holds(alert.silenced, now),
        "snoozed": alert.snoozed is not None and alert.state in OPEN,
        "inhibited": bool(alert.inhibited_by),
    }
    return tuple(name for name, holds in held.items() if holds)


def _holds(mark: Mark | None, now: int) -> bool:
    return mark is not None and (mark.until is None or now < mark.until)


def alert_form(alert: Alert, now: int) -> AlertForm:
    """Return an alert as programs read it."""
    verdict = alert.verdict
    return AlertForm(
        id=alert.id,
        kind=alert.kind,
        series=alert.series,
        about=alert.about,
        severity=alert.severity,
        state=alert.state,
        flags=flags(alert, now),
        onset=_minute(alert.onset),
        opened=_minute(alert.opened),
        changed=_minute(alert.changed),
        resolved=None if alert.resolved is None else _minute(alert.resolved),
        reopened=alert.reopened,
        peak=alert.peak,
        ratio=alert.ratio or ratio_in(alert.evidence) or None,
        inhibited_by=alert.inhibited_by or None,
        acknowledged=_mark(alert.acknowledged),
        silenced=_mark(alert.silenced),
        assigned=_assignment(alert.assigned),
        commented=_mark(alert.commented),
        snoozed=_snooze(alert.snoozed),
        verdict=None if verdict is None else _said(verdict),
        evidence=document(alert.evidence),
    )


def episode_form(
    alert: Alert, history: tuple[Transition, ...], verdicts: tuple[Said, ...], now: int
) -> EpisodeForm:
    """Return an alert with its history and verdicts, up to how far ``alert`` has come."""
    return EpisodeForm(
        alert_form(alert, now),
        tuple(_line(line) for line in history if line.sequence <= alert.sequence),
        tuple(map(_said, verdicts)),
    )


def _line(line: Transition) -> LineForm:
    return LineForm(
        sequence=line.sequence,
        minute=_minute(line.minute),
        at=iso(line.at),
        action=line.action,
        before=line.before,
        after=line.after,
        severity=line.severity,
        cause=line.cause,
        actor=line.actor,
        evidence=document(line.evidence),
    )


def _said(verdict: Verdict) -> VerdictForm:
    at = iso(verdict.at) if isinstance(verdict, Said) else None
    return VerdictForm(verdict.judgement, verdict.reason, verdict.actor, at)


def _mark(mark: Mark | None) -> MarkForm | None:
    if mark is None:
        return None
    until = None if mark.until is None else iso(mark.until)
    return MarkForm(mark.actor, iso(mark.at), mark.comment, until)


def _assignment(held: Assignment | None) -> AssignmentForm | None:
    if held is None:
        return None
    return AssignmentForm(held.to, held.actor, iso(held.at), held.comment)


def _snooze(held: Snooze | None) -> SnoozeForm | None:
    if held is None:
        return None
    limit = held.ratio * DOUBLING or None
    return SnoozeForm(held.actor, iso(held.at), held.comment, held.severity, limit)


def _minute(minute: int) -> str:
    return iso(minute * MINUTE_MS)


COLUMNS: Final = (
    *("id", "kind", "series", "about", "severity", "state", "onset", "opened", "resolved"),
    *("reopened", "peak", "observed", "expected", "ratio", "verdict", "verdict_by"),
    *("verdict_reason", "sequence", "minute", "at", "action", "before", "after", "cause", "actor"),
)
"""The columns of CSV: those of the alert, on each line of its history."""


def csv_rows(episode: EpisodeForm) -> list[list[Any]]:
    """Return the rows of an alert, one a transition; texts are as they are."""
    alert, verdict = episode.alert, episode.alert.verdict
    effect = figures(msgspec.json.encode(alert.evidence)).effect
    shared = {
        **msgspec.structs.asdict(alert),
        "observed": effect and effect.observed,
        "expected": effect and effect.expected,
        "ratio": effect and effect.ratio,
        "verdict": verdict and verdict.judgement,
        "verdict_by": verdict and verdict.actor,
        "verdict_reason": verdict and verdict.reason,
    }
    rows = []
    for line in episode.history:
        told = msgspec.structs.asdict(line)
        del told["severity"]  # the alert's stands in the row
        rows.append([{**shared, **told}[column] for column in COLUMNS])
    return rows
