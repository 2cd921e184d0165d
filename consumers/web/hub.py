"""
The hub of the stream of alerts: one reader of the records for all clients.

Rules: the newest ``RING`` transitions are kept in memory, encoded once; a client holds nothing but the
number that it has come to, so that a slow one costs what the network buffers, and no more. Who is further
behind than the ring is read to from the records, one such client at a time. Numbers only grow, and nothing
appears below one that was told (see ``consumers/records/tail.py``).
"""

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import structlog

from consumers.adapters.http import Health
from consumers.records.tail import Happened, Tail
from consumers.web.core.transitions import told
from consumers.web.metrics import Metrics
from groundswell.errors import CannotContinue, Transient

RING: Final = 4096
PAGE: Final = 256
_READ: Final = 500

log = structlog.get_logger()


class Event(NamedTuple):
    """A transition as it goes out: its number, its alert's series, and its bytes."""

    number: int
    series: str
    frame: bytes


class Hub:
    """Reads the history on, and lets clients follow it."""

    def __init__(
        self, tail: Tail, health: Health, metrics: Metrics, poll_seconds: float, ring: int = RING
    ) -> None:
        self._tail = tail
        self._health = health
        self._metrics = metrics
        self._poll = poll_seconds
        self._ring: deque[Event] = deque(maxlen=ring)
        self._floor = 0
        """All events after this number, up to ``newest``, are in the ring."""
        self.newest = 0
        self._more = asyncio.Condition()
        self._past = asyncio.Lock()
        self.stopped = False

    async def start(self) -> None:
        """Begin at the end of the history. Raises ``Transient`` or ``CannotContinue``."""
        self.newest = self._floor = await self._tail.newest()

    async def run(self, stop: asyncio.Event) -> None:
        """Read on until ``stop``; whatever is away is waited for. Raises ``CannotContinue``."""
        try:
            while not stop.is_set():
                try:
                    again = await self.turn()
                    self._health.working("records")
                except Transient as error:
                    self._health.waiting("records", str(error))
                    again = False
                if not again:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._poll):
                            await stop.wait()
        finally:
            await self.stop()

    async def turn(self) -> bool:
        """Read once; say whether there is more already."""
        stretch = await self._tail.after(self.newest, _READ)
        if stretch.through == self.newest:
            return False
        for happened in stretch.lines:
            if len(self._ring) == self._ring.maxlen:
                self._floor = self._ring[0].number
            self._ring.append(_event(happened))
            self._metrics.events.inc()
        self.newest = stretch.through
        self._metrics.newest.set(self.newest)
        async with self._more:
            self._more.notify_all()
        return stretch.more

    async def stop(self) -> None:
        """Let every client end."""
        self.stopped = True
        async with self._more:
            self._more.notify_all()

    async def ahead(self) -> int:
        """Return the newest number on record, which this process may not have read yet."""
        return await self._tail.newest()

    async def after(self, number: int, seconds: float) -> tuple[tuple[Event, ...], int]:
        """
        Return events after ``number``, at most ``PAGE``, and how far all is told with them.

        Waits up to ``seconds`` for one. Raises ``Transient`` or ``CannotContinue`` where the past is to be
        read and cannot be.
        """
        if number >= self.newest and not self.stopped:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds), self._more:
                    await self._more.wait_for(lambda: self.newest > number or self.stopped)
        if number >= self.newest:
            return (), number
        if number < self._floor:
            return await self._read_past(number)
        begins = bisect_right(self._ring, number, key=lambda event: event.number)
        page = tuple(self._ring[n] for n in range(begins, min(begins + PAGE, len(self._ring))))
        whole = begins + len(page) == len(self._ring)
        return page, self.newest if whole else page[-1].number

    async def _read_past(self, number: int) -> tuple[tuple[Event, ...], int]:
        async with self._past:
            stretch = await self._tail.after(number, PAGE)
        return tuple(map(_event, stretch.lines)), stretch.through

    async def follow(self, number: int, beat_seconds: float) -> AsyncIterator[tuple[Event, ...]]:
        """Yield what happens after ``number``; an empty page every ``beat_seconds`` without."""
        while not self.stopped:
            try:
                page, number = await self.after(number, beat_seconds)
            except (Transient, CannotContinue) as error:
                log.warning("the past of a stream cannot be read", error=str(error))
                return
            yield page


def _event(happened: Happened) -> Event:
    line = happened.transition
    return Event(line.number, line.series, told(line, happened.alert))
