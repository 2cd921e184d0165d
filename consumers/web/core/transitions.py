"""A transition as the stream of alerts tells it."""

from typing import Any

import msgspec

from consumers.records.alerts import Alert, Transition
from consumers.records.desk.figures import document
from consumers.records.desk.moments import MINUTE_MS, iso
from consumers.web.core import frames


class TransitionForm(msgspec.Struct, frozen=True):
    """
    What happened to an alert; ``number`` is the id of the event, ``sequence`` counts those of one alert.

    ``action`` is ``move``, or what ``actor`` did. Evidence holds texts as they were crawled.
    """

    number: int
    alert: str
    sequence: int
    kind: str
    series: str
    about: str
    severity: str | None
    before: str
    after: str
    action: str
    cause: str
    actor: str
    minute: str
    at: str
    onset: str
    evidence: dict[str, Any]


def transition_form(line: Transition, alert: Alert) -> TransitionForm:
    """Return a transition as programs read it."""
    return TransitionForm(
        number=line.number,
        alert=line.alert,
        sequence=line.sequence,
        kind=alert.kind,
        series=line.series,
        about=alert.about,
        severity=line.severity,
        before=line.before,
        after=line.after,
        action=line.action,
        cause=line.cause,
        actor=line.actor,
        minute=iso(line.minute * MINUTE_MS),
        at=iso(line.at),
        onset=iso(alert.onset * MINUTE_MS),
        evidence=document(line.evidence),
    )


def told(line: Transition, alert: Alert) -> bytes:
    """Return the event of a transition."""
    data = msgspec.json.encode(transition_form(line, alert))
    return frames.event("transition", data, line.number)
