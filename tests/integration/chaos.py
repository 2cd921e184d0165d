"""
Bad luck by a plan: programs killed, frozen, joined and left, the store and the broker mistreated.

Rules: every random choice comes from one seed, so that a run can be repeated; a program that ends by
itself is a failure of the run, one that was killed is started again.
"""

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.integration.programs import Program, freeze, thaw
from tests.integration.stack import Stack

SESSION_SECONDS = 6.0
FROZEN_SECONDS = SESSION_SECONDS + 5.0
OUTAGE_SECONDS = 10.0


class Event(NamedTuple):
    """Something that happens ``at`` seconds after the start."""

    at: float
    name: str
    do: Callable[[], None]


@dataclass
class Crew:
    """
    The programs by name, and what is done to them.

    ``overrides`` are the settings of a name's next life; a name in ``wanted`` is alive, or about to be;
    ``zombies`` counts those that came back after their session had ended.
    """

    stack: Stack
    dice: random.Random
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    living: dict[str, Program] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    kills: dict[str, int] = field(default_factory=lambda: {"consume": 0, "count": 0})
    leaving: list[Program] = field(default_factory=list)
    zombies: int = 0

    def join(self, name: str, **overrides: object) -> None:
        self.wanted.add(name)
        self.overrides[name] = overrides
        self.living[name] = self.stack.programs.start(name, **overrides)

    def leave(self, name: str) -> None:
        """Ask a program to end; how it does is looked at later."""
        self.wanted.discard(name)
        program = self.living.pop(name, None)
        if program is not None:
            program.signal(signal.SIGTERM)
            self.leaving.append(program)

    def kill(self, name: str) -> None:
        self.living.pop(name).signal(signal.SIGKILL)
        self.kills[name.partition("-")[0]] += 1

    def kill_one(self, kind: str) -> None:
        """Kill any program that runs, of ``kind`` if there is one."""
        running = sorted(n for n in self.living if n not in self.frozen)
        if running:
            self.kill(self.dice.choice([n for n in running if n.startswith(kind)] or running))

    def start_again(self) -> None:
        """Start whatever is wanted and was killed."""
        for name in sorted(self.wanted - set(self.living)):
            self.join(name, **self.overrides[name])

    def freeze(self, name: str) -> None:
        if name in self.living:
            self.frozen.add(name)
            freeze([self.living[name].process.pid])

    def thaw(self, name: str) -> None:
        if name in self.frozen:
            self.frozen.discard(name)
            self.zombies += 1
            thaw([self.living[name].process.pid])

    def swap(self, name: str, bundle: Path) -> None:
        """Kill a consumer; its next life has another model."""
        self.overrides[name]["bundle"] = bundle
        if name in self.living and name not in self.frozen:
            self.kill(name)


def plan(
    crew: Crew, seconds: float, kills: int, bundle: Path, broker_pid: int | None
) -> list[Event]:
    """Return what happens during ``seconds``, in order."""
    dice, store = crew.dice, crew.stack.store
    snapshots: list[Path] = []
    kinds = ["consume", "count"] * (kills // 2)
    dice.shuffle(kinds)
    events: list[Event] = []

    def happen(share: float, name: str, do: Callable[[], None], after: float = 0.0) -> None:
        events.append(Event(share * seconds + after, name, do))

    for kind in kinds:
        at, pause = dice.uniform(0.05, 0.97), dice.choice((0.0, 0.0, 1.0, 3.0, 8.0))
        happen(at, f"kill a {kind}", lambda kind=kind: crew.kill_one(kind))  # type: ignore[misc]
        happen(at, "start again", crew.start_again, pause)
    for kind, joins, leaves in (("consume", 0.15, 0.42), ("count", 0.25, 0.47)):
        third = f"{kind}-3"
        happen(joins, f"{third} joins", lambda third=third: crew.join(third))  # type: ignore[misc]
        happen(leaves, f"{third} leaves", lambda third=third: crew.leave(third))  # type: ignore[misc]
    for victim, at in (("consume-1", 0.2), ("count-2", 0.33), ("consume-2", 0.65)):
        happen(at, f"{victim} freezes", lambda v=victim: crew.freeze(v))  # type: ignore[misc]
        happen(at, f"{victim} is back", lambda v=victim: crew.thaw(v), FROZEN_SECONDS)  # type: ignore[misc]
    happen(0.5, "the store is emptied", store.empty)
    happen(0.55, "another model", lambda: crew.swap("consume-1", bundle))
    happen(0.55, "start again", crew.start_again, 2.0)
    happen(0.58, "the store restarts without scripts", store.restart)
    happen(0.62, "a snapshot", lambda: snapshots.append(store.snapshot()))
    happen(0.75, "the snapshot is put back", lambda: store.put_back(snapshots.pop()))
    if broker_pid is not None:
        happen(0.85, "the broker stands still", lambda: freeze([broker_pid]))
        happen(0.85, "the broker goes on", lambda: thaw([broker_pid]), OUTAGE_SECONDS)
    return sorted(events, key=lambda event: event.at)


async def carry_out(crew: Crew, events: list[Event]) -> None:
    """Let the events happen at their times; fail as soon as a program ends by itself."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for event in events:
        while (left := event.at - (loop.time() - began)) > 0:
            crew.stack.programs.check()
            await asyncio.sleep(min(left, 1.0))
        print(f"  {event.at:6.1f} s  {event.name}", flush=True)
        event.do()


async def watch(crew: Crew, seen: dict[int, dict[str, float]]) -> None:
    """Keep the newest metrics of every life, by process id; ends when cancelled."""
    while True:
        for name, program in list(crew.living.items()):
            if name not in crew.frozen and (samples := await program.metrics()):
                seen[program.process.pid] = samples
        await asyncio.sleep(2)
