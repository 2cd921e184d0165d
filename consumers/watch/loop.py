"""
The loop of `watch`: hold the lease, look how far the counts are, decide, write, relay.

    turn    lease? ──► load? ──► marks ──► cells of what was touched ──► marks again
                                   └ too few: wait      └ fewer than before: throw it away
            minute by minute: stories of trusted sources ──► decide ──► stories of what moved
                              ──► one transaction
            relay what is unsent

Rules: one process holds the lease and decides; the others ask for it every two seconds, and have it
within ten of its end. The records decide what was decided: after any failure they are loaded anew.
Minutes in which nothing moved are written together with the next that is; minutes are decided in order,
each once. What was read while the store lost its counts is never decided from. What a store that was
emptied and filled again within one reading would look like cannot be told from one that was not.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog

from consumers.backoff import pause_after
from consumers.ports import Clock, Waiting
from consumers.records.alerts import Minute
from consumers.records.ports import Lease, Refused, WatchRecords
from consumers.watch.core.events import Limits
from consumers.watch.core.grave import Graves
from consumers.watch.core.lazily import Schedule
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.tiers import Tiers
from consumers.watch.evidence import Setting
from consumers.watch.keeping import Kept, changes, restored
from consumers.watch.outlook import MINUTE_MS, Outlook, Standing, noted, outlook, went_back
from consumers.watch.ports import CountView, ShadowView, SourceNames, Unsaid
from consumers.watch.relay import Relay
from consumers.watch.rounds import let_go
from consumers.watch.whole import JUDGED_BY, Whole, candidates, whole_minute
from consumers.watch.written import lines_of
from groundswell.errors import Transient

LEASE_MS: Final = 7_000
RENEW_SECONDS: Final = 2.0
"""Also how often those who stand by ask: together less than ten seconds."""
BATCH_MINUTES: Final = 60
BATCH_CELLS: Final = 60_000
"""Cells read at once, at most; fewer minutes of many series."""
INTERVAL_SECONDS: Final = 1.0
EVENTS_READ: Final = 50
"""Stories of a series and a minute in which events are looked for, the surest first."""

COUNTS: Final = "counts"
LEASE: Final = "records: lease"
OUTSIDE: Final = "records, counts or kafka"

log = structlog.get_logger()


class Plan(NamedTuple):
    """
    ``lateness`` in ms; a first start decides ``back`` minutes of the past, to learn from them.

    ``tiers`` and ``graves`` (``consumers.watch.lists`` reads them) are what events are found with: without
    them there are none. ``limits``: how many events an hour, and how long each lives.
    """

    holder: str
    budget: float
    lateness: int = 120_000
    back: int = 1440
    parameters: Parameters = Parameters()
    tiers: Tiers = Tiers()
    graves: Graves = Graves()
    limits: Limits = Limits()


@dataclass
class Mind:
    """What this process knows, having loaded it under its lease."""

    last: int | None
    committed: Kept
    raised: dict[str, bytes]
    """The evidence that each open alert was raised with, by its id."""
    closed: tuple[str, ...]
    fresh: bool
    known: Schedule | None = None


@dataclass
class Watching:
    """One process of `watch`."""

    plan: Plan
    view: CountView
    records: WatchRecords
    relay: Relay
    clock: Clock
    health: Waiting
    shadows: ShadowView = field(default_factory=Unsaid)
    sources: SourceNames = field(default_factory=Unsaid)
    _lease: Lease | None = None
    _asked: float = float("-inf")
    _said: tuple[str, int] | None = None
    """The holder and the epoch that were logged last."""
    _mind: Mind | None = None
    _standings: dict[int, Standing] = field(default_factory=dict)
    _left_out: tuple[int, ...] = ()

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop``, then let go of the lease. Raises ``CannotContinue``."""
        failures = 0
        try:
            while not stop.is_set():
                pause = INTERVAL_SECONDS
                try:
                    await self.turn()
                    failures = 0
                    self.health.working(OUTSIDE)
                except Transient as error:
                    self.health.waiting(OUTSIDE, str(error))
                    log.warning("waiting", error=str(error))
                    pause = pause_after(failures)
                    failures += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stop.wait()
        finally:
            if self._lease is not None:
                with contextlib.suppress(Transient):
                    await self.records.release(self._lease)

    async def turn(self) -> None:
        """Do what can be done now. After ``Transient``, which it may raise, all is loaded anew."""
        try:
            if not await self._holds():
                self._mind = None
                self._standings = {}
                return
            await self._decide(self._mind or await self._load())
        except Transient:
            self._mind = None
            raise
        while await self.relay.turn():
            pass

    async def _holds(self) -> bool:
        """Renew the lease, or ask for it, where that is due."""
        now = self.clock.now()
        if now - self._asked >= RENEW_SECONDS:
            self._asked = now
            if self._lease is not None:
                self._lease = await self.records.renew(self._lease, LEASE_MS)
                if self._lease is None:
                    log.warning("lease_lost")
            if self._lease is None:
                held = await self.records.acquire(self.plan.holder, LEASE_MS)
                self._lease = held if held.holder == self.plan.holder else None
                self._mind = None
                if (held.holder, held.epoch) != self._said:
                    self._said = held.holder, held.epoch
                    log.info("lease", holder=held.holder, epoch=held.epoch)
        self.health.working(LEASE)  # who stands by is ready as well
        return self._lease is not None

    async def _load(self) -> Mind:
        loaded = await self.records.load()
        self._mind = Mind(
            last=loaded.minute,
            committed=restored(loaded.states, self.plan.parameters),
            raised={alert.id: alert.evidence for alert in loaded.open},
            closed=tuple(alert.id for alert in loaded.closed),
            fresh=not loaded.states,
        )
        return self._mind

    async def _decide(self, mind: Mind) -> None:
        """Decide what the counts have passed, a batch of minutes at most, and keep the lease meanwhile."""
        marks = await self.view.marks()
        now = self.clock.now()
        self._standings = noted(self._standings, mind.committed.partitions, marks, now)
        ahead = outlook(self._standings, self.plan.lateness, now)
        self._name(ahead.left_out)
        if ahead.minute is None:
            self.health.waiting(COUNTS, "no mark yet, or every partition stands still")
            return
        if mind.last is not None and ahead.minute <= mind.last:
            if ahead.minute < mind.last:
                self.health.waiting(
                    COUNTS,
                    f"read until minute {ahead.minute}, {mind.last} is decided: filling again",
                )
            else:
                self.health.working(COUNTS)
            return
        first = ahead.minute - self.plan.back + 1 if mind.last is None else mind.last + 1
        touched = await self.view.touched(first)
        batch = min(BATCH_MINUTES, max(1, BATCH_CELLS // max(1, len(touched))))
        last = min(ahead.minute, first + batch - 1)
        seen = await self.view.seen(touched, first, last) if touched else {}
        bundles = await self.view.bundles()
        if went_back(marks, await self.view.marks()):
            self.health.waiting(COUNTS, "the store lost counts while they were read")
            return
        self.health.working(COUNTS)
        setting = await self._setting(bundles, ahead)
        kept, closed = mind.committed, mind.closed
        if closed:
            state = let_go(kept.detectors, first, closed, self.plan.parameters)
            kept, mind.known = kept._replace(detectors=state), None
        for minute in range(first, last + 1):
            if not await self._holds() or self._mind is not mind:
                self._mind = None
                return
            held = seen.get(minute, {})
            stories = {
                name: await self.view.stories(name, minute, minute, EVENTS_READ)
                for name in candidates(held, setting)
            }
            whole = await self._whole(kept, minute, held, stories, setting, mind.known)
            kept, mind.known = whole.kept, whole.decided.known
            # The last, or what is to be told; else it waits for the next that is written.
            if whole.moved or minute == last:
                await self._commit(mind, whole, closed)
                if self._mind is not mind:
                    return
                closed = ()

    async def _whole(self, *of_a_minute: Any) -> Whole:
        """Decide a minute beside the loop, which keeps the lease meanwhile: many series take seconds."""
        deciding = asyncio.create_task(asyncio.to_thread(whole_minute, *of_a_minute))
        try:
            while not (await asyncio.wait([deciding], timeout=RENEW_SECONDS))[0]:
                await self._holds()
        finally:
            await asyncio.wait([deciding])
        return deciding.result()

    async def _setting(self, bundles: Mapping[int, str], ahead: Outlook) -> Setting:
        plan = self.plan
        return Setting(
            plan.parameters,
            plan.budget,
            bundles,
            ahead.left_out,
            shadows=await self.shadows.shadows(),
            tiers=plan.tiers,
            graves=plan.graves,
            limits=plan.limits,
            sources=await self.sources.sources(),
            since=ahead.minute or 0,
        )

    async def _commit(self, mind: Mind, whole: Whole, closed: tuple[str, ...]) -> None:
        """Write a minute; where that is refused, what this process knows is thrown away."""
        stories = {
            w: await self.view.stories(w.series, w.first, w.last, JUDGED_BY) for w in whole.wanted
        }
        lines = lines_of(whole, stories, mind.raised)
        kept = whole.kept._replace(partitions=tuple(sorted(self._standings)))
        minute = Minute(
            minute=whole.minute,
            after=mind.last,
            states=changes(mind.committed, kept, self.plan.parameters, first=mind.fresh),
            episodes=lines.episodes,
            moves=lines.moves,
            verdicts=lines.verdicts,
            noticed=closed,
            budget=self.plan.budget,
        )
        if self._lease is None or not await self._holds() or self._mind is not mind:
            self._mind = None
            return
        answer = await self.records.commit_minute(self._lease, minute)
        if isinstance(answer, Refused):
            log.warning("refused", why=answer.why, epoch=answer.epoch, minute=answer.minute)
            self._mind = None
            if answer.why == "not the holder":
                self._lease = None
            return
        mind.last, mind.committed, mind.fresh = whole.minute, kept, False
        mind.closed = answer.closed
        mind.raised |= {episode.id: episode.evidence for episode in lines.episodes}
        for move in lines.moves:
            if move.after == "resolved":
                mind.raised.pop(move.alert, None)

    def _name(self, left_out: tuple[int, ...]) -> None:
        """Say which partitions are left out, once each time that it changes."""
        if left_out == self._left_out:
            return
        for partition in left_out:
            if partition not in self._left_out:
                mark = self._standings[partition].mark
                log.warning("partition_left_out", partition=partition, until=mark // MINUTE_MS)
        for partition in set(self._left_out) - set(left_out):
            log.info("partition_back", partition=partition)
        self._left_out = left_out
