"""
What a person does to an alert, and when a snooze ends: the rules of the records, without a database.

Rules:
- The same by the same person once more is the same: a call that was repeated is told once.
- What is over can only be silenced until a time (in case that it is reopened), assigned and commented on.
- Snoozed until worse, an alert tells nothing, not even its end. That ends when its severity rises, when its
  effect is ``DOUBLING`` times what it was when it was snoozed, or when it was over and comes back; it is
  a line of the history, ``worse``, in the transaction of the minute in which that happens.
- Comments are only ever added, and stand in the history.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from consumers.records.alerts import (
    OPEN,
    WATCH,
    Alert,
    Assignment,
    Mark,
    Snooze,
    Transition,
)
from consumers.records.ports import Action, Nothing

DOUBLING: Final = 2.0
"""How much greater than at the snooze an effect (observed over expected) must be to be worse."""
_LASTING: Final[frozenset[Action]] = frozenset({"assign", "comment"})
"""What may be done to an alert that is over."""


class _Effect(msgspec.Struct, frozen=True):
    ratio: float = 0.0


class _Evidence(msgspec.Struct, frozen=True):
    effect: _Effect | None = None


def acted(
    alert: Alert, action: Action, mark: Mark, to: str = ""
) -> tuple[Alert, Transition | None] | Nothing:
    """Return the alert after what a person did, and the line of history, None if it was done before."""
    lasts = action in _LASTING or (action == "silence" and mark.until is not None)
    if alert.state == "resolved" and not lasts:
        return "already resolved"
    after, told = _done(alert, action, mark, to)
    if _timeless(alert) == _timeless(after):
        return alert, None
    after = msgspec.structs.replace(after, sequence=alert.sequence + 1)
    return after, Transition(
        number=0,
        alert=alert.id,
        series=alert.series,
        sequence=after.sequence,
        minute=mark.at // 60_000,
        at=mark.at,
        action=action,
        before=alert.state,
        after=after.state,
        cause=mark.comment,
        actor=mark.actor,
        severity=alert.severity,
        evidence=msgspec.json.encode(told),
    )


def _done(alert: Alert, action: Action, mark: Mark, to: str) -> tuple[Alert, Mapping[str, Any]]:
    """Return the alert with what was done, and what the line of history says of it."""
    told: Mapping[str, Any] = {"until": mark.until}
    said = mark.actor, mark.at, mark.comment
    replace = msgspec.structs.replace
    if action == "acknowledge":
        return replace(alert, acknowledged=mark), told
    if action == "silence":
        return replace(alert, silenced=mark), told
    if action == "comment":
        return replace(alert, commented=mark), {}
    if action == "assign":
        return replace(alert, assigned=Assignment(to, *said) if to else None), {"to": to}
    if action == "snooze":
        snooze = Snooze(*said, alert.severity, alert.ratio or ratio_in(alert.evidence))
        return replace(alert, snoozed=snooze), {"severity": snooze.severity, "ratio": snooze.ratio}
    minute = mark.at // 60_000
    return replace(over(alert, minute), closed=True, changed=minute), told


def _timeless(alert: Alert) -> Alert:
    """Return the alert as if all that people said of it had been said at one time."""
    said = {
        name: msgspec.structs.replace(mark, at=0)
        for name in ("acknowledged", "silenced", "commented", "assigned", "snoozed")
        if (mark := getattr(alert, name)) is not None
    }
    return msgspec.structs.replace(alert, **said)


def over(alert: Alert, minute: int) -> Alert:
    """Return the alert as it is once it is over."""
    silenced = alert.silenced if alert.silenced and alert.silenced.until is not None else None
    return msgspec.structs.replace(
        alert, state="resolved", resolved=minute, acknowledged=None, silenced=silenced
    )


def worse(before: Alert, after: Alert) -> str:
    """Say in what an alert got worse, so that its snooze is over; "": it did not, or was not snoozed."""
    snooze = after.snoozed
    if snooze is None or after.state not in OPEN:
        return ""
    if before.state == "resolved":
        return "it was over, and came back"
    if snooze.severity == "warning" and after.severity == "critical":
        return "its severity rose to critical"
    if snooze.ratio and after.ratio >= DOUBLING * snooze.ratio:
        return f"its effect is ×{after.ratio:.1f}, ×{snooze.ratio:.1f} when it was snoozed"
    return ""


def woken(alert: Alert, cause: str, minute: int, at: int) -> tuple[Alert, Transition]:
    """Return the alert without its snooze, and the line that says why."""
    after = msgspec.structs.replace(alert, snoozed=None, sequence=alert.sequence + 1)
    return after, Transition(
        number=0,
        alert=alert.id,
        series=alert.series,
        sequence=after.sequence,
        minute=minute,
        at=at,
        action="worse",
        before=alert.state,
        after=alert.state,
        cause=f"snoozed no longer: {cause}",
        actor=WATCH,
        severity=alert.severity,
        evidence=b"{}",
    )


def ratio_in(evidence: bytes) -> float:
    """Return the effect that evidence tells of, 0 where it tells of none."""
    try:
        effect = msgspec.json.decode(evidence, type=_Evidence).effect
    except msgspec.DecodeError:
        return 0.0
    return effect.ratio if effect is not None else 0.0
