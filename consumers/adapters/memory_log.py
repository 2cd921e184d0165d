"""
The in-memory twin of Kafka: topics, groups with eager joins, and a reader.

Rules: it passes the contract suite of the real adapters; it is deterministic: a group settles when a
member polls or a test calls ``settle``, and the only clock is the one passed in; faults are ordered by
the test, for the next writes.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from consumers.ports import Bounds, Clock, Fetched, Owner, Record
from groundswell.errors import CannotContinue, TopicError, Transient

Fault: TypeAlias = Literal["before", "half", "after", "late"]
"""A write fails before it lands, when half has landed, after it landed, or lands at ``land_late``."""


@dataclass
class _Partition:
    records: list[Record] = field(default_factory=list)
    beginning: int = 0
    end: int = 0

    def append(
        self, number: int, timestamp: int, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        self.records.append(Record(number, self.end, timestamp, value, tuple(headers)))
        self.end += 1


@dataclass
class _Topic:
    topic_id: str
    partitions: list[_Partition]
    message_bytes: int


@dataclass
class _Group:
    members: list["MemoryReader"] = field(default_factory=list)
    committed: dict[int, tuple[int, str]] = field(default_factory=dict)
    dirty: bool = False


class MemoryLog:
    """A broker in memory. ``away`` makes every call fail as an unreachable broker does."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.away = False
        self.faults: deque[Fault] = deque()
        self.arrived = asyncio.Event()
        self._topics: dict[str, _Topic] = {}
        self._groups: dict[tuple[str, str], _Group] = {}
        self._late: list[tuple[str, int, list[bytes]]] = []
        self._made = 0

    # ------------------------------------------------------------------ what a test does

    def create(self, topic: str, partitions: int, message_bytes: int = 1_114_112) -> None:
        """Create a topic, or make it anew: its records are gone and its identity is another one."""
        self._made += 1
        rows = [_Partition() for _ in range(partitions)]
        self._topics[topic] = _Topic(f"memory-{self._made}", rows, message_bytes)

    def append(
        self,
        topic: str,
        partition: int,
        values: Iterable[bytes | None],
        timestamp: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Append records, with the time of the clock unless ``timestamp`` (ms) is given."""
        for value in values:
            when = self.clock.wall() if timestamp is None else timestamp
            self.topic(topic).partitions[partition].append(partition, when, value, headers)
        self.arrived.set()

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Do what retention does: forget the offsets below ``before``."""
        row = self.topic(topic).partitions[partition]
        row.beginning = max(row.beginning, min(before, row.end))
        row.records = [record for record in row.records if record.offset >= row.beginning]

    def records(self, topic: str, partition: int) -> Sequence[Record]:
        """Return what stands in the partition."""
        return tuple(self.topic(topic).partitions[partition].records)

    def committed(self, group: str, topic: str) -> Mapping[int, tuple[int, str]]:
        """Return the group's positions, each with the topic's identity at its commit."""
        return dict(self.group(group, topic).committed)

    def land_late(self) -> None:
        """Let what the network held back land now."""
        for topic, partition, values in self._late:
            self.append(topic, partition, values)
        self._late.clear()

    async def settle(self, group: str, topic: str) -> None:
        """Share the partitions out anew: all are revoked, then assigned, as an eager join does."""
        state = self.group(group, topic)
        state.dirty = False
        for member in state.members:
            await member.give_up()
        for index, member in enumerate(state.members):
            count = len(self.topic(topic).partitions)
            await member.take_over([p for p in range(count) if p % len(state.members) == index])

    # ------------------------------------------------------------- for reader and writer

    def check(self) -> None:
        """Raise ``Transient`` while the broker is away."""
        if self.away:
            raise Transient("the log in memory is away, as a test wanted")

    def topic(self, name: str) -> _Topic:
        """Return the topic. Raises ``TopicError`` if it does not exist."""
        if name not in self._topics:
            raise TopicError(f"topic {name} does not exist; create it with `groundswell topics`")
        return self._topics[name]

    def group(self, group: str, topic: str) -> _Group:
        """Return the state of a group."""
        return self._groups.setdefault((group, topic), _Group())

    def hold_back(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        """Keep a write until ``land_late``."""
        self._late.append((topic, partition, list(values)))


class MemoryReader:
    """The ``LogReader`` port over a ``MemoryLog``."""

    def __init__(self, log: MemoryLog, topic: str, group: str) -> None:
        self._log = log
        self._topic = topic
        self._group = log.group(group, topic)
        self._group_name = group
        self._owner: Owner | None = None
        self._bounds: dict[int, Bounds] = {}
        self._positions: dict[int, int] = {}
        self._paused: set[int] = set()
        self._turn = 0

    async def start(self, owner: Owner) -> None:
        self._log.check()
        self._log.topic(self._topic)
        self._owner = owner
        self._group.members.append(self)
        self._group.dirty = True

    async def poll(self, max_records: int, timeout: float) -> Fetched:
        self._log.check()
        if self not in self._group.members:
            raise CannotContinue(f"the reader of topic {self._topic} is not running")
        if self._group.dirty:
            await self._log.settle(self._group_name, self._topic)
        self._log.arrived.clear()
        records = await self._take(max_records)
        if not records and timeout > 0:
            try:
                async with asyncio.timeout(timeout):
                    await self._log.arrived.wait()
            except TimeoutError:
                pass
            self._log.check()
            records = await self._take(max_records)
        now = self._log.clock.wall()
        rows = self._log.topic(self._topic).partitions
        ready = (p for p in self._positions if p not in self._paused)
        return Fetched(records, {p: now for p in ready if self._positions[p] >= rows[p].end})

    async def _take(self, max_records: int) -> dict[int, list[Record]]:
        taken: dict[int, list[Record]] = {}
        ready = sorted(p for p in self._positions if p not in self._paused)
        self._turn += 1
        start = self._turn % len(ready) if ready else 0
        left = max_records
        for index, partition in enumerate(ready[start:] + ready[:start]):
            row = self._log.topic(self._topic).partitions[partition]
            position = self._positions[partition]
            if not row.beginning <= position <= row.end:
                lost = position, self._bounds[partition].topic_id
                await self._ask({partition: self._look(partition, lost)})
                continue
            share = -(-left // (len(ready) - index))
            records = row.records[position - row.beginning :][:share]
            if records:
                taken[partition] = records
                left -= len(records)
                self._positions[partition] = records[-1].offset + 1
        return taken

    def pause(self, partitions: Iterable[int]) -> None:
        self._paused.update(p for p in partitions if p in self._bounds)

    def resume(self, partitions: Iterable[int]) -> None:
        self._paused.difference_update(partitions)

    def seek(self, partition: int, position: int) -> None:
        if partition in self._bounds:
            self._positions[partition] = position

    async def commit(self, positions: Mapping[int, int]) -> None:
        self._log.check()
        for partition, position in positions.items():
            if partition in self._bounds:
                identity = self._bounds[partition].topic_id
                self._group.committed[partition] = position, identity

    def lag(self) -> Mapping[int, int]:
        lags = {}
        for partition, bounds in self._bounds.items():
            row = self._log.topic(self._topic).partitions[partition]
            position = self._positions.get(partition, bounds.committed or 0)
            lags[partition] = max(0, row.end - max(position, row.beginning))
        return lags

    async def stop(self) -> None:
        if self in self._group.members:
            await self.give_up()
            self._group.members.remove(self)
            self._group.dirty = True

    async def give_up(self) -> None:
        """Tell the owner that its partitions are gone."""
        gone = frozenset(self._bounds)
        if gone and self._owner is not None:
            self._positions.clear()
            await self._owner.revoked(gone)
        self._bounds.clear()
        self._positions.clear()
        self._paused.clear()

    async def take_over(self, partitions: Iterable[int]) -> None:
        """Ask the owner where to start."""
        bounds = {p: self._look(p, self._group.committed.get(p, (None, ""))) for p in partitions}
        if bounds:
            await self._ask(bounds)

    def _look(self, partition: int, committed: tuple[int | None, str]) -> Bounds:
        topic = self._log.topic(self._topic)
        row = topic.partitions[partition]
        return Bounds(*committed, row.beginning, row.end, topic.topic_id)

    async def _ask(self, bounds: Mapping[int, Bounds]) -> None:
        assert self._owner is not None  # noqa: S101 # set by start
        self._bounds.update(bounds)
        for partition in bounds:
            self._positions.pop(partition, None)
        positions = await self._owner.assigned(bounds)
        for partition in bounds:
            if partition in positions:
                self._positions[partition] = positions[partition]
            else:
                self._paused.add(partition)
