"""
What a decided minute, or a person, does to alerts: the rules of the records, without a database.

Rules:
- An alert begins with a move. It is firing, recovering or resolved; other states are its series' own.
- What a person resolved stays resolved: a move out of firing or recovering that the detector still makes
  is left out, and the alert is ``closed`` until a minute has noticed it. Firing again is reopening.
- An acknowledgement ends when the severity rises and when the alert does; a silence without an end ends
  with the alert.
- What is over can only be silenced until a time, in case that it is reopened.
- The same mark by the same person once more is the same: a call that was repeated is told once.
- A line of history that belongs to no alert (a series that was pending, and is no more) goes after
  ``BARE_KEPT_DAYS``, at the first minute of a day: of many series there are many.
- A verdict of the rule never replaces a person's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from consumers.records.alerts import (
    OPEN,
    WATCH,
    Alert,
    Episode,
    Mark,
    Minute,
    Move,
    Transition,
    Verdict,
)
from consumers.records.ports import Action, Filter, Nothing, Span
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
            alert = _over(alert, minute)
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


def _over(alert: Alert, minute: int) -> Alert:
    silenced = alert.silenced if alert.silenced and alert.silenced.until is not None else None
    return msgspec.structs.replace(
        alert, state="resolved", resolved=minute, acknowledged=None, silenced=silenced
    )


def acted(alert: Alert, action: Action, mark: Mark) -> tuple[Alert, Transition | None] | Nothing:
    """Return the alert after what a person did, and the line of history, None if it was done before."""
    if alert.state == "resolved" and not (action == "silence" and mark.until is not None):
        return "already resolved"
    standing = {"acknowledge": alert.acknowledged, "silence": alert.silenced}.get(action)
    if standing is not None and msgspec.structs.replace(standing, at=mark.at) == mark:
        return alert, None
    minute = mark.at // 60_000
    after = msgspec.structs.replace(alert, sequence=alert.sequence + 1)
    if action == "acknowledge":
        after = msgspec.structs.replace(after, acknowledged=mark)
    elif action == "silence":
        after = msgspec.structs.replace(after, silenced=mark)
    else:
        after = msgspec.structs.replace(_over(after, minute), closed=True, changed=minute)
    return after, Transition(
        number=0,
        alert=alert.id,
        series=alert.series,
        sequence=after.sequence,
        minute=minute,
        at=mark.at,
        action=action,
        before=alert.state,
        after=after.state,
        cause=mark.comment,
        actor=mark.actor,
        severity=alert.severity,
        evidence=msgspec.json.encode({"until": mark.until}),
    )


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
    )


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
