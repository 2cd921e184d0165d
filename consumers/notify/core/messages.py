"""
What a message holds: the reason that counts most, the alerts that it is about, their stories.

Rules: ten alerts at most, the severest and strongest first, and how many there are; each with up to five
stories, those that can be opened first, an umbrella with its own or those of the alerts beneath. Nothing is said that is not in the records.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from consumers.notify.core.changes import Look, acknowledger
from consumers.notify.core.matching import SHOWN, facts_of, is_open, lines_of, opening
from consumers.notify.core.state import Member
from consumers.records.alerts import Alert
from consumers.records.notices.values import Item, Line, Message, Reason, Withheld

MOST_ITEMS: Final = 10
_RANK: Final[tuple[Reason, ...]] = (
    "severity_raised",
    "worse",
    "evidence_grew",
    "first_notification",
    "new_alerts_in_group",
    "silence_ended",
    "reopened",
    "all_alerts_resolved",
    "new_resolved_alerts",
    "ack_changed",
    "repeat_interval_elapsed",
)


def item_of(look: Look, alert: Alert, member: Member, change: Reason) -> Item:
    """Return an alert as it stands in a message."""
    facts = facts_of(alert)
    effect = facts.effect
    stories, total = _stories(look, alert)
    return Item(
        alert=alert.id,
        sequence=alert.sequence,
        kind=alert.kind,
        series=alert.series,
        about=alert.about,
        severity=alert.severity,
        state="firing" if is_open(alert) else "resolved",
        change=change,
        onset=alert.onset,
        resolved=alert.resolved,
        ratio=effect.ratio if effect else None,
        observed=effect.observed if effect else None,
        expected=effect.expected if effect else None,
        acknowledged=acknowledger(alert, look.now),
        stories=stories,
        stories_total=total,
        members=facts.members[:MOST_ITEMS],
        also="" if is_open(alert) or member.told else "fired_and_resolved",
        assigned=alert.assigned.to if alert.assigned else "",
    )


def _stories(look: Look, alert: Alert) -> tuple[tuple[Line, ...], int]:
    """Return the stories of an alert, or of those beneath it, and how many its evidence names."""
    facts = facts_of(alert)
    if facts.stories or alert.kind != "umbrella":
        return lines_of(facts), len(facts.stories)
    beneath = sorted(
        (a for a in look.alerts.values() if a.inhibited_by == alert.id), key=lambda a: a.series
    )
    per_alert = [lines_of(facts_of(a)) for a in beneath]
    told: dict[str, Line] = {}
    for place in range(SHOWN):  # the first of each, then the second of each
        for lines in per_alert:
            if place < len(lines):
                told.setdefault(lines[place].url or lines[place].title, lines[place])
    return opening(told.values())[:SHOWN], len(told)


def reason_of(items: Iterable[Item], *, known: bool, left_open: bool) -> Reason:
    """
    Return why a message about one group is sent.

    ``known``: the group had a message not long ago; ``left_open``: an alert of it goes on.
    """
    changes = set()
    for item in items:
        change = item.change
        if change == "first_notification" and known:
            change = "new_alerts_in_group"
        if change == "new_resolved_alerts" and not left_open:
            change = "all_alerts_resolved"
        changes.add(change)
    return next(reason for reason in _RANK if reason in changes)


def message_of(  # noqa: PLR0913 - each is a field of the message
    look: Look,
    chosen: Mapping[str, tuple[Member, Reason]],
    *,
    group: str,
    reason: Reason | None,
    number: int,
    counts: tuple[int, int],
    known: bool = False,
    held: Withheld | str = "",
) -> Message:
    """Return the message about the ``chosen`` alerts; ``reason`` None: what their changes say."""
    items = [item_of(look, look.alerts[name], m, due) for name, (m, due) in chosen.items()]
    items.sort(key=lambda i: (i.state != "firing", i.severity != "critical", _strength(look, i)))
    firing, resolved = counts
    return Message(
        subscription=look.subscription.id,
        name=look.subscription.name,
        group=group,
        reason=reason or reason_of(items, known=known, left_open=firing > 0),
        at=look.now,
        items=tuple(items[:MOST_ITEMS]),
        total=len(items),
        firing=firing,
        resolved=resolved,
        number=number,
        held=held,
        language=look.subscription.language,
        owner=look.subscription.owner,
    )


def _strength(look: Look, item: Item) -> tuple[float, str]:
    return -look.alerts[item.alert].peak, item.alert
