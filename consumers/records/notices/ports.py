"""
The ports of notification: the planner, the queue, and the desk of a person.

Rules: every method is one transaction. Each may raise ``Transient`` (the database is away or busy: wait,
call again) or ``CannotContinue``. A refusal is a result, not an error. Secrets pass sealed.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from consumers.records.alerts import Alert, Transition
from consumers.records.notices.values import Channel, Message, Silence, Subscription
from consumers.records.ports import Lease

Limits: TypeAlias = Sequence[tuple[int, int]]
"""At most so many messages in so many ms, each."""
Action: TypeAlias = Literal["planned", "withheld", "sent", "retry", "dead", "combined", "replayed"]
Stage: TypeAlias = Literal["waiting", "sent", "dead", "combined"]


class Standing(NamedTuple):
    """A subscription, what was kept of it, and those of its channels that take messages."""

    subscription: Subscription
    state: bytes
    reachable: tuple[str, ...]


class Work(NamedTuple):
    """
    What there is to plan, as of ``now`` (ms). ``turn`` numbers the plans.

    ``rows`` are transitions that no plan has seen; without any, ``standings`` holds the subscriptions that
    are due only. ``alerts`` are those of the rows.
    """

    turn: int
    now: int
    rows: tuple[Transition, ...]
    alerts: Mapping[str, Alert]
    standings: tuple[Standing, ...]
    silences: tuple[Silence, ...]


class Planned(NamedTuple):
    """A message to one channel. Those of one ``lane`` are delivered in order, "*" with all lanes."""

    key: str
    channel: str
    subscription: str
    lane: str
    message: Message


class LogLine(NamedTuple):
    """A line of the log. ``reason`` is why it was sent or withheld, or what the receiver said."""

    at: int
    subscription: str
    action: Action
    reason: str
    lane: str = ""
    alert: str = ""
    channel: str = ""
    delivery: int | None = None
    detail: str = ""


class Plan(NamedTuple):
    """
    What follows from a ``Work``: written whole, if its turn is still the next.

    ``states`` holds by subscription what to keep, and when to look again (None: when something happens).
    """

    turn: int
    rows: tuple[int, ...]
    states: Mapping[str, tuple[bytes, int | None]]
    deliveries: tuple[Planned, ...]
    lines: tuple[LogLine, ...]


class Claim(NamedTuple):
    """
    A delivery that a worker holds until ``leased_until``; ``fence`` tells its claims apart.

    ``attempts`` counts this one. ``behind``: later ones of its lane, as far as the next barrier.
    """

    number: int
    key: str
    channel: Channel
    subscription: str
    lane: str
    message: Message
    planned_at: int
    attempts: int
    fence: int
    leased_until: int
    behind: tuple[tuple[int, Message], ...] = ()


class Outcome(NamedTuple):
    """
    How a try ended, and what the receiver said. ``next_at``: when to try again.

    ``disable`` says why the channel takes nothing more; ``blocked_until`` until when it wants no message.
    ``notices`` are messages that follow from it.
    """

    stage: Literal["sent", "waiting", "dead"]
    said: str
    next_at: int = 0
    disable: str = ""
    blocked_until: int = 0
    notices: tuple[Planned, ...] = ()


class Delivery(NamedTuple):
    """A row of the queue, as a person sees it."""

    number: int
    key: str
    channel: str
    subscription: str
    lane: str
    stage: Stage
    planned_at: int
    next_at: int
    attempts: int
    said: str
    message: Message


class Pruned(NamedTuple):
    """How much went: deliveries that were done, and lines of the log."""

    deliveries: int
    lines: int


class Planner(Protocol):
    """What the one planner does; only the holder of its lease writes."""

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        """Take the lease if it is free, expired or ``holder``'s; answer with who holds it now."""
        ...

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        """Hold it longer; None if another has taken it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let others take it at once. Idempotent."""
        ...

    async def work(self, limit: int = 200) -> Work:
        """Return what there is to plan, at most ``limit`` rows of the outbox."""
        ...

    async def alerts_of(self, ids: Sequence[str]) -> Mapping[str, Alert]:
        """Return alerts as they stand, by id, and those that stand above or beneath them."""
        ...

    async def commit_plan(self, lease: Lease, plan: Plan) -> bool:
        """Write a plan; False, and nothing is written, if the lease or the turn has passed on."""
        ...


class Queue(Protocol):
    """What workers do."""

    async def claim(
        self, worker: str, limit: int, lease_ms: int, pace: Mapping[str, Limits]
    ) -> tuple[Claim, ...]:
        """
        Lease deliveries that are due: the first of each lane only, and no more a channel than ``pace``.

        ``pace`` has the limits by kind of channel.
        """
        ...

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        """Write how a try ended; False, and nothing is written, if another claim was made since."""
        ...

    async def combine(self, claim: Claim, into: int, message: Message) -> bool:
        """Leave the claimed one and those between to ``into``, which becomes ``message``; as ``settle``."""
        ...

    async def waiting(self) -> tuple[int, int | None]:
        """Return how many are not delivered, and since when the oldest was planned (ms)."""
        ...

    async def prune(self, deliveries: int | None, log: int | None, limit: int = 500) -> Pruned:
        """
        Remove deliveries that have been done, and lines of the log, for longer than so many ms.

        At most ``limit`` of each, the oldest first; None: none. What waits stays, and the newest of each.
        Lines are kept for ``pruning.LOG_KEPT_DAYS`` at least.
        """
        ...


class Desk(Protocol):
    """What a person does."""

    async def put_subscription(
        self, subscription: Subscription, version: int | None = None
    ) -> int | Literal["changed meanwhile", "name taken", "unknown channel"]:
        """Add or replace one; ``version``: only if it is the one that stands (0: only if new)."""
        ...

    async def delete_subscription(self, id: str) -> bool:  # noqa: A002
        """Remove one; what is in the queue is delivered. False: there is none."""
        ...

    async def subscriptions(self, owner: str | None = None) -> tuple[tuple[Subscription, int], ...]:
        """Return all, or an owner's, by owner and name, each with its version."""
        ...

    async def put_channel(self, channel: Channel) -> bool:
        """Add or replace one; False: the owner has another of that name."""
        ...

    async def channels(self, owner: str | None = None) -> tuple[Channel, ...]:
        """Return all, or an owner's, by owner and name."""
        ...

    async def disable_channel(self, id: str, why: str) -> bool:  # noqa: A002
        """Let one take nothing more, or ("") messages again; False: there is none."""
        ...

    async def remove_channel(
        self,
        id: str,  # noqa: A002
    ) -> Literal["removed", "unknown", "in use"]:
        """Forget one with its secrets; what waits for it is dead."""
        ...

    async def put_silence(self, silence: Silence) -> None:
        """Add or replace one. Subscriptions are decided again at once."""
        ...

    async def silences(self, ended: int) -> tuple[Silence, ...]:
        """Return those that end after ``ended`` (ms), by start."""
        ...

    async def enqueue(self, deliveries: Sequence[Planned]) -> None:
        """Add messages that no alert asked for: tests, notices. One whose key is known is left out."""
        ...

    async def deliveries(
        self,
        stage: Stage | None = None,
        channel: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> tuple[Delivery, ...]:
        """Return rows of the queue, the newest first."""
        ...

    async def replay(self, numbers: Sequence[int]) -> int:
        """Let dead ones be tried again from the start, with the same keys; return how many."""
        ...

    async def log(
        self, subscription: str | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, LogLine], ...]:
        """Return lines of the log with their numbers, the newest first."""
        ...

    async def told_since(self, at: int) -> tuple[tuple[Transition, Alert], ...]:
        """Return what alerts did since a time (ms), in order, each with the alert as it stands."""
        ...

    async def going_on(self) -> tuple[Alert, ...]:
        """Return the alerts that are open, by id."""
        ...

    async def now(self) -> int:
        """Return the database's time in ms."""
        ...


class Notices(Planner, Queue, Desk, Protocol):
    """All of it."""

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...
