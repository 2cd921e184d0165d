"""
Which story each labelled item tells: from the consumers' shared knowledge, else from our own.

Rules: a look-up that fails neither holds an item up nor loses it: memory answers, and Redis is asked
again every few seconds beside the stream, so that no further item waits for it. Memory follows what
Redis answers, so that it can take over, and Redis is told afterwards what was decided without it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from consumers.news.core.stories import Place, Told
from consumers.news.metrics import Metrics
from consumers.news.pipeline import Labelled, Verdict, with_story
from consumers.news.ports import Limping, Stories
from consumers.ports import Clock
from groundswell.errors import Transient

PART: Final = "redis: stories"
RETRY_SECONDS: Final = 2.0
"""How long to go by memory before Redis is asked again."""
TOLD_LATER: Final = 20_000
"""Items decided without Redis that it is told of later, the newest ones."""
TOLD_AT_ONCE: Final = 500

log = structlog.get_logger()


class Teller:
    """The shared stories with our own behind them, which are in this process's memory."""

    def __init__(
        self,
        shared: Stories,
        own: Stories,
        clock: Clock,
        health: Limping,
        metrics: Metrics,
    ) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._away = False
        self._ask_again_at = 0.0
        self._returning: asyncio.Task[None] | None = None
        self._owed: deque[tuple[Told, Place]] = deque(maxlen=TOLD_LATER)
        metrics.stories_shared.set(1)

    async def verdicts(self, outcomes: Sequence[Verdict | Labelled]) -> list[Verdict]:
        """Write labelled items down with their stories: from here on nobody looks anything up."""
        labelled = [outcome for outcome in outcomes if isinstance(outcome, Labelled)]
        places = iter(await self.place([item.told for item in labelled]))
        return [
            with_story(outcome.opinion, next(places)) if isinstance(outcome, Labelled) else outcome
            for outcome in outcomes
        ]

    async def place(self, items: Sequence[Told]) -> list[Place]:
        """See ``Stories.place``; raises nothing for a store that is away."""
        began = self._clock.now()
        places = await self._ask(items) if items else []
        for place in places:
            self._metrics.stories.labels(place.why).inc()
        self._metrics.stage.labels("story").observe(self._clock.now() - began)
        return places

    async def _ask(self, items: Sequence[Told]) -> list[Place]:
        if self._away:
            places = await self._alone(items)
            self._try_to_return()
            return places
        try:
            places = await self._shared.place(items)
        except Transient as error:
            self._failed(error)
            return await self._alone(items)
        await self._own.remember(items, places)
        return places

    async def close(self) -> None:
        """Ask no more and let go of connections; what Redis was not told yet it never learns."""
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait({self._returning})
        await self._shared.close()

    def _try_to_return(self) -> None:
        """Ask Redis again, if it is time and nobody does; a bug there is raised here."""
        if self._returning is not None and self._returning.done():
            self._returning.result()
            self._returning = None
        if self._returning is None and self._clock.now() >= self._ask_again_at:
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Tell Redis what was decided without it; then it is asked as before."""
        try:
            while self._owed:
                owed = [self._owed[at] for at in range(min(TOLD_AT_ONCE, len(self._owed)))]
                await self._shared.remember([item for item, _ in owed], [at for _, at in owed])
                self._settle(owed)
        except Transient as error:
            self._failed(error)
        else:
            self._worked()

    async def _alone(self, items: Sequence[Told]) -> list[Place]:
        places = await self._own.place(items)
        self._owed.extend(zip(items, places, strict=True))
        return places

    def _settle(self, told: Sequence[tuple[Told, Place]]) -> None:
        """Strike off what Redis knows now; the oldest may have been dropped meanwhile, for lack of room."""
        for entry in told:
            if self._owed and self._owed[0] is entry:
                self._owed.popleft()

    def _failed(self, error: Transient) -> None:
        self._metrics.failures.labels(PART).inc()
        self._ask_again_at = self._clock.now() + RETRY_SECONDS
        self._health.limping(PART, f"stories are not shared between consumers ({error})")
        if not self._away:
            self._away = True
            self._metrics.stories_shared.set(0)
            log.warning("going by its own memory", part=PART, error=str(error))

    def _worked(self) -> None:
        self._away = False
        self._metrics.stories_shared.set(1)
        self._health.working(PART)
        log.info("works", part=PART)
