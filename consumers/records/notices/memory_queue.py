# ruff: noqa: SLF001 - it shares the clock of its twin
"""The queue of the twin in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as but

import msgspec

from consumers.records.memory import MemoryRecords
from consumers.records.notices import pacing
from consumers.records.notices.desk import replayed
from consumers.records.notices.ports import (
    Claim,
    Delivery,
    Limits,
    LogLine,
    Outcome,
    Planned,
    Stage,
)
from consumers.records.notices.queueing import BARRIER, combined, tried
from consumers.records.notices.rows import lines_planned
from consumers.records.notices.values import Channel, Message


@dataclass
class _Row:
    """A delivery as the twin keeps it."""

    planned: Planned
    at: int
    stage: Stage = "waiting"
    next_at: int = 0
    attempts: int = 0
    fence: int = 0
    leased_until: int = 0
    said: str = ""


@dataclass
class MemoryQueue:
    """The ``Queue`` port, and what a person does with the queue, over the clock of ``records``."""

    records: MemoryRecords
    _channels: dict[str, Channel] = field(default_factory=dict)
    _times: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _blocked: dict[str, int] = field(default_factory=dict)
    _rows: list[_Row] = field(default_factory=list)
    _log: list[LogLine] = field(default_factory=list)

    def _now(self) -> int:
        return self.records._wall()

    async def claim(
        self,
        worker: str,  # noqa: ARG002 - kept for those who look into a database
        limit: int,
        lease_ms: int,
        pace: Mapping[str, Limits],
    ) -> tuple[Claim, ...]:
        now, claims = self._now(), list[Claim]()
        for name, channel in sorted(self._channels.items()):
            if channel.disabled or self._blocked.get(name, 0) > now:
                continue
            limits, times = pace.get(channel.kind, ()), self._times.get(name, ())
            most = min(pacing.room(times, limits, now), limit - len(claims), 10)
            taken = [self._take(n, now, lease_ms) for n in self._heads(name, now)[:most]]
            self._times[name] = pacing.after(times, limits, now, len(taken))
            claims += taken
        return tuple(claims)

    def _heads(self, channel: str, now: int) -> list[int]:
        heads, seen = [], set[str]()
        for number, row in enumerate(self._rows, 1):
            if row.stage != "waiting" or row.planned.channel != channel:
                continue
            lane = row.planned.lane
            first = not seen if lane == BARRIER else seen.isdisjoint({lane, BARRIER})
            if first and row.next_at <= now and row.leased_until <= now:
                heads.append(number)
            seen.add(lane)
        return heads

    def _take(self, number: int, now: int, lease_ms: int) -> Claim:
        row = self._rows[number - 1]
        behind = self._behind(number) if row.attempts else ()
        row = but(row, fence=row.fence + 1, attempts=row.attempts + 1, leased_until=now + lease_ms)
        self._rows[number - 1] = row
        key, channel, subscription, lane, message = row.planned
        return Claim(
            number, key, self._channels[channel], subscription, lane, message, row.at,
            row.attempts, row.fence, row.leased_until, behind,
        )  # fmt: skip

    def _behind(self, number: int) -> tuple[tuple[int, Message], ...]:
        mine, found = self._rows[number - 1].planned, []
        for later, row in enumerate(self._rows[number:], number + 1):
            if row.stage == "waiting" and row.planned.channel == mine.channel:
                if BARRIER in {row.planned.lane, mine.lane}:
                    break
                if row.planned.lane == mine.lane:
                    found.append((later, row.planned.message))
        return tuple(found[:50])

    def _mine(self, claim: Claim) -> _Row | None:
        row = self._rows[claim.number - 1]
        return row if (row.fence, row.stage) == (claim.fence, "waiting") else None

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        row = self._mine(claim)
        if row is None:
            return False
        self._rows[claim.number - 1] = but(
            row, stage=outcome.stage, said=outcome.said, next_at=outcome.next_at, leased_until=0
        )
        name = claim.channel.id
        if outcome.disable:
            self._channels[name] = msgspec.structs.replace(
                self._channels[name], disabled=outcome.disable
            )
        if outcome.blocked_until:
            self._blocked[name] = outcome.blocked_until
        self._log.append(tried(claim, outcome, self._now()))
        await self.enqueue(outcome.notices)
        return True

    async def combine(self, claim: Claim, into: int, message: Message) -> bool:
        target = self._rows[into - 1]
        if self._mine(claim) is None or target.stage != "waiting" or target.attempts:
            return False
        planned = target.planned._replace(message=message)
        self._rows[into - 1] = but(target, planned=planned, next_at=self._now())
        for number in range(claim.number, into):
            row = self._rows[number - 1]
            where = row.planned.channel, row.planned.lane
            if row.stage == "waiting" and where == (claim.channel.id, claim.lane):
                self._rows[number - 1] = but(row, stage="combined", said=f"combined into {into}")
                self._log.append(combined(claim, number, into, self._now()))
        return True

    async def waiting(self) -> tuple[int, int | None]:
        times = [row.at for row in self._rows if row.stage == "waiting"]
        return len(times), min(times, default=None)

    async def enqueue(self, deliveries: Sequence[Planned]) -> None:
        there = {row.planned.key for row in self._rows}
        for one in deliveries:
            if one.key not in there:
                there.add(one.key)
                self._rows.append(_Row(one, self._now(), next_at=self._now()))
                self._log.append(lines_planned(one, len(self._rows), self._now()))

    async def deliveries(
        self,
        stage: Stage | None = None,
        channel: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> tuple[Delivery, ...]:
        found = [
            self._shown(number)
            for number in range(len(self._rows), 0, -1)
            if before is None or number < before
        ]
        chosen = [d for d in found if stage in {None, d.stage} and channel in {None, d.channel}]
        return tuple(chosen[:limit])

    def _shown(self, number: int) -> Delivery:
        row = self._rows[number - 1]
        key, channel, subscription, lane, message = row.planned
        return Delivery(
            number, key, channel, subscription, lane, row.stage, row.at, row.next_at,
            row.attempts, row.said, message,
        )  # fmt: skip

    async def replay(self, numbers: Sequence[int]) -> int:
        dead = [n for n in numbers if self._rows[n - 1].stage == "dead"]
        for n in dead:
            row = self._rows[n - 1]
            self._rows[n - 1] = but(
                row, stage="waiting", next_at=self._now(), attempts=0, leased_until=0
            )
            self._log.append(replayed(self._shown(n), self._now()))
        return len(dead)

    async def log(
        self, subscription: str | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, LogLine], ...]:
        lines = [(n, line) for n, line in enumerate(self._log, 1) if before is None or n < before]
        mine = [one for one in reversed(lines) if subscription in {None, one[1].subscription}]
        return tuple(mine[:limit])
