"""
What the last days would have sent: the same decision over the history.

Rules: alerts are put back to what they were at each transition; who stands above them (``inhibited_by``)
is known only as it is now. It begins knowing nothing: what went on before is told when it next moves.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from consumers.notify.core.changes import Look
from consumers.notify.core.deciding import decide
from consumers.notify.core.schedule import Closed
from consumers.notify.core.state import Note, State
from consumers.records.alerts import OPEN, Alert, Mark, Snooze, Transition
from consumers.records.notices.values import Message, Silence, Subscription

MOST_STEPS: Final = 100_000


class Preview(NamedTuple):
    """What would have been sent, and what withheld, each with its time (ms)."""

    messages: tuple[Message, ...]
    withheld: tuple[tuple[int, Note], ...]


def was(alert: Alert, line: Transition, before: Alert | None) -> Alert:
    """Return the alert as a transition left it."""
    evidence = line.evidence if line.action == "move" and line.evidence != b"{}" else None
    acknowledged = before.acknowledged if before else None
    silenced = before.silenced if before else None
    snoozed = before.snoozed if before else None
    mark = Mark(line.actor, line.at, line.cause, _until(line))
    rose = before is not None and before.severity != line.severity
    over = line.after not in OPEN
    if line.action == "acknowledge":
        acknowledged = mark
    elif line.action == "silence":
        silenced = mark
    elif line.action == "snooze":
        snoozed = Snooze(mark.actor, mark.at, mark.comment, line.severity or alert.severity, 0.0)
    elif line.action == "worse":
        snoozed = None
    elif rose or over:
        acknowledged = None
    ended = before is not None and before.resolved is not None and line.action != "move"
    again = line.action == "move" and line.before == "resolved" and line.after in OPEN
    return msgspec.structs.replace(
        alert,
        state=line.after if line.after in OPEN else "resolved",
        severity=line.severity or alert.severity,
        sequence=line.sequence,
        evidence=evidence or (before.evidence if before else alert.evidence),
        acknowledged=acknowledged,
        silenced=silenced,
        snoozed=snoozed,
        resolved=before.resolved if before and ended else line.minute if over else None,
        changed=line.minute,
        reopened=(before.reopened if before else 0) + int(again and before is not None),
    )


def _until(line: Transition) -> int | None:
    class _Told(msgspec.Struct):
        until: int | None = None

    try:
        return msgspec.json.decode(line.evidence, type=_Told).until
    except msgspec.DecodeError:
        return None


def preview(
    subscription: Subscription,
    history: Iterable[tuple[Transition, Alert]],
    silences: Sequence[Silence],
    closed: Closed,
    until: int,
) -> Preview:
    """Return what would have been sent until ``until`` (ms), given the history in order of time."""
    state, alerts = State(), dict[str, Alert]()
    messages: list[Message] = []
    withheld: list[tuple[int, Note]] = []
    again: int | None = None

    def step(now: int, fresh: frozenset[str]) -> None:
        nonlocal state, again
        look = Look(subscription, dict(alerts), silences, now)
        decision = decide(state, look, closed, fresh)
        state, again = decision.state, decision.again
        messages.extend(message for _, message in decision.messages)
        withheld.extend((now, note) for note in decision.notes)
        for name in [
            n for n, a in alerts.items() if a.state not in OPEN and n not in state.members
        ]:
            del alerts[name]

    steps = 0
    for line, alert in history:
        if not line.alert or line.at > until:
            continue
        while again is not None and again < line.at and steps < MOST_STEPS:
            step(again, frozenset())
            steps += 1
        alerts[line.alert] = was(alert, line, alerts.get(line.alert))
        step(line.at, frozenset({line.alert}) if line.after in OPEN else frozenset())
    while again is not None and again <= until and steps < MOST_STEPS:
        step(again, frozenset())
        steps += 1
    return Preview(tuple(messages), tuple(withheld))
