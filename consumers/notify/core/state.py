"""
What is remembered of a subscription between two decisions.

Rules: it is compared with what is, not with what happened: however many transitions lie between two
decisions, the difference is told, once.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from consumers.records.alerts import Severity
from consumers.records.notices.values import Message, Reason, Withheld


class Told(msgspec.Struct, frozen=True):
    """What the subscriber was last told of an alert. ``acknowledged`` is by whom ("": by nobody)."""

    state: Literal["firing", "resolved"]
    severity: Severity
    acknowledged: str
    peak: float


class Member(msgspec.Struct, frozen=True):
    """
    An alert that the subscription follows.

    ``due`` is what there is to tell, ``since`` when; ``why`` the last reason for which that was withheld.
    """

    group: str
    told: Told | None = None
    due: Reason | None = None
    since: int = 0
    why: Withheld | None = None


class State(msgspec.Struct, frozen=True):
    """
    All that is remembered. ``groups``: when each last had a message; ``number`` counts the messages.

    ``recent`` are the times of the last hour's, ``summary`` that of the last flood summary, ``digest`` that
    of the last digest.
    """

    members: Mapping[str, Member] = {}
    groups: Mapping[str, int] = {}
    number: int = 0
    recent: tuple[int, ...] = ()
    summary: int = 0
    digest: int = 0


class Note(NamedTuple):
    """A line for the log: why something of an alert was withheld."""

    alert: str
    group: str
    due: Reason | None
    why: Withheld


class Decision(NamedTuple):
    """What follows: messages with the lane in which each keeps its place, and when to decide again."""

    state: State
    messages: tuple[tuple[str, Message], ...]
    notes: tuple[Note, ...]
    again: int | None


BARRIER = "*"
"""The lane of messages about several groups: they wait for all before them, and all after wait for them."""


def encoded(state: State) -> bytes:
    """Return the state as it is kept."""
    return msgspec.msgpack.encode(state)


def decoded(value: bytes | None) -> State:
    """Return the state that was kept."""
    return State() if not value else msgspec.msgpack.decode(value, type=State)
