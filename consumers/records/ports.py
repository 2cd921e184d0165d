"""
The ports of the records: the lease and the decided minutes for ``watch``, alerts for everybody.

Rules: every method is one transaction. Each may raise ``Transient`` (the database is away or busy: wait,
call again; whether the last call was done is unknown, and calling it again is safe) or
``CannotContinue`` (the schema is no longer this release's). A refusal is a result, not an error.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from consumers.records.alerts import (
    Alert,
    Judgement,
    Kind,
    Minute,
    Said,
    Severity,
    State,
    Transition,
)


class Lease(NamedTuple):
    """Who may decide: ``epoch`` only grows; ``expires`` in ms of the database's clock."""

    holder: str
    epoch: int
    expires: int


class Loaded(NamedTuple):
    """
    What the records hold for ``watch``, as of one instant.

    ``minute`` is the last decided one (None: none ever); ``open`` the alerts that are firing or
    recovering; ``closed`` those that a person resolved and no minute has noticed.
    """

    minute: int | None
    states: Mapping[str, bytes]
    open: tuple[Alert, ...]
    closed: tuple[Alert, ...]


class Committed(NamedTuple):
    """
    A minute is written. ``closed``: alerts that a person resolved and no minute has noticed yet.

    Their moves out of firing or recovering were left out; the detector lets them go in its next minute.
    """

    closed: tuple[str, ...]


class Refused(NamedTuple):
    """Nothing was written: ``why``, and what the records hold instead."""

    why: Literal["not the holder", "not the next minute"]
    epoch: int
    minute: int | None


Action: TypeAlias = Literal["acknowledge", "silence", "resolve", "assign", "comment", "snooze"]
Nothing: TypeAlias = Literal[
    "unknown alert", "already resolved", "changed meanwhile", "the link was used before"
]


class Bound(NamedTuple):
    """
    What must hold in the transaction that acts.

    ``still`` is asked with the alert as it stands and the time (ms): where it says no, the alert has
    ``changed meanwhile``. ``link`` names a link, which is good for one act, and until when to remember
    that (ms).
    """

    still: Callable[[Alert, int], bool] | None = None
    link: tuple[str, int] | None = None


FREELY: Final = Bound()


class Filter(NamedTuple):
    """
    Which alerts; empty: all. ``since`` and ``until`` are minutes of opening, the second excluded.

    ``assigned``: to that person or team, as it was written.
    """

    states: Sequence[State] = ()
    kinds: Sequence[Kind] = ()
    series: Sequence[str] = ()
    severities: Sequence[Severity] = ()
    since: int | None = None
    until: int | None = None
    judged: bool | None = None
    acknowledged: bool | None = None
    assigned: str | None = None


class Span(NamedTuple):
    """Minutes that were decided under one budget: from ``since`` until before ``until``."""

    since: int
    until: int
    budget: float


class Page(NamedTuple):
    """Alerts, the newest first, and where the next page begins (None: there is none)."""

    alerts: tuple[Alert, ...]
    next: str | None


class Outgoing(NamedTuple):
    """A row of the outbox, and the alert as it stands now (None: of a series without one)."""

    number: int
    transition: Transition
    alert: Alert | None


class WatchRecords(Protocol):
    """What ``watch`` decides with. Only the holder of the lease writes."""

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        """
        Take the lease if it is free, expired or already ``holder``'s; answer with who holds it now.

        Whoever takes it gets a new epoch, also the same holder again: what an earlier life of it still
        has under way is refused from then on.
        """
        ...

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        """Hold it longer; None if another has taken it. One that expired untaken is still held."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let others take it at once; nothing happens if it is no longer held. Idempotent."""
        ...

    async def load(self) -> Loaded:
        """Return what has been decided."""
        ...

    async def commit_minute(self, lease: Lease, minute: Minute) -> Committed | Refused:
        """
        Write a decided minute if ``lease`` still holds and ``minute.after`` is the last one decided.

        Both are checked in the transaction that writes, so that a process that slept through its lease
        writes nothing. The same minute under the same epoch once more is ``Committed``: it had landed.
        """
        ...


class AlertReader(Protocol):
    """Reads alerts."""

    async def alerts(self, which: Filter, limit: int = 100, after: str | None = None) -> Page:
        """Return a page of at most ``limit``. Raises ``Rejected`` for an ``after`` that is none."""
        ...

    async def alert(self, id: str) -> Alert | None:  # noqa: A002
        """Return one alert, by its id or by a beginning of it that only it has."""
        ...

    async def beginning(self, text: str, limit: int = 10) -> tuple[Alert, ...]:
        """Return at most ``limit`` alerts whose ids begin so, by id: a whole id comes first."""
        ...

    async def history(self, alert: str) -> tuple[Transition, ...]:
        """Return the transitions of an alert in order."""
        ...

    async def verdicts(self, alert: str) -> tuple[Said, ...]:
        """Return everything that was said of an alert, in order."""
        ...

    async def spans(self) -> tuple[Span, ...]:
        """
        Return which minutes were decided under which budget, in order.

        Of the very first batch, an hour at most, only the minute that was written is known.
        """
        ...

    async def now(self) -> int:
        """Return the time by which marks and leases end, in ms: the database's."""
        ...


class AlertDesk(AlertReader, Protocol):
    """What a person may do. Everything is told, and kept with actor and comment."""

    async def act(
        self,
        alert: str,
        action: Action,
        actor: str,
        comment: str,
        until: int | None = None,
        *,
        to: str = "",
        bound: Bound = FREELY,
    ) -> Alert | Nothing:
        """
        Acknowledge, silence (until a time in ms), resolve, assign (``to``; "": to nobody), comment, snooze.

        Adds a transition and its outbox row. The same once more replaces the mark, or does nothing where
        it is the same one. An alert that is over can only be silenced until a time, assigned, commented.
        """
        ...

    async def judge(
        self, alert: str, judgement: Judgement, reason: str, actor: str, bound: Bound = FREELY
    ) -> Alert | Nothing:
        """Say what an alert turned out to be. The last word of a person counts."""
        ...


class Outbox(Protocol):
    """What has been decided and not been sent."""

    async def unsent(self, limit: int = 100) -> tuple[Outgoing, ...]:
        """Return the oldest rows that are not sent, in order; those of one alert are never swapped."""
        ...

    async def sent(self, numbers: Sequence[int]) -> None:
        """Mark rows as sent. Idempotent."""
        ...


class Records(WatchRecords, AlertDesk, Outbox, Protocol):
    """The whole database."""

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...
