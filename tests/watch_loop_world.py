"""A world for the loop of `watch`: counts that a test fills, a stepwise clock, records in memory."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from consumers.adapters.http import Health
from consumers.adapters.memory_log import MemoryLog
from consumers.adapters.memory_writer import MemoryWriter
from consumers.records.memory import MemoryRecords
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.loop import Plan, Watching
from consumers.watch.outlook import MINUTE_MS
from consumers.watch.ports import ShadowView, SourceNames, Story, Unsaid
from consumers.watch.relay import Relay
from tests.watch_world import poisson

QUICK = Parameters(unlearnt_days=0.3, learning_days=0.9)
"""Learns in 21 hours."""

START = 20_000 * 1440
HOURS = 24
SURGE = START + HOURS * 60 + 30
LATENESS = 120_000


@dataclass
class StepClock:
    """Goes on when it is told to; ``wall`` goes along."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return START * MINUTE_MS + int(self.seconds * 1000)


@dataclass
class Counts:
    """
    The ``CountView`` port over cells and ``news`` that a test sets.

    ``lost`` empties it as a flushed store is. A series without news has one story, ever the same.
    """

    cells: dict[int, dict[str, Seen]] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    lost: bool = False
    losing: bool = False
    news: dict[str, list[Story]] = field(default_factory=dict)

    def advance(self, minute: int, partitions: Collection[int] = (0, 1)) -> None:
        """Let everything up to the end of ``minute`` be decidable."""
        for partition in partitions:
            self.positions[partition] = (minute + 1) * MINUTE_MS + LATENESS

    async def marks(self) -> Mapping[int, int]:
        return {} if self.lost else dict(self.positions)

    async def touched(self, first: int) -> Mapping[str, int]:
        newest = {n: m for m, held in sorted(self.cells.items()) for n in held if m >= first}
        return {} if self.lost else newest

    async def seen(
        self, series: Collection[str], first: int, last: int
    ) -> Mapping[int, Mapping[str, Seen]]:
        if self.losing:
            self.lost = True
        if self.lost:
            return {}
        minutes = range(first, last + 1)
        return {m: {n: s for n, s in self.cells.get(m, {}).items() if n in series} for m in minutes}

    async def stories(self, series: str, first: int, last: int, limit: int) -> tuple[Story, ...]:
        if series not in self.news:
            url = "https://x.test/1"
            return (Story("s", f"bad news of {series}", "wire", url, first, 0.9),)[:limit]
        found = [story for story in self.news[series] if first <= story.minute <= last]
        return tuple(sorted(found, key=lambda s: (-s.negative, s.minute, s.story)))[:limit]

    async def bundles(self) -> Mapping[int, str]:
        return {7: "default-1", 8: "default-2"}


def cells(
    surge: int = SURGE, length: int = 60, hours: int = HOURS + 5
) -> dict[int, dict[str, Seen]]:
    """Make minutes of two series, in one of which negative stories surge from minute ``surge``."""
    rng = random.Random(5)
    made: dict[int, dict[str, Seen]] = {}
    for minute in range(START, START + hours * 60):
        held = {}
        for name in ("all", "topic:rates"):
            hit = name == "topic:rates" and surge <= minute < surge + length
            negative, rest = poisson(rng, 3.0 if hit else 0.2), poisson(rng, 0.8)
            if negative + rest:
                held[name] = Seen(negative, negative + rest, sources=(1, 2), bundles=(7,))
        made[minute] = held
    return made


class World:
    """Records, counts and the log that several processes share; ``plan`` changes their plan."""

    def __init__(self, made: dict[int, dict[str, Seen]] | None = None, **plan: Any) -> None:
        self.clock = StepClock()
        self.counts = Counts(cells() if made is None else made)
        self.records = MemoryRecords(self.clock.wall)
        self.log = MemoryLog(self.clock)
        self.log.create("alerts", 1)
        self.plan = plan
        self.shadows: ShadowView = Unsaid()
        self.sources: SourceNames = Unsaid()

    def process(self, holder: str) -> Watching:
        """Start another `watch`."""
        relay = Relay(self.records, MemoryWriter(self.log), "alerts")
        plan = Plan(holder, 1.0, LATENESS, HOURS * 60, QUICK)._replace(**self.plan)
        return Watching(
            plan,
            self.counts,
            self.records,
            relay,
            self.clock,
            Health(),
            self.shadows,
            self.sources,
        )

    async def until(self, minute: int, watching: Watching) -> None:
        """Let the counts pass ``minute``, and ``watching`` decide up to it."""
        self.counts.advance(minute)
        for _ in range(100):
            await watching.turn()
            if (await self.records.load()).minute == minute:
                return
            self.clock.seconds += 1
        raise AssertionError(f"minute {minute} was not decided")

    def told(self) -> list[bytes]:
        """Return what topic `alerts` holds."""
        return [r.value for r in self.log.records("alerts", 0) if r.value is not None]
