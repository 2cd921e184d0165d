"""
Partitions coming and going: where to start, what was lost before, and how to let go.

Rules: neither event raises into the reader, which would swallow it: what is fatal fails the loop's
group; letting go is bounded by one budget of wall-clock time, and what is unfinished then is abandoned:
it was not committed, and the fence makes the repeat harmless.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import structlog

from consumers.news.core.start import Start, decide_start
from consumers.news.lane import Destination, Lane
from consumers.news.patience import Patience
from consumers.news.waits import Signal
from consumers.ports import Bounds, Clock, LogReader
from groundswell.errors import Bug, CannotContinue, GroundswellError, Transient
from groundswell.settings import Settings

LAST_COMMIT_SECONDS: Final = 1.0

log = structlog.get_logger()


class Ownership:
    """The lanes of this process, by partition; an ``Owner`` for the reader."""

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        to: Destination,
        clock: Clock,
        patience: Patience,
        changed: Signal,
        write: Callable[[Lane], Awaitable[None]],
    ) -> None:  # fmt: skip
        self.lanes: dict[int, Lane] = {}
        self.draining = False
        """Whether lanes are being emptied: batches need not wait to become fuller."""
        self._most = 3 * settings.window_items
        self._budget = settings.drain_seconds
        self._reader = reader
        self._to = to
        self._clock = clock
        self._patience = patience
        self._metrics = patience.metrics
        self._changed = changed
        self._write = write
        self._dying = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def assigned(self, bounds: Mapping[int, Bounds]) -> Mapping[int, int]:
        """See ``Owner``: decide for each partition, tell gaps, open the lanes."""
        self._patience.worked("kafka: group")
        positions: dict[int, int] = {}
        for partition, known in bounds.items():
            start = decide_start(known)
            if start.position is None:
                self.fail(
                    CannotContinue(
                        f"topic {self._to.source!r}, partition {partition}: the group committed "
                        f"{known.committed}, but the log ends at {known.end}: the broker lost records "
                        "(an unclean election?), or the topic was made again. An offset that is given "
                        "out twice counts once: delete the topic and create it anew before more is "
                        "written to it"
                    )
                )
                continue
            await self._open(partition, known, start)
            positions[partition] = start.position
        self._metrics.partitions.set(len(self.lanes))
        return positions

    async def revoked(self, partitions: frozenset[int]) -> None:
        """See ``Owner``: drain, commit, forget."""
        lanes = [self.lanes[p] for p in partitions if p in self.lanes]
        self._reader.pause([lane.partition for lane in lanes])
        await self._let_go(lanes)
        self._metrics.partitions.set(len(self.lanes))

    async def commit(self, lanes: Collection[Lane]) -> bool:
        """Commit what stands in the log, if that is news; raises ``Transient``."""
        positions = {
            lane.partition: lane.ring.safe
            for lane in lanes
            if lane.ring.safe != lane.committed and not lane.superseded
        }
        if positions:
            await self._reader.commit(positions)
            for lane in lanes:
                lane.committed = positions.get(lane.partition, lane.committed)
        return bool(positions)

    def hold(self, *, everything: bool) -> None:
        """Pause the lanes with too much unacknowledged, or all of them; resume the others."""
        for lane in self.lanes.values():
            wanted = everything or lane.unsettled >= self._most
            if wanted != lane.held and not lane.closing:
                lane.held = wanted
                (self._reader.pause if wanted else self._reader.resume)([lane.partition])

    def fail(self, error: GroundswellError) -> None:
        """End the loop with ``error``; the first one counts."""
        if not self._failure.done():
            self._failure.set_exception(error)

    async def fail_when_told(self) -> None:
        """Raise what ``fail`` was told; a task of the loop's group."""
        await asyncio.shield(self._failure)

    async def abandon(self) -> None:
        """Give everything up at once, but for what stands in the log: the loop is at its end."""
        self._dying = True
        await self._let_go(list(self.lanes.values()))
        if not self._failure.cancel() and not self._failure.cancelled():
            self._failure.exception()  # told already, or too late to matter

    async def _open(self, partition: int, known: Bounds, start: Start) -> None:
        lane = self.lanes.get(partition)
        follows = lane is not None and known.committed is not None and (
            not lane.closing and lane.topic_id == known.topic_id
        ) and known.committed > lane.ring.opened  # fmt: skip
        if lane is not None and not follows:
            lane.superseded = True
            await self._let_go([lane])
            lane = None
        if lane is None:
            position = start.gap.after + 1 if start.gap else start.position or 0
            lane = Lane(partition, position, known.topic_id, self._to)
            lane.committed = known.committed if start.reason == "resumed" else None
            lane.task = asyncio.ensure_future(self._write_on(lane))
            self.lanes[partition] = lane
            self._reader.resume([partition])
        self._tell(partition, known, start)
        if start.gap is not None:
            lost = lane.note_gap(start.gap.offset, self._clock.wall())
            if start.reason != "new":  # what went before a group began it has not lost
                self._metrics.lost.inc(lost)

    def _tell(self, partition: int, known: Bounds, start: Start) -> None:
        """Say in the log how a partition begins; what was lost is an error."""
        told = {"partition": partition, "position": start.position, "reason": start.reason}
        if start.reason == "recreated":
            log.error(
                "the topic was deleted and made again; reading the new one from its beginning",
                topic_id=known.topic_id,
                committed_topic_id=known.committed_topic_id,
                **told,
            )
        if start.gap is not None and start.reason != "new":
            log.error("items were deleted before they were read", lost=start.gap.items, **told)
        log.info("assigned", **told)

    async def _let_go(self, lanes: Collection[Lane]) -> None:
        for lane in lanes:
            lane.closing = True
        deadline = self._clock.now() + self._budget
        self.draining = True
        self._changed.set()
        while not self._dying and not all(lane.ring.settled for lane in lanes):
            rest = deadline - self._clock.now()
            if rest <= 0:
                left = sum(lane.unsettled for lane in lanes)
                log.warning("abandoned after the drain budget; to be read again", items=left)
                break
            await self._changed.wait(min(rest, 0.05))
        self.draining = False
        try:
            async with asyncio.timeout(LAST_COMMIT_SECONDS):
                await self.commit(lanes)
        except (Transient, TimeoutError) as error:
            log.warning("not committed; to be read again", error=str(error))
        except GroundswellError as error:
            self.fail(error)
        for lane in lanes:
            self._forget(lane)

    def _forget(self, lane: Lane) -> None:
        lane.closing = lane.closed = True
        if lane.task is not None:
            lane.task.cancel()
        if self.lanes.get(lane.partition) is lane:
            del self.lanes[lane.partition]

    async def _write_on(self, lane: Lane) -> None:
        """Write for a lane until it is forgotten; what goes wrong there ends the loop."""
        try:
            await self._write(lane)
        except GroundswellError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop must not outlive it
            bug = Bug(f"the writer of partition {lane.partition} failed: {error!r}")
            bug.__cause__ = error
            self.fail(bug)
