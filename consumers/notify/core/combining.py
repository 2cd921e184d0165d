"""
Messages that are late are told as one: what waited in a lane behind a failure, as it stands by now.

Rule: only what is more than an hour late, and only where something newer waits behind it. The last one
takes the others in and keeps its own key, since its receiver cannot have seen it yet.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from consumers.records.notices.values import Item, Message

LATE_MS: Final = 3_600_000


def merged(messages: Sequence[Message]) -> Message:
    """Return one message for several of one lane, in their order: each alert as the last one has it."""
    items: dict[str, Item] = {}
    for message in messages:
        for item in message.items:
            before = items.pop(item.alert, None)
            both = item.state == "resolved" and before is not None and before.state == "firing"
            items[item.alert] = (
                msgspec.structs.replace(item, also="fired_and_resolved") if both else item
            )
    last = messages[-1]
    shown = sorted(items.values(), key=lambda i: (i.state != "firing", i.severity != "critical"))
    unshown = max(message.total - len(message.items) for message in messages)
    return msgspec.structs.replace(
        last, items=tuple(shown[:10]), total=len(items) + unshown, at=last.at
    )


def is_late(planned_at: int, now: int) -> bool:
    """Say whether a message is so late that it is combined with what came since."""
    return now - planned_at > LATE_MS
