"""
The ports that two or more programs share: reading and writing Kafka, and the clock.

Rules: a port is a handful of methods whose docstrings are the contract; adapters and their in-memory
twins pass the same suite in ``tests/contract``. Nothing here does I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record as it was read; ``timestamp`` is Kafka's, in ms since 1970."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Bounds(NamedTuple):
    """
    What the broker knows of a partition at its assignment.

    ``committed`` is the group's position (None: none yet) and ``committed_topic_id`` the identity that
    the topic had when it was committed ("" when unknown); ``beginning`` is the first offset that still
    exists and ``end`` the next one to be written. ``topic_id`` is "" where the broker has none.
    """

    committed: int | None
    committed_topic_id: str
    beginning: int
    end: int
    topic_id: str


class Fetched(NamedTuple):
    """
    The answer to one poll.

    ``records`` by partition, in offset order. ``drained`` holds the partitions whose end had been
    reached, each with the time (ms, wall clock) of the newest fetch that found nothing more.
    """

    records: Mapping[int, Sequence[Record]]
    drained: Mapping[int, int]


class Owner(Protocol):
    """Who is told about partitions coming and going. Neither method may raise."""

    async def assigned(self, bounds: Mapping[int, Bounds]) -> Mapping[int, int]:
        """
        Take over partitions; answer with the position to read each from.

        Called with none when the group has nothing for us: we have joined all the same.
        Called again for a single partition whose position the broker no longer has
        (``committed`` is then that position). A partition left out of the answer stays paused.
        """
        ...

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Finish with partitions: when this returns, another process may own them."""
        ...


class LogReader(Protocol):
    """
    One topic, read as a member of a group.

    Every method may raise ``Transient`` (broker away: wait, call again) or ``CannotContinue``
    (two processes with one static id take the partitions from each other).
    """

    async def start(self, owner: Owner) -> None:
        """Join the group. Raises ``TopicError`` if the topic does not exist."""
        ...

    async def poll(self, max_records: int, timeout: float) -> Fetched:
        """
        Wait up to ``timeout`` seconds for records; paused partitions yield none.

        A record is returned once per seek, in order; none from before a seek is returned after it.
        """
        ...

    def pause(self, partitions: Iterable[int]) -> None:
        """Stop returning records of ``partitions`` until ``resume``; unowned ones are ignored."""
        ...

    def resume(self, partitions: Iterable[int]) -> None:
        """Undo ``pause``."""
        ...

    def seek(self, partition: int, position: int) -> None:
        """Go on from ``position``; what was fetched from elsewhere is thrown away."""
        ...

    async def commit(self, positions: Mapping[int, int]) -> None:
        """
        Store the group's positions, with the topic's identity as metadata.

        Positions of partitions that are no longer owned are dropped silently: the fence makes that
        safe.
        """
        ...

    def lag(self) -> Mapping[int, int]:
        """Count the records between position and end, per owned partition; deleted ones do not count."""
        ...

    async def stop(self) -> None:
        """Leave the group (after ``Owner.revoked``) and close. Idempotent."""
        ...


class LogWriter(Protocol):
    """Writes batches to Kafka with acks=all."""

    async def start(self) -> None:
        """Connect. Raises ``Transient``."""
        ...

    async def write(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        """
        Write ``values`` to one partition in this order and wait until they are acknowledged.

        ``Transient`` means unknown: none, some first ones, or all may stand in the log, and may yet
        appear. The caller repeats the same values before anything else in that partition; calls for
        one partition never overlap.
        """
        ...

    async def copy(
        self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """
        Write one record to any partition of ``topic`` (the refused items), acknowledged.

        A value too large for the topic is cut, then headers are left out from the end; the headers
        ``cut`` and ``length`` say so.
        """
        ...

    async def stop(self) -> None:
        """Close; waits for nothing. Idempotent."""
        ...


class Publisher(Protocol):
    """Publishes many independent records (items of a replay or of a sample), pipelined."""

    async def partitions(self, topic: str) -> int:
        """Return the topic's number of partitions. Raises ``TopicError`` if it does not exist."""
        ...

    async def send(
        self,
        topic: str,
        partition: int,
        value: bytes,
        timestamp: int,
        headers: Sequence[tuple[str, bytes]],
    ) -> None:
        """
        Hand over one record with its Kafka timestamp (ms); waits only while too many are in flight.

        Records of one partition keep their order unless a write fails and is sent again.
        """
        ...

    async def flush(self) -> None:
        """Wait until everything handed over is acknowledged, sending again what failed."""
        ...


class Clock(Protocol):
    """The one way to learn the time."""

    def now(self) -> float:
        """Seconds on a clock that never goes back, for waiting and measuring."""
        ...

    def wall(self) -> int:
        """Milliseconds since 1970."""
        ...


class Waiting(Protocol):
    """Told what the program waits for, so that health can say it."""

    def waiting(self, part: str, why: str) -> None:
        """Say that ``part`` is away."""
        ...

    def working(self, part: str) -> None:
        """Say that ``part`` answers (again)."""
        ...
