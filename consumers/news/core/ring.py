"""
The completion ring of one partition: opened in the order of the source, finished in any order.

Rules: values leave in the order of their offsets, each exactly once; a position is safe to commit only
when everything before it has been acknowledged by the log.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from groundswell.errors import Bug

T = TypeVar("T")


class Released(NamedTuple, Generic[T]):
    """A finished entry whose turn has come; ``arrived`` in ms since 1970."""

    offset: int
    arrived: int
    value: T


class Ring(Generic[T]):
    """
    The ring; ``position`` is the first source offset that has not been settled yet.

    Whatever settles an offset is an entry: items, refusals, ticks and gaps.
    """

    def __init__(self, position: int) -> None:
        self._open: deque[tuple[int, int]] = deque()
        self._done: dict[int, T] = {}
        self._opened = position - 1
        self._released = position - 1
        self._acknowledged = position - 1

    def open(self, offset: int, arrived: int) -> int:
        """
        Announce the next offset of the source; return the one before it (``after``).

        Raises ``Bug`` if the order of the source is broken.
        """
        if offset <= self._opened:
            raise Bug(f"offset {offset} was read after offset {self._opened}")
        after, self._opened = self._opened, offset
        self._open.append((offset, arrived))
        return after

    def finish(self, offset: int, value: T) -> None:
        """Hand in what is to be published for ``offset``; a second time is a ``Bug``."""
        if offset in self._done or not self._open or not self._open[0][0] <= offset <= self._opened:
            raise Bug(f"offset {offset} was finished twice, or never opened")
        self._done[offset] = value

    def release(self) -> list[Released[T]]:
        """Return the longest finished prefix, in order; each entry is returned once."""
        out: list[Released[T]] = []
        while self._open and self._open[0][0] in self._done:
            offset, arrived = self._open.popleft()
            out.append(Released(offset, arrived, self._done.pop(offset)))
            self._released = offset
        return out

    def acknowledge(self, offset: int) -> None:
        """Note that everything released up to ``offset`` stands in the log."""
        if not self._acknowledged <= offset <= self._released:
            raise Bug(f"offset {offset} was acknowledged before it was released")
        self._acknowledged = offset

    @property
    def safe(self) -> int:
        """The position that may be committed: all before it stands in the log."""
        return self._acknowledged + 1

    @property
    def opened(self) -> int:
        """The last offset that was opened; position - 1 at the start."""
        return self._opened

    @property
    def released(self) -> int:
        """The last offset that was released; position - 1 at the start."""
        return self._released

    @property
    def settled(self) -> bool:
        """Whether all that was opened has been acknowledged."""
        return self._acknowledged == self._opened

    def __len__(self) -> int:
        """Count the entries that were opened and not yet released."""
        return len(self._open)

    def waiting(self) -> Iterator[int]:
        """Yield the arrival (ms since 1970) of each entry that was not yet released."""
        return (arrived for _, arrived in self._open)
