"""
What there is to tell of one alert, and why it may be withheld.

Rules: an alert that is acknowledged is not repeated until its severity rises (which ends the
acknowledgement), its evidence is ten times what was told, or the acknowledgement expires: 8 hours where
it names no time. What is snoozed is told of no more, not even its end, until it is worse (the records say
when that is). What was announced gets its end, also where it is silenced or inhibited by then.
Inhibited is only what the subscriber is told of by the alert above it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from consumers.notify.core.matching import (
    asked_for,
    at_least,
    facts_of,
    is_open,
    not_enough,
    silenced_by,
)
from consumers.notify.core.state import Member
from consumers.records.alerts import Alert
from consumers.records.notices.values import Reason, Silence, Subscription, Withheld

ACKNOWLEDGED_MS: Final = 8 * 3_600_000
TENFOLD: Final = math.log(10)
URGENT: Final[frozenset[Reason]] = frozenset(
    {"severity_raised", "evidence_grew", "silence_ended", "worse"}
)
ALARMING: Final[frozenset[Reason]] = URGENT | {"first_notification", "reopened"}
"""What breaks through, where the alert is critical."""


class Look(NamedTuple):
    """All that is needed to look at the alerts of a subscription at one moment."""

    subscription: Subscription
    alerts: Mapping[str, Alert]
    silences: Sequence[Silence]
    now: int


class Finding(NamedTuple):
    """What is to be told of an alert, why it is withheld, and when that may end by itself."""

    due: Reason | None
    why: Withheld | None = None
    until: int | None = None


def acknowledged_until(alert: Alert, now: int) -> int | None:
    """Return until when an acknowledgement holds, None where there is none (any more)."""
    mark = alert.acknowledged
    if mark is None:
        return None
    until = mark.until if mark.until is not None else mark.at + ACKNOWLEDGED_MS
    return until if until > now else None


def acknowledger(alert: Alert, now: int) -> str:
    """Return who has acknowledged, "" where nobody has or no longer."""
    holds = acknowledged_until(alert, now) is not None
    return alert.acknowledged.actor if holds and alert.acknowledged is not None else ""


def find(look: Look, alert: Alert, member: Member) -> Finding:
    """Return what there is to tell of an alert, leaving aside when messages may go out."""
    due = _change(look, alert, member)
    if not is_open(alert):
        return _ended(look, alert, member, due)
    lacking = not_enough(look.subscription.filters, alert, facts_of(alert))
    if lacking is not None and member.told is None:
        return Finding("first_notification", lacking)
    if _inhibited(look, alert):
        return Finding(due, "inhibited")
    silent = silenced_by(alert, look.silences, look.now)
    if silent is not None:
        return Finding(due or "repeat_interval_elapsed", "silenced", silent)
    if alert.snoozed is not None:
        return Finding(due or "repeat_interval_elapsed", "snoozed")
    return Finding(_returned(member) or due, None, acknowledged_until(alert, look.now))


def _returned(member: Member) -> Reason | None:
    """Return what is to be told of an alert of which somebody wanted to hear nothing for a while."""
    if member.why == "snoozed" or member.due == "worse":
        return "worse"
    if member.why == "silenced":
        return "silence_ended" if member.told else None
    # It was held since by something else, as quiet hours.
    return "silence_ended" if member.due == "silence_ended" else None


def _ended(look: Look, alert: Alert, member: Member, due: Reason | None) -> Finding:
    """Return what is told of an end: nothing, of what nobody was to hear of while it lasted."""
    if alert.snoozed is not None:
        return Finding(due, "snoozed") if member.told else Finding(None)
    if member.told is None:
        facts = facts_of(alert)
        if (
            member.why in {"inhibited", "silenced", "paused"}
            or not_enough(look.subscription.filters, alert, facts) is not None
            or _inhibited(look, alert)
            or silenced_by(alert, look.silences, look.now) is not None
        ):
            return Finding(None)
    return Finding(due)


def _change(look: Look, alert: Alert, member: Member) -> Reason | None:  # noqa: PLR0911 - a table
    told = member.told
    if told is None:
        return "reopened" if alert.reopened and is_open(alert) else "first_notification"
    if not is_open(alert):
        return "new_resolved_alerts" if told.state == "firing" else None
    if not at_least(told.severity, alert.severity):
        return "severity_raised"
    if told.state == "resolved":
        return "reopened"
    if alert.peak - told.peak >= TENFOLD and acknowledged_until(alert, look.now) is not None:
        return "evidence_grew"
    if acknowledger(alert, look.now) not in {"", told.acknowledged}:
        return "ack_changed"
    return None


def _inhibited(look: Look, alert: Alert) -> bool:
    above = look.alerts.get(alert.inhibited_by) if alert.inhibited_by else None
    return (
        above is not None
        and above.id != alert.id
        and is_open(above)
        and asked_for(look.subscription.filters, above, facts_of(above))
        and not_enough(look.subscription.filters, above, facts_of(above)) is None
        and silenced_by(above, look.silences, look.now) is None
    )
