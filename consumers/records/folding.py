"""
What a decided minute does to alerts: the rules of the records, without a database.

Rules:
- An alert begins with a move. It is firing, recovering or resolved; other states are its series' own.
- What a person resolved stays resolved: a move out of firing or recovering that the detector still makes
  is left out, and the alert is ``closed`` until a minute has noticed it. Firing again is reopening.
- An acknowledgement ends when the severity rises and when the alert does; a silence without an end ends
  with the alert. What a person does, and what ends a snooze, is in ``acting``.
- A line of history that belongs to no alert (a series that was pending, and is no more) goes after
  ``BARE_KEPT_DAYS``, at the first minute of a day: of many series there are many.
- A verdict of the rule never replaces a person's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from consumers.records.acting import over, woken, worse
from consumers.records.alerts import (
    OPEN,
    WATCH,
    Alert,
    Episode,
    Minute,
    Move,
    Transition,
    Verdict,
)
from consumers.records.ports import Filter, Span
from groundswell.errors import Bug, Rejected

BARE_KEPT_DAYS: Final = 90
"""How long lines of history are kept that belong to no alert."""

_DAY: Final = 1440
_DIGITS: Final = 12  # more than any minute has, and less than a database's integers hold


class Written(NamedTuple):
    """What a minute writes: alerts by id, and transitions (not numbered yet), each with "tell"."""

    alerts: dict[str, Alert]
    transitions: list[tuple[Transition, bool]]


def touched(minute: Minute) -> frozenset[str]:
    """Return the ids of all alerts that a minute may change."""
    return frozenset(
        {episode.id for episode in minute.episodes}
        | {move.alert for move in minute.moves if move.alert}
        | {verdict.alert for verdict in minute.verdicts}
        | set(minute.noticed)
    )


def applied(known: Mapping[str, Alert], minute: Minute, at: int) -> Written:
    """Return what ``minute`` writes over the ``known`` alerts. Raises ``Bug`` for one without a move."""
    alerts = dict(known)
    for name in minute.noticed:
        if name in alerts:
            alerts[name] = msgspec.structs.replace(alerts[name], closed=False)
    for episode in minute.episodes:
        alerts[episode.id] = _seen(alerts.get(episode.id), episode, minute.minute)
    transitions = []
    for move in minute.moves:
        told = _moved(alerts, move, minute.minute, at)
        if told is not None:
            transitions.append((told, move.tell))
    transitions += [(line, True) for line in _woken(known, alerts, minute.minute, at)]
    for verdict in minute.verdicts:
        if verdict.alert not in alerts:
            raise Bug(f"a verdict of {verdict.alert}, which is no alert")
        alerts[verdict.alert] = judged(alerts[verdict.alert], verdict)
    unmoved = [name for name, alert in alerts.items() if not alert.sequence]
    if unmoved:
        raise Bug(f"minute {minute.minute}: alert {unmoved[0]} begins without a move")
    changed = {name: alert for name, alert in alerts.items() if known.get(name) != alert}
    return Written(changed, transitions)


def _seen(alert: Alert | None, episode: Episode, minute: int) -> Alert:
    """Return the alert with what the detector says of it now."""
    if alert is None:
        return Alert(
            **msgspec.structs.asdict(episode),
            state="resolved",
            opened=minute,
            changed=minute,
            resolved=None,
            sequence=0,
        )
    rose = alert.severity == "warning" and episode.severity == "critical"
    return msgspec.structs.replace(
        alert,
        about=episode.about,
        severity="critical" if alert.severity == "critical" else episode.severity,
        peak=episode.peak,
        reopened=episode.reopened,
        inhibited_by=episode.inhibited_by,
        evidence=episode.evidence,
        ratio=episode.ratio or alert.ratio,
        acknowledged=None if rose else alert.acknowledged,
    )


def _moved(alerts: dict[str, Alert], move: Move, minute: int, at: int) -> Transition | None:
    """Put the alert of a move into ``alerts``; return the line of history, None if it is left out."""
    severity, sequence = move.severity, 0
    if move.alert:
        alert = alerts.get(move.alert)
        if alert is None:
            raise Bug(f"minute {minute}: a move of {move.alert}, which is no alert")
        if alert.sequence and alert.state == "resolved" and move.before in OPEN:
            return None
        sequence, severity = alert.sequence + 1, severity or alert.severity
        alert = msgspec.structs.replace(alert, sequence=sequence, changed=minute)
        if move.after in OPEN:
            alert = msgspec.structs.replace(alert, state=move.after, resolved=None)
        elif move.after == "resolved":
            alert = over(alert, minute)
        alerts[move.alert] = alert
    return Transition(
        number=0,
        alert=move.alert,
        series=move.series,
        sequence=sequence,
        minute=minute,
        at=at,
        action="move",
        before=move.before,
        after=move.after,
        cause=move.cause,
        actor=WATCH,
        severity=severity,
        evidence=move.evidence,
    )


def _woken(
    known: Mapping[str, Alert], alerts: dict[str, Alert], minute: int, at: int
) -> list[Transition]:
    """End the snoozes of what got worse in ``alerts``; return the lines of history."""
    lines = []
    for name in sorted(known):
        cause = worse(known[name], alerts[name])
        if cause:
            alerts[name], line = woken(alerts[name], cause, minute, at)
            lines.append(line)
    return lines


def judged(alert: Alert, verdict: Verdict) -> Alert:
    """Return the alert with the verdict that counts."""
    standing = alert.verdict
    if verdict.actor == WATCH and standing is not None and standing.actor != WATCH:
        return alert
    return msgspec.structs.replace(alert, verdict=verdict)


def spanned(last: Span | None, minute: Minute) -> Span | None:
    """Return the span that a minute lengthens or begins, None where its budget is not said."""
    if minute.budget is None:
        return None
    first = minute.minute if minute.after is None else minute.after + 1
    if last is not None and (last.until, last.budget) == (first, minute.budget):
        first = last.since
    return Span(first, minute.minute + 1, minute.budget)


def forgotten(before: int | None, minute: int) -> int | None:
    """Return the minute before which lines without an alert go now; None: nothing goes."""
    if before is None or before // _DAY == minute // _DAY:
        return None
    return minute - BARE_KEPT_DAYS * _DAY


def words(text: str) -> str:
    """Return what a person typed, without what no database can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def matches(alert: Alert, which: Filter) -> bool:
    """Say whether ``which`` asks for the alert."""
    return (
        (not which.states or alert.state in which.states)
        and (not which.kinds or alert.kind in which.kinds)
        and (not which.series or alert.series in which.series)
        and (not which.severities or alert.severity in which.severities)
        and (which.since is None or alert.opened >= which.since)
        and (which.until is None or alert.opened < which.until)
        and (which.judged is None or (alert.verdict is not None) == which.judged)
        and (which.acknowledged is None or (alert.acknowledged is not None) == which.acknowledged)
        and (which.assigned is None or _assigned(alert) == which.assigned)
    )


def _assigned(alert: Alert) -> str | None:
    return None if alert.assigned is None else alert.assigned.to


def the_one(found: Sequence[Alert], name: str) -> Alert | None:
    """Return the alert that ``name`` means, out of the first two whose ids begin so."""
    if len(found) == 1 or (found and found[0].id == name):
        return found[0]
    return None


def page_after(alert: Alert) -> str:
    """Return where the page after ``alert`` begins."""
    return f"{alert.opened}.{alert.id}"


def place(after: str) -> tuple[int, str]:
    """Return (opened, id) of the last alert of the page before. Raises ``Rejected``."""
    opened, dot, name = after.partition(".")
    if not dot or not name or not opened.isascii() or not opened.isdigit() or len(opened) > _DIGITS:
        raise Rejected("bad_page", f"{after!r} is no beginning of a page: take it from `next`")
    return int(opened), name


def newest_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts in the order of pages."""
    return sorted(alerts, key=lambda alert: (alert.opened, alert.id), reverse=True)


def numbered(transition: Transition, number: int) -> Transition:
    """Return the transition with the number that the records gave it."""
    return msgspec.structs.replace(transition, number=number)
