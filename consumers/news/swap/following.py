"""
Everything of swapping that runs beside the loop: the swapper, the shadow run, and who listens for moves.

Without a registry nothing of it exists, and the bundle of the settings serves to the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import structlog

from consumers.backoff import pause_after
from consumers.news.metrics import Metrics
from consumers.news.swap.bundles import Bundles
from consumers.news.swap.first import First
from consumers.news.swap.ports import Moves
from consumers.news.swap.shadow import Shadow
from consumers.news.swap.swapper import Around, Swapper
from consumers.news.voices import Voices
from consumers.news.waits import first_cause
from consumers.shadows import ShadowNotes
from groundswell.errors import GroundswellError
from groundswell.settings import Settings

log = structlog.get_logger()


class Followed(NamedTuple):
    """What following the registry takes; ``moves`` None: only polls."""

    bundles: Bundles
    notes: ShadowNotes
    moves: Moves | None


def beside_loop(
    settings: Settings, spoken: First, voices: Voices, followed: Followed, around: Around
) -> tuple[Swapper, AbstractAsyncContextManager[None]]:
    """Return who hears the loop, and a block within which the registry is followed."""
    metrics, _, clock = around
    shadow = Shadow(settings.shadow_share, settings.shadow_items, metrics, followed.notes, clock)
    swapper = Swapper(settings, spoken, voices, followed.bundles, shadow, around)
    return swapper, _following(swapper, shadow, followed, metrics)


async def close(followed: Followed) -> None:
    """Let go of connections."""
    if followed.moves is not None:
        await followed.moves.stop()
    await followed.notes.close()


@asynccontextmanager
async def _following(
    swapper: Swapper, shadow: Shadow, followed: Followed, metrics: Metrics
) -> AsyncIterator[None]:
    """Follow the registry until the block ends; a bug there ends the block."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(swapper.run()), group.create_task(shadow.run())]
            if followed.moves is not None:
                tasks.append(group.create_task(_listen(followed.moves, swapper, metrics)))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failures:
        raise first_cause(failures) from failures


async def _listen(moves: Moves, swapper: Swapper, metrics: Metrics) -> None:
    """Wake the swapper when a move is told; while nobody tells, it polls all the same."""
    attempt = 0
    while True:
        try:
            await moves.heard()
        except GroundswellError as error:
            metrics.failures.labels("kafka: models").inc()
            if not attempt:
                log.info("moves are found by polling", why=str(error))
            await asyncio.sleep(pause_after(attempt))
            attempt += 1
        else:
            attempt = 0
            swapper.wake()
