"""
A lane: what happens to one owned partition, and the one writer of its verdicts.

Rules: at most one unacknowledged write; the same values are written again until they stand in the log,
before anything else of the partition; a refused item is copied to the dead-letter topic before its
offset may be committed; marks go through the same queue, so they stand below what they speak of.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Final, NamedTuple

from consumers.news.core.marks import ClockKind, Drained, mark_time
from consumers.news.core.ring import Ring
from consumers.news.patience import Patience
from consumers.news.pipeline import Verdict, gap
from consumers.ports import LogWriter, Record
from groundswell.errors import Rejected
from groundswell.events import Mark, Origin, encode_log, instant

MAX_VALUES: Final = 500
MAX_BYTES: Final = 500_000
"""Most values and bytes of one write: a broker takes 1 MB by default, and one value may exceed this."""


class Done(NamedTuple):
    """A verdict, with the record that it is about (None: a gap has none)."""

    verdict: Verdict
    record: Record | None


class _Entry(NamedTuple):
    value: bytes
    offset: int | None
    done: Done | None


class Destination(NamedTuple):
    """Where verdicts and refused items go, and the name of the topic that they came from."""

    writer: LogWriter
    source: str
    opinions: str
    dead: str


class Lane:
    """One partition from its assignment to its end; ``position`` is the first unsettled offset."""

    def __init__(self, partition: int, position: int, topic_id: str, to: Destination) -> None:
        self.partition = partition
        self.topic_id = topic_id
        self.ring: Ring[Done] = Ring(position)
        self.committed: int | None = None
        """What the group has as our position, as far as we know."""
        self.drained: Drained | None = None
        self.closing = False
        """Whether nothing new is read or marked: it is being drained."""
        self.closed = False
        """Whether it is forgotten: whatever still comes back for it is thrown away."""
        self.superseded = False
        """Whether the reader has its partition anew: a commit would name the new topic's identity."""
        self.held = False
        """Whether reading is paused since too much of this partition is not acknowledged."""
        self.unsettled = 0
        self.marked: int | None = None
        """The time of the newest mark that was queued, in ms."""
        self.task: asyncio.Task[None] | None = None
        self._to = to
        self._queue: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._newest = 0
        self._mark_said: tuple[int, int] | None = None

    def origin(self, offset: int, after: int) -> Origin:
        """Return the origin of an offset of this partition."""
        return Origin(
            topic=self._to.source,
            topic_id=self.topic_id,
            partition=self.partition,
            offset=offset,
            after=after,
        )

    def open(self, offset: int, arrived: int) -> Origin:
        """Announce the next offset that was read."""
        self.unsettled += 1
        return self.origin(offset, self.ring.open(offset, arrived))

    def finish(self, offset: int, done: Done) -> None:
        """Hand a verdict in; it is queued when its turn comes (``release``)."""
        self.ring.finish(offset, done)

    def release(self) -> None:
        """Queue the verdicts whose turn has come."""
        for offset, arrived, done in self.ring.release():
            self._queue.append(_Entry(done.verdict.value, offset, done))
            self._newest = max(self._newest, arrived)
        if self._queue:
            self._wake.set()

    def note_gap(self, offset: int, found: int) -> int:
        """Settle the lost offsets up to ``offset``; return how many there are."""
        origin = self.open(offset, 0)
        self.finish(offset, Done(gap(origin, found), None))
        self.release()
        return origin.offset - origin.after

    def mark(self, clock: ClockKind) -> None:
        """Queue a mark, unless it would say nothing new."""
        ring = self.ring
        at = mark_time(
            clock, self._newest or None, self.drained, ring.released, ring.waiting(), self.marked
        )
        if at is None or self.closing or self._mark_said == (at, ring.released):
            return
        self.marked, self._mark_said = at, (at, ring.released)
        if self._queue and self._queue[-1].offset is None:
            self._queue.pop()  # it waits still, and says less: no pile while the log is away
        mark = Mark(at=instant(at), origin=self.origin(ring.released, ring.released))
        self._queue.append(_Entry(encode_log(mark), None, None))
        self._wake.set()

    async def next_write(self) -> list[_Entry]:
        """Wait for something to write; return at most one write's worth, in order."""
        while not self._queue:
            self._wake.clear()
            await self._wake.wait()
        taken: list[_Entry] = []
        size = 0
        while self._queue and len(taken) < MAX_VALUES:
            size += len(self._queue[0].value)
            if taken and size > MAX_BYTES:
                break
            taken.append(self._queue.popleft())
        return taken

    async def write(self, entries: list[_Entry], patience: Patience) -> list[Done]:
        """Write the entries until they stand in the log; return the verdicts among them."""
        writer, to = self._to.writer, self._to
        values = [entry.value for entry in entries]
        await patience.until_done(
            "kafka: opinions", partial(writer.write, to.opinions, self.partition, values)
        )
        done = [entry.done for entry in entries if entry.done is not None]
        for verdict, record in done:
            if verdict.refused is not None and record is not None:
                headers = _headers(verdict.refused, record, to.source)
                await patience.until_done(
                    "kafka: dead letters", partial(writer.copy, to.dead, record.value, headers)
                )
        offsets = [entry.offset for entry in entries if entry.offset is not None]
        if offsets:
            self.ring.acknowledge(offsets[-1])
            self.unsettled -= len(offsets)
        return done


def _headers(refused: Rejected, record: Record, topic: str) -> list[tuple[str, bytes]]:
    """Say in headers what was refused, and why; the item's own headers follow."""
    told = {
        "reason": refused.reason,
        "detail": refused.detail,
        "topic": topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp),
    }
    return [
        *((key, text.encode("utf-8", "replace")) for key, text in told.items()),
        *record.headers,
    ]
