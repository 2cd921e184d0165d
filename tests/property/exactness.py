"""
A simulated world of one source partition: writers, zombies, counters, and a store that forgets.

Every choice comes from one seed. The world obeys what guarantee 1 takes for granted: a writer starts at
the committed position, which is never beyond the first item that is missing in the log; it has one
unacknowledged batch at most and writes it again until it is acknowledged; what the network holds back
may land at any later time; the first record of the log is that of the first item, since where nothing
is known any record is believed. All else may go wrong. ``Rules`` holds what a test may replace by a mistake.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consumers.adapters.memory_counts import MemoryCounts
from consumers.counts.core.fold import fold
from consumers.counts.core.start import start_from
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Step
from consumers.counts.ports import Held
from consumers.ports import Bounds, Record
from groundswell.events import Mark, Opinion, Refusal, encode_log
from tests.count_world import KEPT, T0, L, at_once, mark, opinion, refusal

ITEMS = 30
SECOND = 1000
Event = Opinion | Refusal | Mark


def arrival(offset: int) -> int:
    """Return when an item arrived at the source, in ms."""
    return T0 + offset * 7 * SECOND


@dataclass
class Writer:
    """A `consume`: what it takes next, and the batch that is not acknowledged yet."""

    refuses: int
    position: int
    owner: bool = True
    pending: list[bytes] = field(default_factory=list)
    taken: int = 0

    def take(self, most: int) -> None:
        """Fill the pending batch with verdicts on the next items, and a mark behind them."""
        end = min(ITEMS, self.position + most)
        rows: list[Event] = [
            refusal(o) if o % 7 == self.refuses else opinion(o, at=arrival(o), topics=(f"o{o}",))
            for o in range(self.position, end)
        ]
        rows.append(mark(arrival(end - 1) if end else T0, end - 1))
        self.pending = [encode_log(row) for row in rows]
        self.taken = end


@dataclass
class Counter:
    """A `count`: what it believes the store to hold, and the state that it goes on from."""

    held: PartitionState | None = None
    state: PartitionState | None = None
    read: Step | None = None


@dataclass
class Rules:
    """What the world goes by; a test replaces one of them by a mistake."""

    step: Callable[["World", PartitionState | None, Step], Held | None] = lambda world, held, step: (
        at_once(world.store.step(0, held, step))
    )
    first: Callable[[int], int] = lambda committed: committed
    send: Callable[["World", Writer, str], None] = lambda world, writer, fate: world.write(
        writer, fate
    )
    readable: Callable[[Record], bool] = lambda _record: True


class World:
    """The world; ``run`` lets it go wrong for a while, then come to rest."""

    def __init__(self, seed: int, rules: Rules) -> None:
        self.rng = random.Random(seed)
        self.rules = rules
        self.log: list[Record] = []
        self.late: list[list[bytes]] = []
        self.committed = 0
        self.writers = [self.writer()]
        self.counters = [Counter(), Counter()]
        self.store: MemoryCounts = MemoryCounts(1, KEPT)
        self.snapshot: Any = None

    def writer(self) -> Writer:
        return Writer(self.rng.choice([3, 5, 99]), self.rules.first(self.committed))

    # ------------------------------------------------------------------ writing

    def append(self, values: list[bytes]) -> None:
        self.log += [Record(0, len(self.log) + n, 0, v) for n, v in enumerate(values)]

    def write(self, writer: Writer, fate: str) -> None:
        """Send the pending batch; only ``ok`` is acknowledged, whatever has landed."""
        values, half = writer.pending, len(writer.pending) // 2
        if fate == "tail" and not self.committed:
            fate = "half"
        landed = {"ok": values, "after": values, "half": values[:half], "tail": values[half:]}
        self.append(landed.get(fate, []))
        if fate == "late":
            self.late.append(values)
        if fate == "ok":
            self.acknowledged(writer)

    def acknowledged(self, writer: Writer) -> None:
        writer.position, writer.pending = writer.taken, []
        if writer.owner:
            self.committed = max(self.committed, writer.position)

    def act_write(self) -> None:
        writer = self.rng.choice(self.writers)
        if not writer.pending:
            writer.take(self.rng.randrange(6))
        fate = self.rng.choice(["ok", "ok", "ok", "before", "half", "tail", "after", "late"])
        self.rules.send(self, writer, fate)

    def act_replace_writer(self) -> None:
        """Kill the owner, or take its partition away while it sleeps: it wakes as a zombie."""
        owner = next(w for w in self.writers if w.owner)
        owner.owner = False
        if self.rng.random() < 0.5:
            self.writers.remove(owner)
        self.writers = self.writers[-2:]
        self.writers.append(self.writer())

    def act_land(self) -> None:
        if self.late:
            self.append(self.late.pop(self.rng.randrange(len(self.late))))

    # ------------------------------------------------------------------ counting

    def act_read(self) -> None:
        """Fold what comes next, without writing it yet."""
        counter = self.rng.choice(self.counters)
        if counter.state is None:
            self.load(counter)
        state = counter.state
        assert state is not None
        end = state.position + self.rng.randrange(8)
        batch = [r for r in self.log[state.position : end] if self.rules.readable(r)]
        counter.read = fold(state, batch, L)

    def act_step(self) -> None:
        for counter in self.rng.sample(self.counters, 2):
            if counter.read is not None:
                self.step(counter, counter.read)
                return

    def step(self, counter: Counter, step: Step) -> None:
        counter.read = None
        held = self.rules.step(self, counter.held, step)
        if held is None:
            counter.held = counter.state = step.state
            self.check_mark()
        else:
            self.adopt(counter, held.state)

    def load(self, counter: Counter) -> None:
        self.adopt(counter, at_once(self.store.state(0)))

    def adopt(self, counter: Counter, held: PartitionState | None) -> None:
        counter.held = held
        counter.state = start_from(held, Bounds(None, "", 0, len(self.log), "log")).state

    def act_crash_counter(self) -> None:
        self.counters[self.rng.randrange(2)] = Counter()

    def act_lose_answer(self) -> None:
        """A step lands, its answer does not arrive: the counter tries the very same again."""
        counter = self.rng.choice(self.counters)
        if counter.read is not None:
            self.rules.step(self, counter.held, counter.read)

    # ------------------------------------------------------------------ a store that forgets

    def act_empty(self) -> None:
        self.store = MemoryCounts(1, KEPT)

    def act_snapshot(self) -> None:
        self.snapshot = copy.deepcopy(self.store.shards)

    def act_restore(self) -> None:
        if self.snapshot is not None:
            self.store.shards = copy.deepcopy(self.snapshot)

    # ------------------------------------------------------------------ what must be true

    def check_mark(self) -> None:
        """All that arrived before the mark is settled: guarantee 5."""
        state = at_once(self.store.state(0))
        if state is not None:
            due = [o for o in range(ITEMS) if arrival(o) < state.mark]
            settled = state.fences[0].offset if state.fences else -1
            assert max(due, default=-1) <= settled, "the mark ran ahead"

    def run(self, actions: int = 90) -> None:
        """Go wrong for so many actions, come to rest, and be exact."""
        acts = [
            *[self.act_write] * 8,
            *[self.act_read] * 6,
            *[self.act_step] * 6,
            *[self.act_replace_writer] * 2,
            *[self.act_land] * 2,
            self.act_lose_answer,
            self.act_crash_counter,
            self.act_snapshot,
            self.act_restore,
            self.act_empty,
        ]
        for _ in range(actions):
            self.rng.choice(acts)()
        self.rest()
        self.check()

    def rest(self) -> None:
        """Let the last writer finish, all land, and a counter with a stale memory catch up."""
        writer = self.writer()
        while writer.position < ITEMS:
            writer.take(6)
            self.write(writer, "ok")
        for values in self.late:
            self.append(values)
        counter = self.counters[0]
        for _ in range(4 * len(self.log)):
            if counter.state is None:
                self.load(counter)
            assert counter.state is not None
            if counter.state.position == len(self.log) and counter.held == at_once(
                self.store.state(0)
            ):
                return
            batch = self.log[counter.state.position : counter.state.position + 8]
            step = fold(counter.state, [r for r in batch if self.rules.readable(r)], L)
            self.step(counter, step)
        raise AssertionError("the counter never comes to rest")

    def check(self) -> None:
        """Every source offset is settled exactly once, and the cells say the same."""
        state = at_once(self.store.state(0))
        assert (state.totals.settled, state.totals.lost) == (ITEMS, 0)
        assert state.fences[0].offset == ITEMS - 1
        cells = self.store.shards[0].cells
        for level in ("minute", "hour", "day"):
            items = {name.series: 0 for name in cells if name.level == level}
            for name, fields in cells.items():
                if name.level == level:
                    items[name.series] += sum(
                        sum(t.items) + sum(t.late_items) for t in fields.values()
                    )
            assert items.pop("all", 0) == state.totals.counted
            assert set(items.values()) <= {1}, "an item counted twice"
            assert len(items) == state.totals.counted
