"""Letting go of voices: once the last batch of one is done it is closed, and its memory goes back."""

import asyncio
import ctypes
from typing import Final

from consumers.news.voices import Voice

DRAIN_SECONDS: Final = 0.01


class Leaving:
    """The voices that are on their way out."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def let_go(self, voice: Voice) -> None:
        """Close a voice as soon as nobody uses it."""
        task = asyncio.create_task(_drain(voice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Wait for none of them any more."""
        for task in self._tasks:
            task.cancel()


async def _drain(voice: Voice) -> None:
    while voice.users:  # noqa: ASYNC110 - counted in other threads
        await asyncio.sleep(DRAIN_SECONDS)
    await asyncio.to_thread(_close, voice)


def _close(voice: Voice) -> None:
    voice.close()
    give_back_memory()


def give_back_memory() -> None:
    """Return to the system what a session that is gone has left: glibc keeps it otherwise."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another libc keeps nothing back, or is not asked
        return
    trim(0)
