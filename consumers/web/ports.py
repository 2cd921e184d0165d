"""
The ports of `serve`.

Rules: every method may raise ``Transient`` (answered as 503) or ``CannotContinue``. What the records hold is
read through their own ports.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from consumers.records.alerts import Alert, Transition
from consumers.records.notices.ports import Planned
from consumers.records.notices.values import Channel, ChannelKind, Message, Silence, Subscription
from consumers.web.core.series import Cell, Level, StoryForm
from groundswell.events import NewsItem


class Counts(Protocol):
    """Reads the counts."""

    async def series(self) -> Mapping[str, int]:
        """Return every series with the newest minute (since 1970) in which it counted."""
        ...

    async def touched(self, first: int) -> Mapping[str, int]:
        """Return the series that counted in minute ``first`` or later."""
        ...

    async def cells(
        self, series: Collection[str], level: Level, first: int, last: int
    ) -> Mapping[str, Mapping[int, Cell]]:
        """Return the cells of the buckets ``first`` to ``last`` (both included) of each series."""
        ...

    async def stories(
        self, series: str, first: int, last: int, limit: int
    ) -> tuple[StoryForm, ...]:
        """Return negative items that counted in the minutes ``first`` to ``last``, the newest first."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...


Pushed: TypeAlias = Literal["accepted", "duplicate", "conflict", "busy"]
"""
What became of an item: it stands in the log; the same stood there before; another with this id stood there
before; the same is on its way just now, so ask again.
"""


class Intake(Protocol):
    """The way of news into the log."""

    async def push(self, items: Sequence[NewsItem]) -> Sequence[Pushed]:
        """
        Write items that are new to the log, acknowledged by the broker; answer of each in order.

        An item is known by its source and id for a day. Raises ``Transient`` where some may stand in the
        log and some may not: sent again, those that do are duplicates.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...


class Foreseen(NamedTuple):
    """What a subscription would have sent, and withheld: time (ms), alert, reason."""

    messages: tuple[Message, ...]
    withheld: tuple[tuple[int, str, str], ...]


class Hidden(NamedTuple):
    """What a silence matches: open alerts; transitions, with the alert as each left it, out of ``of``."""

    open: tuple[Alert, ...]
    transitions: tuple[tuple[Transition, Alert], ...]
    of: int


class NoticeRules(Protocol):
    """What `notify` knows of subscriptions, channels and silences."""

    def faults(self, one: Subscription) -> tuple[str, ...]:
        """Return what is wrong with a subscription."""
        ...

    def silence_faults(self, one: Silence) -> tuple[str, ...]:
        """Return what is wrong with a silence."""
        ...

    def new_id(self) -> str:
        """Return an id that nothing has."""
        ...

    def new_channel(
        self, owner: str, name: str, kind: ChannelKind, url: str, secrets: Sequence[str]
    ) -> tuple[Channel, str]:
        """Return a channel, and the secret that was made for it (""). Raises ``InputError``."""
        ...

    def foreseen(
        self,
        one: Subscription,
        history: Sequence[tuple[Transition, Alert]],
        silences: Sequence[Silence],
        now: int,
    ) -> Foreseen:
        """Return what a history would have sent."""
        ...

    def hidden(
        self,
        one: Silence,
        going_on: Sequence[Alert],
        history: Sequence[tuple[Transition, Alert]],
    ) -> Hidden:
        """Return what a silence would hide."""
        ...

    def test_messages(self, one: Subscription, now: int) -> tuple[Planned, ...]:
        """Return a test message on every channel."""
        ...
