"""The ways in which the tasks of the loop wait for one another."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Signal:
    """Something changed; any number of tasks wait for it. Look first, then wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake every task that waits, or the next one that will."""
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        """Wait for the next change, at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()


async def unless(stopped: asyncio.Future[Any], call: Coroutine[Any, Any, T]) -> T | None:
    """Await ``call``; give it up and return None as soon as ``stopped`` is done."""
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        task.cancel()


def first_cause(failures: BaseExceptionGroup) -> BaseException:
    """Return the first cause in a group of groups."""
    cause = failures.exceptions[0]
    return first_cause(cause) if isinstance(cause, BaseExceptionGroup) else cause
