"""
The signed links of a message: to open an alert, to acknowledge it, to hear no more of it until it is worse.

Rules: they follow from the message and the keys alone, so that every try of it has the same ones, and none
stands in the database. They act in the name of the subscription's owner, for so long from when the message
was decided. What is over can only be opened; what is acknowledged is not acknowledged again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from consumers.records.notices.values import Item, Message
from groundswell.action_links import Allowed, LinkAction, address

Which: TypeAlias = Literal["all", "open", "none"]
"""Which links a message has room for."""


@dataclass(frozen=True, slots=True)
class Leads:
    """Where the pages of `serve` are reached, the keys that sign, and for how many seconds links are good."""

    base: str
    keys: tuple[bytes, ...] = field(repr=False)
    seconds: int


def links(
    leads: Leads | None, message: Message, item: Item, which: Which = "all"
) -> dict[LinkAction, str]:
    """Return the links of an alert in a message, by what they are for; none without ``leads``."""
    if leads is None or which == "none" or not message.owner:
        return {}
    expires = message.at // 1000 + leads.seconds
    return {
        action: address(leads.base, Allowed(action, item.alert, expires, message.owner), leads.keys)
        for action in _offered(item, which)
    }


def _offered(item: Item, which: Which) -> Iterator[LinkAction]:
    yield "open"
    if which != "all" or item.state == "resolved":
        return
    if not item.acknowledged:
        yield "acknowledge"
    yield "snooze"
