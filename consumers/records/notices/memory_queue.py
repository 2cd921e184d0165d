# ruff: noqa: SLF001 - it shares the clock of its twin
"""The queue of the twin in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as but
from itertools import takewhile

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
    Pruned,
    Stage,
)
from consumers.records.notices.pruning import LOG_KEPT_MS
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
    finished: int = 0
    said: str = ""


@dataclass
class MemoryQueue:
    """The ``Queue`` port, and what a person does with the queue, over the clock of ``records``."""

    records: MemoryRecords
    _channels: dict[str, Channel] = field(default_factory=dict)
    _times: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _blocked: dict[str, int] = field(default_factory=dict)
    _rows: dict[int, _Row] = field(default_factory=dict)
    _lines: dict[int, LogLine] = field(default_factory=dict)

    def _now(self) -> int:
        return self.records._wall()

    def _say(self, *lines: LogLine) -> None:
        first = max(self._lines, default=0) + 1  # the newest is never pruned
        self._lines |= dict(enumerate(lines, first))

    def _end(self, number: int, stage: Stage, said: str) -> None:
        row = self._rows[number]
        self._rows[number] = but(row, stage=stage, said=said, finished=self._now())

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
        for number, row in self._rows.items():
            if row.stage != "waiting" or row.planned.channel != channel:
                continue
            lane = row.planned.lane
            first = not seen if lane == BARRIER else seen.isdisjoint({lane, BARRIER})
            if first and row.next_at <= now and row.leased_until <= now:
                heads.append(number)
            seen.add(lane)
        return heads

    def _take(self, number: int, now: int, lease_ms: int) -> Claim:
        row = self._rows[number]
        behind = self._behind(number) if row.attempts else ()
        row = but(row, fence=row.fence + 1, attempts=row.attempts + 1, leased_until=now + lease_ms)
        self._rows[number] = row
        key, channel, subscription, lane, message = row.planned
        return Claim(
            number, key, self._channels[channel], subscription, lane, message, row.at,
            row.attempts, row.fence, row.leased_until, behind,
        )  # fmt: skip

    def _behind(self, number: int) -> tuple[tuple[int, Message], ...]:
        mine, found = self._rows[number].planned, []
        for later, row in self._rows.items():
            if later > number and (row.stage, row.planned.channel) == ("waiting", mine.channel):
                if BARRIER in {row.planned.lane, mine.lane}:
                    break
                if row.planned.lane == mine.lane:
                    found.append((later, row.planned.message))
        return tuple(found[:50])

    def _mine(self, claim: Claim) -> _Row | None:
        row = self._rows.get(claim.number)
        holds = row is not None and (row.fence, row.stage) == (claim.fence, "waiting")
        return row if holds else None

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        row = self._mine(claim)
        if row is None:
            return False
        self._end(claim.number, outcome.stage, outcome.said)
        self._rows[claim.number] = but(
            self._rows[claim.number], next_at=outcome.next_at, leased_until=0
        )
        name = claim.channel.id
        if outcome.disable:
            self._channels[name] = msgspec.structs.replace(
                self._channels[name], disabled=outcome.disable
            )
        if outcome.blocked_until:
            self._blocked[name] = outcome.blocked_until
        self._say(tried(claim, outcome, self._now()))
        await self.enqueue(outcome.notices)
        return True

    async def combine(self, claim: Claim, into: int, message: Message) -> bool:
        target = self._rows.get(into)
        if target is None or target.stage != "waiting" or target.attempts:
            return False
        if self._mine(claim) is None:
            return False
        planned = target.planned._replace(message=message)
        self._rows[into] = but(target, planned=planned, next_at=self._now())
        for number in sorted(self._rows.keys() & range(claim.number, into)):
            row = self._rows[number]
            where = row.planned.channel, row.planned.lane
            if row.stage == "waiting" and where == (claim.channel.id, claim.lane):
                self._end(number, "combined", f"combined into {into}")
                self._say(combined(claim, number, into, self._now()))
        return True

    async def waiting(self) -> tuple[int, int | None]:
        times = [row.at for row in self._rows.values() if row.stage == "waiting"]
        return len(times), min(times, default=None)

    async def enqueue(self, deliveries: Sequence[Planned]) -> None:
        there = {row.planned.key for row in self._rows.values()}
        for one in deliveries:
            if one.key not in there:
                there.add(one.key)
                number = max(self._rows, default=0) + 1  # the newest is never pruned
                self._rows[number] = _Row(one, self._now(), next_at=self._now())
                self._say(lines_planned(one, number, self._now()))

    async def prune(self, deliveries: int | None, log: int | None, limit: int = 500) -> Pruned:
        now, rows = self._now(), sorted(self._rows)[:-1]
        done = [n for n in rows if self._rows[n].stage != "waiting"]
        old = [n for n in done if self._rows[n].finished < now - (deliveries or 0)]
        old.sort(key=lambda n: self._rows[n].finished)
        gone = old[: 0 if deliveries is None else limit]
        for number in gone:
            del self._rows[number]
        before = now - max(log or 0, LOG_KEPT_MS)
        lines = sorted(self._lines)[:-1][: 0 if log is None else limit]
        said = list(takewhile(lambda n: self._lines[n].at < before, lines))
        for number in said:
            del self._lines[number]
        return Pruned(len(gone), len(said))

    async def deliveries(
        self,
        stage: Stage | None = None,
        channel: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> tuple[Delivery, ...]:
        found = [
            self._shown(number)
            for number in sorted(self._rows, reverse=True)
            if before is None or number < before
        ]
        chosen = [d for d in found if stage in {None, d.stage} and channel in {None, d.channel}]
        return tuple(chosen[:limit])

    def _shown(self, number: int) -> Delivery:
        row = self._rows[number]
        key, channel, subscription, lane, message = row.planned
        return Delivery(
            number, key, channel, subscription, lane, row.stage, row.at, row.next_at,
            row.attempts, row.said, message,
        )  # fmt: skip

    async def replay(self, numbers: Sequence[int]) -> int:
        dead = [n for n in numbers if n in self._rows and self._rows[n].stage == "dead"]
        for n in dead:
            row = self._rows[n]
            self._rows[n] = but(
                row, stage="waiting", next_at=self._now(), attempts=0, leased_until=0
            )
            self._say(replayed(self._shown(n), self._now()))
        return len(dead)

    async def log(
        self, subscription: str | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, LogLine], ...]:
        lines = [(n, li) for n, li in sorted(self._lines.items()) if before is None or n < before]
        mine = [one for one in reversed(lines) if subscription in {None, one[1].subscription}]
        return tuple(mine[:limit])
