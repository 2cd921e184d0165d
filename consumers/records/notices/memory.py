# ruff: noqa: SLF001 - it shares the alerts of its twin
"""The twin of notification in memory, beside a twin of the records: for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from consumers.records.alerts import OPEN, Alert, Transition
from consumers.records.notices.memory_queue import MemoryQueue
from consumers.records.notices.ports import (
    Plan,
    Standing,
    Work,
)
from consumers.records.notices.values import Channel, Silence, Subscription
from consumers.records.ports import Lease


@dataclass
class MemoryNotices(MemoryQueue):
    """The ``Notices`` port in one process, over the alerts of ``records``."""

    _lease: Lease = field(default_factory=lambda: Lease("", 0, 0))
    _turn: int = 0
    _planned: set[int] = field(default_factory=set)
    _subscriptions: dict[str, tuple[Subscription, int]] = field(default_factory=dict)
    _states: dict[str, tuple[bytes, int | None]] = field(default_factory=dict)
    _silences: dict[str, Silence] = field(default_factory=dict)

    def _told(self) -> list[Transition]:
        return [self.records._history[number] for number in sorted(self.records._told)]

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        if self._lease.holder in {"", holder} or self._lease.expires <= self._now():
            self._lease = Lease(holder, self._lease.epoch + 1, self._now() + ttl_ms)
        return self._lease

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        if lease[:2] != self._lease[:2]:
            return None
        self._lease = self._lease._replace(expires=self._now() + ttl_ms)
        return self._lease

    async def release(self, lease: Lease) -> None:
        if lease[:2] == self._lease[:2]:
            self._lease = Lease("", lease.epoch, 0)

    async def work(self, limit: int = 200) -> Work:
        now = self._now()
        told = [line for line in self._told() if line.number not in self._planned]
        rows = tuple(told[:limit])
        standings = []
        for name, (one, _) in sorted(self._subscriptions.items()):
            state, next_at = self._states[name]
            if rows or (next_at is not None and next_at <= now):
                taking = (c for c in one.channels if not self._channels[c].disabled)
                standings.append(Standing(one, state, tuple(taking)))
        silences = tuple(s for s in self._silences.values() if s.end > now)
        ids = [line.alert for line in rows if line.alert]
        return Work(self._turn, now, rows, await self.alerts_of(ids), tuple(standings), silences)

    async def alerts_of(self, ids: Sequence[str]) -> Mapping[str, Alert]:
        known = self.records._alerts
        found = {name: known[name] for name in ids if name in known}
        above = {a.inhibited_by for a in found.values()}
        umbrellas = {a.id for a in found.values() if a.kind == "umbrella"}
        beneath = {
            n for n, a in known.items() if a.inhibited_by in umbrellas and a.state != "resolved"
        }
        return found | {name: known[name] for name in (above | beneath) & known.keys()}

    async def commit_plan(self, lease: Lease, plan: Plan) -> bool:
        if lease[:2] != self._lease[:2] or plan.turn != self._turn:
            return False
        self._turn += 1
        self._planned |= set(plan.rows)
        self._states |= {n: s for n, s in plan.states.items() if n in self._subscriptions}
        await self.enqueue(plan.deliveries)
        self._say(*plan.lines)
        return True

    async def put_subscription(
        self, subscription: Subscription, version: int | None = None
    ) -> int | Literal["changed meanwhile", "name taken", "unknown channel"]:
        held = self._subscriptions.get(subscription.id, (None, 0))[1]
        if version is not None and held != version:
            return "changed meanwhile"
        mine = subscription.owner, subscription.name
        for other, _ in self._subscriptions.values():
            if other.id != subscription.id and (other.owner, other.name) == mine:
                return "name taken"
        if not set(subscription.channels) <= self._channels.keys():
            return "unknown channel"
        self._subscriptions[subscription.id] = subscription, held + 1
        state = self._states.get(subscription.id, (b"", 0))[0]
        self._states[subscription.id] = state, 0
        return held + 1

    async def delete_subscription(self, id: str) -> bool:  # noqa: A002
        self._states.pop(id, None)
        return self._subscriptions.pop(id, None) is not None

    async def subscriptions(self, owner: str | None = None) -> tuple[tuple[Subscription, int], ...]:
        found = [kept for kept in self._subscriptions.values() if owner in {None, kept[0].owner}]
        return tuple(sorted(found, key=lambda kept: (kept[0].owner, kept[0].name)))

    def _touch(self) -> None:
        self._states = {name: (value, 0) for name, (value, _) in self._states.items()}

    async def put_channel(self, channel: Channel) -> bool:
        for other in self._channels.values():
            alike = (other.owner, other.name) == (channel.owner, channel.name)
            if other.id != channel.id and alike:
                return False
        held = self._channels.get(channel.id)
        created = held.created if held else self._now()
        self._channels[channel.id] = msgspec.structs.replace(channel, created=created)
        self._touch()
        return True

    async def channels(self, owner: str | None = None) -> tuple[Channel, ...]:
        found = [c for c in self._channels.values() if owner in {None, c.owner}]
        return tuple(sorted(found, key=lambda c: (c.owner, c.name)))

    async def disable_channel(self, id: str, why: str) -> bool:  # noqa: A002
        if id not in self._channels:
            return False
        self._channels[id] = msgspec.structs.replace(self._channels[id], disabled=why)
        self._blocked[id] = 0
        self._touch()
        return True

    async def remove_channel(
        self,
        id: str,  # noqa: A002
    ) -> Literal["removed", "unknown", "in use"]:
        held = self._channels.get(id)
        if held is None or held.disabled == "removed":
            return "unknown"
        if any(id in one.channels for one, _ in self._subscriptions.values()):
            return "in use"
        mine = [n for n, row in self._rows.items() if row.planned.channel == id]
        for n in mine:
            if self._rows[n].stage == "waiting":
                self._end(n, "dead", "the channel was removed")
        bare = {"sealed": b"", "shown": "", "disabled": "removed", "name": f"removed {id}"}
        del self._channels[id]
        if mine:
            self._channels[id] = msgspec.structs.replace(held, **bare)
        return "removed"

    async def put_silence(self, silence: Silence) -> None:
        self._silences[silence.id] = silence
        self._touch()

    async def silences(self, ended: int) -> tuple[Silence, ...]:
        found = (s for s in self._silences.values() if s.end > ended)
        return tuple(sorted(found, key=lambda s: (s.start, s.id)))

    async def told_since(self, at: int) -> tuple[tuple[Transition, Alert], ...]:
        known = self.records._alerts
        told = (line for line in self._told() if line.alert and line.at >= at)
        return tuple((line, known[line.alert]) for line in told)

    async def going_on(self) -> tuple[Alert, ...]:
        known = self.records._alerts
        return tuple(known[name] for name in sorted(known) if known[name].state in OPEN)

    async def now(self) -> int:
        return self._now()

    async def close(self) -> None:
        """Nothing is held."""
