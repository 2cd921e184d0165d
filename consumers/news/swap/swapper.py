"""
Following the registry: a new champion is made ready, swapped in, watched, and taken back if it is worse.

Rules: whatever goes wrong leaves the present voice serving, is counted and said with its reason; the
alias is the truth, an announcement only says when to look; the voice before is kept, ready to speak, until
the next one comes, so that a rollback waits for nothing; by itself it speaks again only while the new one
is watched; time comes from the clock that is given.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Final, NamedTuple

import structlog

from consumers.news.metrics import Metrics
from consumers.news.pipeline import Settled, Work
from consumers.news.ports import Limping
from consumers.news.swap.bundles import Bundles, key_of
from consumers.news.swap.first import First
from consumers.news.swap.leaving import Leaving
from consumers.news.swap.loading import Ready
from consumers.news.swap.readying import Outcome, Readying, target_of
from consumers.news.swap.shadow import Shadow
from consumers.news.swap.watching import Window, limits_of, tally_of
from consumers.news.voices import Voice, Voices
from consumers.ports import Clock
from groundswell.errors import BundleError, GroundswellError, Transient
from groundswell.models.registry import CHALLENGER, CHAMPION, Move, Version
from groundswell.settings import Settings

REGISTRY: Final = "registry"
MODEL: Final = "model: champion"
TICK_SECONDS: Final = 0.25
"""How often the watch window and a voice that broke are looked at."""
AGAIN_SECONDS: Final = 1.0
"""When to look again at what could not be done at once."""
SETTLED_SECONDS: Final = 30.0
"""So long the first bundle has to serve until a start may count on it."""

log = structlog.get_logger()


class Around(NamedTuple):
    """What the swapper tells, and how it learns the time."""

    metrics: Metrics
    health: Limping
    clock: Clock


class Swapper:
    """Looks after the voices of the loop, whose ``Audience`` it is; ``first`` is what speaks at the start."""

    def __init__(
        self,
        settings: Settings,
        first: First,
        voices: Voices,
        bundles: Bundles,
        shadow: Shadow,
        around: Around,
    ) -> None:
        metrics, clock = around.metrics, around.clock
        self._poll = settings.registry_poll_seconds
        self._voices = voices
        self._bundles = bundles
        self._shadow = shadow
        self._metrics = metrics
        self._health = around.health
        self._clock = clock
        self._readying = Readying(settings, bundles, voices, metrics, clock)
        self._window = Window(voices.now.bundle, limits_of(settings))
        self._good = self._readying.good
        self._good.add(voices.now.key)
        self._readying.checked[voices.now.key] = first.ready.distances
        self._keeps = settings.swap_keep_previous
        self._kept: Voice | None = None
        """The voice before, once the present one is no longer watched: what a rollback leads to."""
        self._move = first.move
        self._unproven = None if first.move is None else first.move.version
        self._began = clock.now()
        self._owed: tuple[Version, str] | None = None
        self._woken = asyncio.Event()
        self._leaving = Leaving()
        if first.passed_over is not None:
            self._readying.condemn(CHAMPION, first.passed_over, first.why)

    def heard(self, works: Sequence[Work], settled: Settled, seconds: float) -> None:
        """See ``Audience``."""
        self._window.heard(settled.bundle, tally_of(works, settled, seconds))
        self._shadow.heard(works, settled, seconds)

    def wake(self) -> None:
        """Look at the registry at once."""
        self._woken.set()

    async def run(self) -> None:
        """Follow the registry until cancelled."""
        look_at = self._clock.now()
        try:
            while True:
                await self._watch()
                if self._woken.is_set() or self._clock.now() >= look_at:
                    self._woken.clear()
                    pause = AGAIN_SECONDS if await self._look() else self._poll
                    look_at = self._clock.now() + min(pause, self._poll)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(TICK_SECONDS, self._poll)):
                        await self._woken.wait()
        finally:
            self._readying.stop()
            self._leaving.stop()

    async def _look(self) -> bool:
        """Do what the aliases ask for; say whether to look again soon."""
        try:
            if self._owed is not None:
                await self._tell(*self._owed)
            soon = await self._follow(await self._bundles.moved(CHAMPION))
            if self._shadow.wanted:
                soon |= await self._follow_challenger(await self._bundles.moved(CHALLENGER))
        except (Transient, BundleError) as error:
            self._metrics.failures.labels(REGISTRY).inc()
            self._health.limping(REGISTRY, f"new bundles are not seen ({error})")
            log.warning("the registry is away", error=str(error))
            return False
        self._health.working(REGISTRY)
        return soon

    async def _follow(self, move: Move | None) -> bool:
        target = target_of(move)
        if self._back(move):
            return False
        if self._kept is not None and target is not None and target.bundle != self._voices.now.key:
            # From here a rollback leads to the present one.
            self._leaving.let_go(self._kept)
            self._kept = None
        began = self._clock.now()
        found = await self._while(self._readying.look(move, self._voices.now.key, CHAMPION))
        self._metrics.pinned.set(found.pinned)
        if found.pinned:
            self._health.limping(MODEL, f"{self._voices.now.bundle} serves on: {found.reason}")
        else:
            self._health.working(MODEL)
        if found.ready is None:
            return found.soon
        now = await self._bundles.moved(CHAMPION)
        if now is None or now.version is None or key_of(now.version) != found.ready.voice.key:
            log.info("the alias has moved on", bundle=found.ready.voice.bundle)
            self._leaving.let_go(found.ready.voice)
            return True
        how = "back" if found.ready.voice.key in self._good else "promoted"
        self._swap(found.ready.voice, now, how)
        self._describe(found.ready)
        self._metrics.swap_seconds.observe(self._clock.now() - began)
        return found.soon

    def _back(self, move: Move | None) -> bool:
        """Let the voice before speak again, if that is what the alias names and it is still here."""
        target = target_of(move)
        for voice in (self._voices.before, self._kept):
            if voice is not None and target is not None and target.bundle == voice.key:
                self._swap(voice, move, "back")
                self._metrics.pinned.set(0)
                self._health.working(MODEL)
                return True
        return False

    async def _while(self, making: Coroutine[None, None, Outcome]) -> Outcome:
        """Wait for a bundle to be made ready; neither the watch nor a rollback waits for that."""
        task = asyncio.ensure_future(making)
        look_at, woken = self._clock.now() + self._poll, False
        try:
            while not task.done():
                await asyncio.wait((task,), timeout=min(TICK_SECONDS, self._poll))
                await self._watch()
                if self._woken.is_set() or self._clock.now() >= look_at:
                    woken = woken or self._woken.is_set()
                    self._woken.clear()
                    look_at = self._clock.now() + self._poll
                    with contextlib.suppress(Transient, BundleError):
                        self._back(await self._bundles.moved(CHAMPION))
            return task.result()
        finally:
            task.cancel()
            if woken:  # a move that was no rollback is still to be followed
                self._woken.set()

    async def _follow_challenger(self, move: Move | None) -> bool:
        present, target = self._shadow.voice, target_of(move)
        champion = self._voices.now.key
        if target is None or target.bundle == champion:
            if present is not None:
                self._shadow.follow(None)
                self._leaving.let_go(present)
            return False
        serving = "" if present is None else present.key
        found = await self._while(self._readying.look(move, serving, CHALLENGER, threads=1))
        if found.ready is not None:
            self._shadow.follow(found.ready.voice)
            log.info("in shadow", bundle=found.ready.voice.bundle)
            if present is not None:
                self._leaving.let_go(present)
        return found.soon

    def _swap(self, voice: Voice, move: Move | None, how: str) -> None:
        """Let ``voice`` speak from the next batch on, and watch it if it is new."""
        old = self._voices.now
        gone = self._voices.swap(voice)
        kept, self._kept = self._kept, None
        self._move = move
        self._metrics.swaps.labels(how).inc()
        if how == "promoted":
            self._window.promoted(voice.bundle, self._clock.now())
        else:
            self._window.returned(voice.bundle)
        for other in (gone, kept):
            if other is not None and other is not voice:
                self._leaving.let_go(other)
        if not self._window.open:
            self._keep("no window is kept")
        self._show(voice)
        log.info("swapped", bundle=voice.bundle, before=old.bundle, how=how)

    def _keep(self, why: str) -> None:
        """Take the present voice for good; the one before is what a rollback leads to."""
        voice = self._voices.now
        self._window.close()
        self._good.add(voice.key)
        self._metrics.watching.set(0)
        self._unproven = None if self._move is None else self._move.version
        self._began = self._clock.now() - SETTLED_SECONDS
        if (gone := self._voices.forget()) is not None:
            log.info("kept", bundle=voice.bundle, why=why)
            if self._keeps:
                self._kept = gone
            else:
                self._leaving.let_go(gone)

    # Watching.

    async def _watch(self) -> None:
        """Judge a new bundle, and write down that a bundle has proven itself."""
        if (fallen := self._voices.fallen()) is not None:
            await self._taken_back(fallen.voice, fallen.why)
        elif self._window.open:
            verdict, reason = self._window.judge(self._clock.now())
            if verdict == "keep":
                self._keep(reason)
            elif verdict == "roll back":
                bad = self._voices.now
                self._voices.step_back(bad, reason)
                self._voices.fallen()
                await self._taken_back(bad, reason)
        proven = self._clock.now() >= self._began + SETTLED_SECONDS and not self._window.open
        if self._unproven is not None and proven:
            version, self._unproven = self._unproven, None
            try:
                await asyncio.to_thread(self._bundles.note_good, version)
            except OSError as error:
                log.warning("cannot note which bundle serves well", error=str(error))

    async def _taken_back(self, bad: Voice, why: str) -> None:
        """Tell of a voice that was taken back, and move the alias away from it."""
        self._window.returned(self._voices.now.bundle)
        self._metrics.swap_failures.labels("worse").inc()
        self._metrics.swaps.labels("rolled_back").inc()
        self._show(self._voices.now)
        log.error("taken back", bundle=bad.bundle, serving=self._voices.now.bundle, why=why)
        self._leaving.let_go(bad)
        move, target = self._move, target_of(self._move)
        self._move = None
        if move is None or move.version is None or target is None:
            return
        self._readying.condemn(CHAMPION, target, why)
        await self._tell(move.version, why)
        self.wake()

    async def _tell(self, bad: Version, why: str) -> None:
        """Move the alias back, unless somebody was quicker; owed while the registry is away."""
        self._owed = None
        try:
            done = await self._bundles.roll_back(bad, why)
        except Transient as error:
            self._owed = (bad, why)
            log.warning("the alias is not moved back yet", error=str(error))
        except GroundswellError as error:
            log.warning("the alias is not moved back", error=str(error))
        else:
            log.info("rolled back", to=str(done.move.version), generation=done.move.generation)

    def _show(self, voice: Voice) -> None:
        self._metrics.serving(voice.bundle, voice.precision, voice.provider)
        self._metrics.watching.set(self._window.open)

    def _describe(self, ready: Ready) -> None:
        for head, distance in ready.distances.items():
            self._metrics.golden.labels(head).set(distance)
