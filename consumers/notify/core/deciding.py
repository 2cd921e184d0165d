"""
The decision: what a subscription is told now, what is withheld and why, when to look again.

    follow     which alerts the subscription asks for
    find       what there is to tell of each, and what withholds it (filters, inhibition, silences)
    hold       paused, quiet hours, the digest
    group      what is ready: group_wait, group_interval, repeat_interval
    limit      cap and flood guard
    digest     what was held, once a day

Rules: it compares what the subscriber was told with what is, so that it may be called at any time, late or
often: nothing is told twice, and nothing is left out. Every reason for withholding is noted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from consumers.notify.core.changes import ALARMING, URGENT, Look, acknowledger, find
from consumers.notify.core.limits import HOUR_MS, Allowed, Candidate, allowed
from consumers.notify.core.matching import asked_for, facts_of, group_of, is_open
from consumers.notify.core.messages import message_of
from consumers.notify.core.schedule import Closed, Muted, muted, next_digest
from consumers.notify.core.state import BARRIER, Decision, Member, Note, State, Told
from consumers.records.alerts import Alert
from consumers.records.notices.values import Message, Reason, Withheld

Pending = dict[str, tuple[Member, Reason]]
_HELD: Final[frozenset[Withheld]] = frozenset(
    {"quiet_hours", "market_closed", "waiting_for_digest", "cap", "flood", "paused", "no_channel"}
)


@dataclass
class _Work:
    """What one decision gathers."""

    look: Look
    state: State
    members: dict[str, Member]
    mute: Muted | None
    notes: list[Note] = field(default_factory=list)
    pending: dict[str, Pending] = field(default_factory=dict)
    waiting: Pending = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    messages: list[tuple[str, Message]] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    recent: list[int] = field(default_factory=list)
    number: int = 0
    summary: int = 0
    alike: dict[str, list[str]] = field(default_factory=dict)
    """The members of each group."""


def decide(
    state: State, look: Look, closed: Closed, fresh: frozenset[str], *, reachable: bool = True
) -> Decision:
    """
    Decide for one subscription. ``look.alerts`` holds those it follows and those that moved.

    ``fresh`` are alerts that fired since the last decision, also where they are over by now.
    ``reachable``: whether any of its channels takes messages.
    """
    work = _Work(
        look,
        state,
        _followed(state, look, fresh),
        muted(look.subscription.schedule, closed, look.now),
        groups=dict(state.groups),
        recent=[at for at in state.recent if at > look.now - HOUR_MS],
        number=state.number,
        summary=state.summary,
    )
    for name in list(work.members):
        _sort_in(work, name, reachable=reachable)
    for name, member in work.members.items():
        work.alike.setdefault(member.group, []).append(name)
    _send_groups(work)
    digest = _send_digest(work)
    kept = {m.group for m in work.members.values()}
    interval = look.subscription.grouping.group_interval * 1000
    groups = {g: at for g, at in work.groups.items() if g in kept or at + interval > look.now}
    after = State(work.members, groups, work.number, tuple(work.recent), work.summary, digest)
    again = min((t for t in work.times if t > look.now), default=None)
    return Decision(after, tuple(work.messages), tuple(work.notes), again)


def _followed(state: State, look: Look, fresh: frozenset[str]) -> dict[str, Member]:
    members = {name: m for name, m in state.members.items() if name in look.alerts}
    by = look.subscription.grouping.group_by
    for name, alert in look.alerts.items():
        if name in members or not (is_open(alert) or name in fresh):
            continue
        if asked_for(look.subscription.filters, alert, facts_of(alert)):
            members[name] = Member(group_of(alert, by))
    return members


def _sort_in(work: _Work, name: str, *, reachable: bool) -> None:
    """Put what there is to tell of an alert where it belongs: pending, waiting for the digest, withheld."""
    look, member, alert = work.look, work.members[name], work.look.alerts[name]
    finding = find(look, alert, member)
    due, why = finding.due, finding.why
    if finding.until is not None:
        work.times.append(finding.until)
    if due is None and why in {None, "inhibited"}:
        due, held = _repeat(work, alert, member)
        why = why or held
    if due is None:
        if not is_open(alert) and member.told is None:
            del work.members[name]
        else:
            work.members[name] = msgspec.structs.replace(member, due=None, why=None)
        return
    since = member.since if member.due == due else look.now
    noted = member.why
    member = msgspec.structs.replace(member, due=due, since=since)
    work.members[name] = member
    why = why or _hold(work, alert, member, reachable=reachable)
    if why is None:
        work.pending.setdefault(member.group, {})[name] = (member, due)
        return
    if why == "waiting_for_digest":
        work.waiting[name] = (member, due)
    _note(work, name, member, noted, why)
    if why == "snoozed" and not is_open(alert):
        del work.members[name]  # followed anew where it comes back


def _note(work: _Work, name: str, member: Member, noted: Withheld | None, why: Withheld) -> None:
    if noted != why:
        work.notes.append(Note(name, member.group, member.due, why))
    work.members[name] = msgspec.structs.replace(member, why=why)


def _repeat(work: _Work, alert: Alert, member: Member) -> tuple[Reason | None, Withheld | None]:
    """Return whether an alert of which all is told is to be told again."""
    sent = work.state.groups.get(member.group)
    if sent is None or member.told is None or not is_open(alert):
        return None, None
    at = sent + work.look.subscription.grouping.repeat_interval * 1000
    work.times.append(at)
    if work.look.now < at:
        return None, None
    acknowledged = acknowledger(alert, work.look.now)
    return "repeat_interval_elapsed", "acknowledged" if acknowledged else None


def _hold(work: _Work, alert: Alert, member: Member, *, reachable: bool) -> Withheld | None:
    """Say why the subscription holds back what there is to tell."""
    subscription, digest = work.look.subscription, work.look.subscription.digest
    if subscription.paused:
        return "paused"
    if not reachable:
        return "no_channel"
    breaks = _breaks(work, alert, member)
    if work.mute is not None and not breaks:
        work.times.append(work.mute.until)
        return work.mute.why if digest is None else "waiting_for_digest"
    if digest is None or breaks:
        return None
    if member.why in {"waiting_for_digest", "quiet_hours", "market_closed"}:
        return "waiting_for_digest"
    return "waiting_for_digest" if digest.only and alert.severity != "critical" else None


def _breaks(work: _Work, alert: Alert, member: Member) -> bool:
    return (
        work.look.subscription.schedule.break_through
        and alert.severity == "critical"
        and is_open(alert)
        and member.due in ALARMING
    )


def _send_groups(work: _Work) -> None:
    subscription, now = work.look.subscription, work.look.now
    ready = []
    for group, pending in work.pending.items():
        at = min(_ready_at(work, name, member) for name, (member, _) in pending.items())
        if at <= now:
            breaks = any(_breaks(work, work.look.alerts[n], m) for n, (m, _) in pending.items())
            ready.append(Candidate(group, breaks))
        else:
            work.times.append(at)
    limits = subscription.cap, subscription.flood
    share = allowed(ready, work.recent, work.summary, limits, now)
    for group in share.single:
        _send(work, group, work.pending[group], None)
    _send_together(work, share)
    for group, why in share.held:
        for name, (member, _) in work.pending[group].items():
            _note(work, name, member, member.why, why)
    if share.until is not None:
        work.times.append(share.until)


def _send_together(work: _Work, share: Allowed) -> None:
    if share.together:
        chosen = {n: told for group in share.together for n, told in work.pending[group].items()}
        _send(work, BARRIER, chosen, "flood_summary")
        work.summary = work.look.now


def _ready_at(work: _Work, name: str, member: Member) -> int:
    """Return when the group of a member may have its message, as far as this member goes."""
    grouping = work.look.subscription.grouping
    sent = work.state.groups.get(member.group)
    alert = work.look.alerts[name]
    critical = alert.severity == "critical" and is_open(alert)
    if member.due in {"silence_ended", "repeat_interval_elapsed"} or member.why in _HELD:
        return work.look.now
    soon = member.since + grouping.group_wait_critical * 1000
    if critical or member.due in URGENT:
        return soon
    if sent is None:
        return member.since + grouping.group_wait * 1000
    return max(sent + grouping.group_interval * 1000, member.since)


def _send(work: _Work, group: str, chosen: Pending, reason: Reason | None) -> None:
    """Add a message, and remember what it told."""
    look = work.look
    held = next((m.why for m, _ in chosen.values() if m.why in _HELD), None)
    known = group in work.groups
    work.number += 1
    message = message_of(
        look,
        chosen,
        group="" if group == BARRIER else group,
        reason=reason,
        number=work.number,
        counts=_counts(work, group, chosen),
        known=known,
        held=held or "",
    )
    work.messages.append((group, message))
    if reason != "digest":
        work.recent.append(look.now)
    for name, (member, _) in chosen.items():
        work.groups[member.group] = look.now
        _tell(work, name, member)


def _tell(work: _Work, name: str, member: Member) -> None:
    alert, now = work.look.alerts[name], work.look.now
    if not is_open(alert):
        del work.members[name]
        return
    told = Told("firing", alert.severity, acknowledger(alert, now), alert.peak)
    work.members[name] = Member(member.group, told, None, now)
    work.times.append(now + work.look.subscription.grouping.repeat_interval * 1000)


def _counts(work: _Work, group: str, chosen: Mapping[str, object]) -> tuple[int, int]:
    """Count what goes on of the group, and what is over in this message."""
    alerts = work.look.alerts
    alike = list(work.members) if group == BARRIER else work.alike[group]
    firing = sum(
        is_open(alerts[n]) and (n in chosen or work.members[n].told is not None) for n in alike
    )
    return firing, sum(not is_open(alerts[n]) for n in chosen)


def _send_digest(work: _Work) -> int:
    """Send the digest where it is due; return when the last one was."""
    subscription, last, now = work.look.subscription, work.state.digest, work.look.now
    digest = subscription.digest
    if digest is None:
        return 0
    if not last:
        last = now  # the first one comes at the next time, not at once
    zone = subscription.schedule.zone
    due = next_digest(digest, zone, subscription.id, last)
    if now < due:
        work.times.append(due)
        return last
    if work.mute is not None:
        work.times.append(work.mute.until)
        return last
    if (work.waiting or digest.empty) and not subscription.paused:
        _send(work, BARRIER, work.waiting, "digest")
    work.times.append(next_digest(digest, zone, subscription.id, now))
    return now
