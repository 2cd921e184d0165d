"""A queue that lives: messages, tries, replays and pruning in any order, and what must hold of it."""

from dataclasses import dataclass, field
from typing import Any

from consumers.records.notices.ports import LogLine, Outcome
from consumers.records.notices.pruning import LOG_KEPT_MS
from tests.notices_world import planned, put
from tests.records_world import Hand

DAY = 86_400_000
WEEK = 7 * DAY
STEPS = ("queue", "send", "fail", "bury", "replay", "wait", "season", "withhold", "prune")
OUTCOMES = {
    "send": Outcome("sent", "200"),
    "fail": Outcome("waiting", "500"),
    "bury": Outcome("dead", "404"),
}


@dataclass
class Life:
    """What was done to the queue, and the numbers that each key has had."""

    notices: Any
    clock: Hand
    keys: dict[int, str] = field(default_factory=dict)
    said: dict[int, LogLine] = field(default_factory=dict)
    finished: dict[int, int] = field(default_factory=dict)
    sent: list[tuple[str, int]] = field(default_factory=list)
    pruned: int = 0
    made: int = 0

    async def step(self, what: str, lane: str) -> None:
        """Do one thing."""
        if what == "queue":
            self.made += 1
            await self.notices.enqueue([planned(self.made, lane)])
        elif what in OUTCOMES:
            for claim in await self.notices.claim("w", 1, 1, {}):
                await self.notices.settle(claim, OUTCOMES[what])
                if what == "send":
                    self.sent.append((claim.lane, claim.message.number))
                if what != "fail":
                    self.finished[claim.number] = self.clock.at
        elif what == "replay":
            dead = [d.number for d in await self.notices.deliveries("dead")]
            await self.notices.replay(dead)
            for number in dead:
                del self.finished[number]
        elif what in {"wait", "season"}:
            self.clock.at += 5 * DAY if what == "wait" else 60 * DAY
        elif what == "withhold":
            lines = [LogLine(self.clock.at, "s1", "withheld", "silenced", lane)]
            await put(self.notices, lines=lines)
        else:
            await self._prune()
        await self._seen()

    async def _seen(self) -> None:
        for one in await self.notices.deliveries(limit=1000):
            assert self.keys.setdefault(one.number, one.key) == one.key, "a number is one message's"
        for number, line in await self.notices.log(limit=1000):
            assert self.said.setdefault(number, line) == line, "a line stays as it was"

    async def _prune(self) -> None:
        before = {d.number: d for d in await self.notices.deliveries(limit=1000)}
        lines = dict(await self.notices.log(limit=1000))
        done = await self.notices.prune(WEEK, LOG_KEPT_MS, limit=3)
        after = {d.number: d for d in await self.notices.deliveries(limit=1000)}
        kept = dict(await self.notices.log(limit=1000))

        gone = before.keys() - after.keys()
        assert done == (len(gone), len(lines) - len(kept))
        assert all(before[n].stage != "waiting" for n in gone), "what waits stays"
        assert all(self.finished[n] < self.clock.at - WEEK for n in gone), "what is young stays"
        assert max(before, default=0) == max(after, default=0), "the newest stays"
        assert {n: before[n] for n in after} == after, "the rest is as it was"
        assert max(lines, default=0) == max(kept, default=0)
        left = sorted(lines)[len(lines) - len(kept) :]
        assert sorted(kept) == left, "the log goes from its beginning"
        cut = lines.keys() - kept.keys()
        assert all(lines[n].at < self.clock.at - LOG_KEPT_MS for n in cut)
        due = [n for n in self.finished if self.finished[n] < self.clock.at - WEEK and n in before]
        assert len(gone) == min(3, len(set(due) - {max(before, default=0)}))
        self.pruned += len(gone)

    async def drain(self) -> None:
        """Send what waits; each lane went out in its order, and nothing is left."""
        while claims := await self.notices.claim("w", 10, 60_000, {}):
            for claim in claims:
                await self.notices.settle(claim, OUTCOMES["send"])
                self.sent.append((claim.lane, claim.message.number))
        assert (await self.notices.waiting())[0] == 0
