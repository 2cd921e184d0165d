"""
The planner: from transitions to the queue, by whoever holds its lease.

    turn    lease? ──► what no plan has seen, or what is due ──► alerts ──► decide ──► one transaction

Rules: what it decides with is read anew each turn, so that nothing has to be remembered between two; a
plan that is refused (another holder, another turn) is thrown away and made again from what stands.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final

import structlog

from consumers.notify.core.changes import Look
from consumers.notify.core.deciding import decide
from consumers.notify.core.state import State, decoded, encoded
from consumers.notify.metrics import Metrics
from consumers.ports import Clock, Waiting
from consumers.records.alerts import OPEN, Alert
from consumers.records.notices.ports import LogLine, Plan, Planned, Planner, Standing, Work
from consumers.records.notices.values import Message
from consumers.records.ports import Lease

LEASE_MS: Final = 10_000
RENEW_SECONDS: Final = 3.0
BATCH: Final = 500
LEASE: Final = "records: planner's lease"

Calendar = Callable[[str], Callable[[date], bool]]
"""Gives for the code of an exchange what says whether it is closed on a day."""

log = structlog.get_logger()


def delivery_key(channel: str, lane: str, message: Message) -> str:
    """Return the idempotency key: of receiver, group and the message's place in its subscription."""
    parts = channel, message.subscription, lane, str(message.number), str(message.at)
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass
class Planning:
    """The planner of one process."""

    records: Planner
    calendar: Calendar
    clock: Clock
    health: Waiting
    metrics: Metrics
    holder: str
    _lease: Lease | None = None
    _asked: float = field(default=float("-inf"))

    async def turn(self) -> int:
        """Plan what can be planned now; returns how many transitions. Raises ``Transient``."""
        if not await self._holds() or self._lease is None:
            return 0
        work = await self.records.work(BATCH)
        if not work.rows and not work.standings:
            return 0
        plan = await self._plan(work)
        if plan is None or self._lease is None:
            return 0
        if not await self.records.commit_plan(self._lease, plan):
            log.warning("plan_refused", turn=plan.turn)
            self._lease = None
            return 0
        self.metrics.planned(plan)
        for one in plan.deliveries:
            log.info(
                "planned",
                subscription=one.subscription,
                channel=one.channel,
                reason=one.message.reason,
                key=one.key,
                alerts=one.message.total,
            )
        return len(work.rows)

    async def release(self) -> None:
        """Let another take over at once."""
        if self._lease is not None:
            await self.records.release(self._lease)
            self._lease = None

    async def _holds(self) -> bool:
        now = self.clock.now()
        if self._lease is None or now - self._asked >= RENEW_SECONDS:
            if self._lease is None and now - self._asked < RENEW_SECONDS / 3:
                return False
            self._asked = now
            if self._lease is not None:
                self._lease = await self.records.renew(self._lease, LEASE_MS)
            if self._lease is None:
                held = await self.records.acquire(self.holder, LEASE_MS)
                self._lease = held if held.holder == self.holder else None
                log.info("planner", holder=held.holder, epoch=held.epoch)
        self.health.working(LEASE)
        return self._lease is not None

    async def _plan(self, work: Work) -> Plan | None:
        """Return the plan, computed beside the loop; None where the lease was lost meanwhile."""
        states = {one.subscription.id: decoded(one.state) for one in work.standings}
        followed = {name for state in states.values() for name in state.members}
        alerts = dict(await self.records.alerts_of(sorted(followed | work.alerts.keys())))
        computing = asyncio.create_task(asyncio.to_thread(self._compute, work, states, alerts))
        while not computing.done():
            await asyncio.wait({computing}, timeout=RENEW_SECONDS)
            if not computing.done() and not await self._holds():
                await computing
                return None
        return computing.result()

    def _compute(self, work: Work, states: dict[str, State], alerts: dict[str, Alert]) -> Plan:
        fresh = frozenset(row.alert for row in work.rows if row.alert and row.after in OPEN)
        plan = _Plan()
        for one in work.standings:
            self._decide(plan, one, states[one.subscription.id], alerts, work, fresh)
        rows = tuple(row.number for row in work.rows)
        return Plan(work.turn, rows, plan.states, tuple(plan.deliveries), tuple(plan.lines))

    def _decide(
        self,
        plan: "_Plan",
        one: Standing,
        state: State,
        alerts: dict[str, Alert],
        work: Work,
        fresh: frozenset[str],
    ) -> None:
        subscription = one.subscription
        look = Look(subscription, alerts, work.silences, work.now)
        closed = self.calendar(subscription.schedule.market)
        decision = decide(state, look, closed, fresh, reachable=bool(one.reachable))
        plan.states[subscription.id] = encoded(decision.state), decision.again
        for lane, message in decision.messages:
            plan.deliveries += [
                Planned(delivery_key(name, lane, message), name, subscription.id, lane, message)
                for name in one.reachable
            ]
        plan.lines += [
            LogLine(
                at=work.now,
                subscription=subscription.id,
                action="withheld",
                reason=note.why,
                lane=note.group,
                alert=note.alert,
                detail=note.due or "",
            )
            for note in decision.notes
        ]


@dataclass
class _Plan:
    """What a plan gathers."""

    states: dict[str, tuple[bytes, int | None]] = field(default_factory=dict)
    deliveries: list[Planned] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
