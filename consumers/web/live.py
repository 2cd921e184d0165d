"""
Live counts: the newest picture of what counts now, for whoever looks.

Rules: lossy. A picture replaces the one before it, a client is given the newest when it can take one, and
nothing is read from the store while nobody looks. The minutes are those that are still being counted: they
may yet grow.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import msgspec

from consumers.adapters.http import Health
from consumers.ports import Clock
from consumers.web.core import frames
from consumers.web.core.series import CellForm, forms
from consumers.web.ports import Counts
from groundswell.errors import CannotContinue, Transient

MINUTES: Final = 5
SERIES: Final = 200
EVERY_SECONDS: Final = 1.0
_MINUTE_MS: Final = 60_000


class Picture(msgspec.Struct, frozen=True):
    """What counted in the last minutes, by series; of more than ``SERIES`` the first by name."""

    minutes: int
    left_out: int
    series: dict[str, tuple[CellForm, ...]]


class Live:
    """Takes pictures of the counts while somebody looks."""

    def __init__(self, counts: Counts, clock: Clock, health: Health) -> None:
        self._counts = counts
        self._clock = clock
        self._health = health
        self._lookers = 0
        self._fresh = asyncio.Condition()
        self.number = 0
        self._frame = b""
        self.stopped = False

    async def run(self, stop: asyncio.Event) -> None:
        """Take pictures until ``stop``."""
        while not stop.is_set():
            if self._lookers:
                try:
                    await self.turn()
                    self._health.working("redis")
                except (Transient, CannotContinue) as error:
                    self._health.limping("redis", str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()
        self.stopped = True
        async with self._fresh:
            self._fresh.notify_all()

    async def turn(self) -> None:
        """Take a picture; it is told if it differs from the last."""
        now = self._clock.wall() // _MINUTE_MS
        touched = sorted(await self._counts.touched(now - MINUTES + 1))
        chosen = touched[:SERIES]
        cells = await self._counts.cells(chosen, "minute", now - MINUTES + 1, now)
        picture = Picture(
            MINUTES, len(touched) - len(chosen), {name: forms("minute", cells.get(name, {})) for name in chosen}
        )  # fmt: skip
        frame = frames.event("counts", msgspec.json.encode(picture))
        if frame == self._frame:
            return
        self._frame, self.number = frame, self.number + 1
        async with self._fresh:
            self._fresh.notify_all()

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Count somebody in who looks."""
        self._lookers += 1
        try:
            yield
        finally:
            self._lookers -= 1

    async def after(self, number: int, seconds: float) -> tuple[bytes | None, int]:
        """Return the newest picture if it is another than ``number``; waits up to ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._fresh:
                await self._fresh.wait_for(lambda: self.number != number or self.stopped)
        if self.number == number:
            return None, number
        return self._frame, self.number
