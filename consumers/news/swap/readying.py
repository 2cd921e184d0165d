"""
Making a bundle ready beside the stream: fetch, verify, load, compare, warm, time; or say why not.

Rules: one at a time, in one thread, within ``swap_seconds``; every failure is counted by its stage, and a
bundle that failed twice is left alone until its alias moves. The thread stands back, so that the stream is
not held up; only for a bundle that served well here before, which is a rollback, it does not.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from consumers.news.core.swap import Failures, Target, condemned, failed, next_step
from consumers.news.swap.bundles import Bundles, key_of
from consumers.news.swap.loading import (
    Ready,
    Refused,
    check,
    has_own_threads,
    load_model,
    time_beside,
    warm,
)
from consumers.news.swap.metrics import SwapMetrics
from consumers.news.swap.priority import stand_back
from consumers.news.voices import Voice, Voices
from consumers.ports import Clock
from groundswell.errors import GroundswellError, Transient
from groundswell.models.registry import Move, Version
from groundswell.models.session import Model
from groundswell.settings import Settings

AGAIN_SECONDS: Final = 1.0
"""Pause before a bundle that failed is tried the second time."""

log = structlog.get_logger()


class Outcome(NamedTuple):
    """What came of a look: a voice or None and why; ``soon`` asks to look again, ``pinned`` not to."""

    ready: Ready | None
    reason: str
    soon: bool = False
    pinned: bool = False


def target_of(move: Move | None) -> Target | None:
    """Return what a move of an alias names."""
    if move is None or move.version is None:
        return None
    return Target(key_of(move.version), move.generation)


class Readying:
    """The one place where bundles are made ready, with what failed by alias."""

    def __init__(
        self,
        settings: Settings,
        bundles: Bundles,
        voices: Voices,
        metrics: SwapMetrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._bundles = bundles
        self._voices = voices
        self._metrics = metrics
        self._clock = clock
        self.good: set[str] = set()
        """Keys of bundles that have served well here: they need not be timed again."""
        self.checked: dict[str, Mapping[str, float]] = {}
        """What the golden texts said of a bundle, by its key: same files and same process, same answers."""
        self._failures: dict[str, Failures] = {}
        self._thread = ThreadPoolExecutor(1, "swap", initializer=stand_back)
        self._at_once = ThreadPoolExecutor(1, "rollback")
        # Begun now: a thread inherits its priority from whoever begins it.
        self._at_once.submit(int)
        self._at_work: asyncio.Future[Ready] | None = None

    async def look(
        self, move: Move | None, serving: str, alias: str, *, threads: int = 0
    ) -> Outcome:
        """
        Make ready what ``move`` names, unless it is ``serving`` (a key) or has failed.

        ``threads`` 0: as the settings say. Raises ``Transient`` while the registry is away.
        """
        target = target_of(move)
        step = next_step(serving, target, self._failures.get(alias), self._clock.now())
        if move is None or move.version is None or target is None or step.action != "take":
            pinned = step.action == "stay" and target is not None and target.bundle != serving
            return Outcome(None, step.reason, soon=step.action == "wait", pinned=pinned)
        if self._at_work is not None and not self._at_work.done():
            return Outcome(None, "another bundle is still being made ready")
        log.info("a new bundle", alias=alias, bundle=move.version.id, generation=move.generation)
        try:
            return Outcome(await self._ready(move.version, threads), step.reason)
        except Refused as error:
            self._metrics.swap_failures.labels(error.stage).inc()
            now = self._clock.now()
            known = failed(self._failures.get(alias), target, str(error), now, AGAIN_SECONDS)
            self._failures[alias] = known
            log.warning(
                "a bundle is refused; the present one serves on",
                alias=alias,
                bundle=move.version.id,
                stage=error.stage,
                why=str(error),
                times=known.times,
            )
            return Outcome(None, str(error), soon=not known.pinned, pinned=known.pinned)

    def condemn(self, alias: str, target: Target, why: str) -> None:
        """Leave a bundle alone that was found bad in service, until the alias moves."""
        self._failures[alias] = condemned(target, why)

    def stop(self) -> None:
        """Begin nothing more."""
        for thread in (self._thread, self._at_once):
            thread.shutdown(wait=False, cancel_futures=True)

    async def _ready(self, version: Version, threads: int) -> Ready:
        loop = asyncio.get_running_loop()
        thread = self._at_once if key_of(version) in self.good else self._thread
        beside = self._voices.now
        with ExitStack() as using:
            using.enter_context(beside.used())
            self._at_work = loop.run_in_executor(thread, self._work, version, beside, threads)
            held = using.pop_all()
        self._at_work.add_done_callback(lambda _: held.close())
        try:
            async with asyncio.timeout(self._settings.swap_seconds):
                return await asyncio.shield(self._at_work)
        except TimeoutError:
            self._at_work.add_done_callback(lambda done: done.cancelled() or done.exception())
            limit = self._settings.swap_seconds
            raise Refused(
                "late", f"{version} is not ready after {limit:g} s (swap_seconds)"
            ) from None

    def _work(self, version: Version, beside: Voice, threads: int) -> Ready:
        """Do it in the thread. A bundle is a stranger's: whatever it makes fail is its refusal."""
        try:
            directory = self._bundles.fetch(version)
        except Transient:
            raise
        except (GroundswellError, OSError) as error:
            raise Refused("fetch", str(error)) from error
        try:
            return self._checked_and_timed(key_of(version), directory, beside, threads)
        except Refused:
            raise
        except Exception as error:
            raise Refused("load", f"{version}: {error!r}") from error

    def _checked_and_timed(self, key: str, directory: Path, beside: Voice, threads: int) -> Ready:
        try:
            ready = check(
                self._load(key, directory, threads), directory, key, self.checked.get(key)
            )
        except GroundswellError as error:
            stage = "golden" if "golden text" in str(error) else "load"
            raise Refused(stage, str(error)) from error
        self.checked[key] = ready.distances
        if key in self.good:
            warm(ready, directory)
        else:
            time_beside(ready, directory, beside, self._clock, self._settings.swap_slower)
        return ready

    def _load(self, key: str, directory: Path, threads: int) -> Model:
        """Load; a session's own threads are not to inherit for good that this one stands back."""
        if key in self.good or not has_own_threads(self._settings, threads):
            return load_model(self._settings, directory, threads)
        return self._at_once.submit(load_model, self._settings, directory, threads).result()
