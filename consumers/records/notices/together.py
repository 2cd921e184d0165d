"""
Many small writes as one transaction.

Rules: what is asked for while a transaction runs is done by the next, together; so a busy process pays for
one commit, not for each. Where a batch fails for what one of it is, each is done by itself: nobody pays
for another's fault. What is away is away for all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from groundswell.errors import Transient

A = TypeVar("A")
B = TypeVar("B")

MOST: Final = 100
"""Most in one transaction: others wait for it."""


class Together(Generic[A, B]):
    """Calls ``do`` with what has gathered; it returns an answer for each, in their order."""

    def __init__(self, do: Callable[[Sequence[A]], Awaitable[Sequence[B]]]) -> None:
        self._do = do
        self._gathered: list[tuple[A, asyncio.Future[B]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, one: A) -> B:
        """Do one; returns when it is done. Raises what ``do`` raises."""
        answer: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._gathered.append((one, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._gathered:
            some, self._gathered = self._gathered[:MOST], self._gathered[MOST:]
            if not await self._done(some, alone=len(some) == 1):
                for one in some:
                    await self._done([one], alone=True)

    async def _done(self, some: Sequence[tuple[A, asyncio.Future[B]]], *, alone: bool) -> bool:
        """Say whether everybody has an answer."""
        try:
            answers = await self._do([one for one, _ in some])
        except Exception as error:  # noqa: BLE001 - who asked is told
            if not alone and not isinstance(error, Transient):
                return False
            for _, answer in some:
                if not answer.done():
                    answer.set_exception(error)
            return True
        for (_, answer), said in zip(some, answers, strict=True):
            if not answer.done():
                answer.set_result(said)
        return True
