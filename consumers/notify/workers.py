"""
The workers: claim what is due, send it, write down how it went.

Rules: a claim is held for a minute, and no try outlasts half of that; so whoever is killed between
sending and writing leaves it to the next, who sends it again with the same key. A message that is more than
an hour late is combined with what waits behind it. What is dead is told to the subscriber on another channel,
once an hour.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from consumers.notify.core.answers import Answer, outcome
from consumers.notify.core.combining import is_late, merged
from consumers.notify.metrics import Metrics
from consumers.notify.planner import delivery_key
from consumers.notify.ports import Letter, Sealer, Sender
from consumers.ports import Clock, Waiting
from consumers.records.notices.ports import Claim, Desk, Limits, Outcome, Planned, Queue
from consumers.records.notices.values import Message
from groundswell.errors import CannotStart

LEASE_MS: Final = 60_000
TRY_SECONDS: Final = 30.0
HOUR_MS: Final = 3_600_000
PACE: Final[Mapping[str, Limits]] = {
    "dingtalk": ((20, 60_000),),
    "feishu": ((5, 1000), (100, 60_000)),
    "wecom": ((20, 60_000),),
    "webhook": ((50, 1000),),
    "apprise": ((20, 60_000),),
}
"""What receivers bear, by kind: 钉钉 and 企业微信 20 a minute, 飞书 5 a second and 100 a minute."""

log = structlog.get_logger()


class _Both(Queue, Desk, Protocol):
    """The queue, and the desk to look up a subscription."""


@dataclass
class Workers:
    """Sends up to ``most`` messages at once."""

    records: _Both
    senders: Mapping[str, Sender]
    sealer: Sealer
    clock: Clock
    health: Waiting
    metrics: Metrics
    name: str
    most: int = 4
    pace: Mapping[str, Limits] = field(default_factory=lambda: PACE)
    _busy: set[asyncio.Task[None]] = field(default_factory=set)
    _ahead: int = 0
    """How far the database's clock is ahead of ours (ms): waits are counted by the database's."""

    async def turn(self) -> int:
        """Claim what there is room for, and begin to send it; returns how many. Raises ``Transient``."""
        room = self.most - len(self._busy)
        if room <= 0:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
            self._reap()
            return 0
        claims = await self.records.claim(self.name, room, LEASE_MS, self.pace)
        for claim in claims:
            self._ahead = claim.leased_until - LEASE_MS - self.clock.wall()
            self._busy.add(asyncio.create_task(self._deliver(claim)))
        if not claims and self._busy:
            await asyncio.wait(self._busy, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        self._reap()
        return len(claims)

    def _reap(self) -> None:
        """Take leave of what is done; what a task could not write is raised here."""
        done = {task for task in self._busy if task.done()}
        self._busy -= done
        failed = [task.exception() for task in done]
        for error in failed:
            if error is not None:
                raise error

    def _now(self) -> int:
        return self.clock.wall() + self._ahead

    async def finish(self) -> None:
        """Wait for what is being sent."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=TRY_SECONDS)
            self._reap()

    async def _deliver(self, claim: Claim) -> None:
        if claim.behind and is_late(claim.planned_at, self._now()):
            messages = [claim.message, *(message for _, message in claim.behind)]
            if await self.records.combine(claim, claim.behind[-1][0], merged(messages)):
                self.metrics.combined(len(claim.behind))
                return
        answer = await self._send(claim)
        now = self._now()
        found = outcome(claim.channel.kind, answer, claim.key, claim.attempts, now)
        if found.stage == "dead":
            found = found._replace(notices=await self._notices(claim, found, now))
        written = await self.records.settle(claim, found)
        self.metrics.tried(claim, found, now)
        log.info(
            "delivery" if written else "delivery_of_another",
            number=claim.number,
            key=claim.key,
            channel=claim.channel.id,
            reason=claim.message.reason,
            attempt=claim.attempts,
            result=found.stage,
            said=found.said,
        )

    async def _send(self, claim: Claim) -> Answer:
        sender = self.senders.get(claim.channel.kind)
        if sender is None:
            return Answer(None, error=f"this release has no {claim.channel.kind}", refused=True)
        try:
            config = self.sealer.open(claim.channel.sealed)
        except CannotStart as error:
            return Answer(None, error=str(error))
        letter = Letter(claim.key, self._now(), claim.message, config)
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return await sender.send(letter)
        except TimeoutError:
            return Answer(None, error=f"no answer within {TRY_SECONDS:g} s")

    async def _notices(self, claim: Claim, found: Outcome, now: int) -> tuple[Planned, ...]:
        """Return what tells the subscriber on another channel that one is dead; once an hour."""
        if claim.message.reason in {"receiver_failed", "test"}:
            return ()
        known = {one.id: one for one, _ in await self.records.subscriptions()}
        subscription = known.get(claim.subscription)
        if subscription is None:
            return ()
        open_ = {c.id for c in await self.records.channels() if not c.disabled}
        others = [n for n in subscription.channels if n != claim.channel.id and n in open_]
        hour = now // HOUR_MS
        message = Message(
            subscription=subscription.id,
            name=subscription.name,
            group=f"failed:{claim.channel.id}",
            reason="receiver_failed",
            at=hour * HOUR_MS,
            items=claim.message.items,
            total=claim.message.total,
            firing=claim.message.firing,
            resolved=claim.message.resolved,
            number=hour,
            note=f"{claim.channel.name}: {found.said}",
            language=subscription.language,
            owner=subscription.owner,
        )
        lane = message.group
        return tuple(
            Planned(delivery_key(name, lane, message), name, subscription.id, lane, message)
            for name in others[:1]
        )
