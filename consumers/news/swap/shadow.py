"""
The challenger in shadow: it labels a share of the stream beside the champion, and nothing is published.

Rules: it never delays the champion: one thread of lower priority, a queue of bounded length, and what
does not fit is left out, counted. What it says goes to the metrics, and by series to notes by which
`watch` scales its baselines once it is champion. Whatever goes wrong with it stays with it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import structlog

from consumers.news.core.comparing import compare, negatives
from consumers.news.core.swap import in_share
from consumers.news.pipeline import Labelled, Settled, Work, label
from consumers.news.swap.metrics import SwapMetrics
from consumers.news.swap.priority import stand_back
from consumers.news.voices import Voice
from consumers.ports import Clock
from consumers.shadows import Pair, Seen, ShadowNotes
from groundswell.errors import GroundswellError, Transient

BATCH: Final = 16
"""Items that the challenger is asked about at once."""
NOTE_SECONDS: Final = 2.0
"""How often the notes are written."""

MOST_SERIES: Final = 10_000
"""Series that wait to be written at most; those that would be more are left out."""

log = structlog.get_logger()


class _Waiting(NamedTuple):
    work: Work
    said: Labelled
    seconds: float


class Shadow:
    """The shadow run; ``follow`` says whose it is."""

    def __init__(
        self, share: float, most: int, metrics: SwapMetrics, notes: ShadowNotes, clock: Clock
    ) -> None:
        self._share = share
        self._most = most
        self._metrics = metrics
        self._notes = notes
        self._clock = clock
        self._voice: Voice | None = None
        self._waiting: deque[_Waiting] = deque()
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "shadow", initializer=stand_back)
        self._unwritten: dict[Pair, dict[str, Seen]] = {}
        self._written_at = clock.now()
        self._busy = False

    @property
    def wanted(self) -> bool:
        """Whether a challenger is to be run at all."""
        return self._share > 0.0

    @property
    def voice(self) -> Voice | None:
        """The challenger."""
        return self._voice

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is being compared."""
        return not self._busy and not self._waiting

    def follow(self, voice: Voice | None) -> None:
        """Run this challenger from now on, or none."""
        self._voice = voice
        self._waiting.clear()
        self._metrics.shadow_model.clear()
        if voice is not None:
            self._metrics.shadow_model.labels(voice.bundle).set(1)

    def heard(self, works: Sequence[Work], settled: Settled, seconds: float) -> None:
        """See ``Audience``: keep the items of the share, as far as there is room."""
        if self._voice is None or not works:
            return
        for work, said in zip(works, settled.outcomes, strict=True):
            if not isinstance(said, Labelled):
                continue
            if not in_share(work.origin.partition, work.origin.offset, self._share):
                continue
            if len(self._waiting) >= self._most:
                self._metrics.shadow_items.labels("dropped").inc()
                continue
            self._waiting.append(_Waiting(work, said, seconds / len(works)))
        self._woken.set()

    async def run(self) -> None:
        """Compare until cancelled."""
        try:
            while True:
                if not self._waiting:
                    await self._write()
                    self._woken.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(NOTE_SECONDS):
                            await self._woken.wait()
                await self._once()
                await self._write()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _once(self) -> None:
        voice = self._voice
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if voice is None or not batch:
            return
        self._busy = True
        began = self._clock.now()
        try:
            with voice.used():
                answers = await asyncio.get_running_loop().run_in_executor(
                    self._thread, label, voice, [waiting.work for waiting in batch]
                )
        except GroundswellError as error:
            self._metrics.shadow_items.labels("failed").inc(len(batch))
            log.warning("the challenger failed", bundle=voice.bundle, error=str(error))
            return
        finally:
            self._busy = False
        each = (self._clock.now() - began) / len(batch)
        for waiting, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Labelled):
                self._compared(voice, waiting, answer, each)
            else:
                self._metrics.shadow_items.labels("failed").inc()

    def _compared(self, voice: Voice, waiting: _Waiting, answer: Labelled, seconds: float) -> None:
        old, new = waiting.said.opinion, answer.opinion
        found, metrics = compare(old, new), self._metrics
        metrics.shadow_items.labels("compared").inc()
        metrics.shadow_agreed.labels("sentiment").inc(found.tone)
        metrics.shadow_agreed.labels("topic").inc(found.topic)
        metrics.shadow_confidence.labels("champion").observe(found.old)
        metrics.shadow_confidence.labels("challenger").observe(found.new)
        metrics.shadow_seconds.labels("champion").inc(waiting.seconds)
        metrics.shadow_seconds.labels("challenger").inc(seconds)
        kept = self._unwritten.setdefault(Pair(old.bundle, voice.bundle), {})
        for name, counts in negatives([(waiting.said.told.series, old, new)]).items():
            if name in kept or len(kept) < MOST_SERIES:
                kept[name] = kept.get(name, Seen(0, 0, 0)).plus(Seen(*counts))

    async def _write(self) -> None:
        """Write the notes, every few seconds; while nobody takes them they are few, and are kept."""
        if not self._unwritten or self._clock.now() < self._written_at + NOTE_SECONDS:
            return
        self._written_at = self._clock.now()
        for pair in list(self._unwritten):
            try:
                await self._notes.add(pair, self._unwritten[pair])
            except Transient as error:
                log.warning("the notes of the shadow run wait", error=str(error))
                return
            del self._unwritten[pair]
