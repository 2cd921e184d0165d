"""
Cutting batches from a window that is sorted by length, so that little is padded.

Rules: the cost of a batch is its longest item times its count, in padded tokens; a batch always holds
the oldest item, so nothing starves and the completion rings release early; time is an argument.
"""

from bisect import bisect_left, insort
from itertools import accumulate
from typing import Final, Generic, TypeVar

T = TypeVar("T")

OVERHEAD: Final = 32
"""What a call of the model costs beside its tokens, in tokens: small batches are not free."""


class Batcher(Generic[T]):
    """
    The window.

    A batch has at most ``max_items`` items and costs at most ``max_tokens``, unless it is one item
    that is longer alone. It is due when the window holds enough for one, or when the oldest item has
    waited ``wait`` seconds. ``capacity`` bounds the window.
    """

    def __init__(self, max_tokens: int, max_items: int, wait: float, capacity: int) -> None:
        self._max_tokens = max_tokens
        self._max_items = max_items
        self._wait = wait
        self._capacity = capacity
        self._sorted: list[tuple[int, int]] = []
        self._items: dict[int, tuple[T, float, int]] = {}
        self._next = 0
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._items)

    def room(self) -> int:
        """Return how many items more the window is meant to hold; never negative."""
        return max(0, self._capacity - len(self._items))

    def add(self, item: T, tokens: int, now: float) -> None:
        """Put an item of ``tokens`` >= 1 tokens into the window."""
        insort(self._sorted, (tokens, self._next))
        self._items[self._next] = (item, now, tokens)
        self._next += 1
        self._tokens += tokens

    def wake_at(self) -> float | None:
        """Return when ``take`` has something at the latest if nothing is added; None when empty."""
        for _, added, _ in self._items.values():
            return added if self._full() else added + self._wait
        return None

    def due(self, now: float) -> bool:
        """Say whether ``take`` would answer with a batch."""
        at = self.wake_at()
        return at is not None and (self._full() or now >= at)

    def take(self, now: float, *, flush: bool = False) -> list[T]:
        """Cut the batch that is due, shortest first; [] when none is. ``flush`` does not wait."""
        if not self._items or not (flush or self.due(now)):
            return []
        low, high = self._cut()
        taken = self._sorted[low:high]
        del self._sorted[low:high]
        self._tokens -= sum(tokens for tokens, _ in taken)
        return [self._items.pop(number)[0] for _, number in taken]

    def _full(self) -> bool:
        return len(self._items) >= self._max_items or self._tokens >= self._max_tokens

    def _cut(self) -> tuple[int, int]:
        """
        Return the slice of the sorted window to take.

        Of all the slices that hold the oldest item, the one with the most real tokens for its cost.
        """
        number = next(iter(self._items))
        oldest = bisect_left(self._sorted, (self._items[number][2], number))
        first = max(0, oldest + 1 - self._max_items)
        near = self._sorted[first : oldest + self._max_items]
        upto = list(accumulate((tokens for tokens, _ in near), initial=0))
        best, best_score = (oldest, oldest + 1), 0.0
        for high in range(oldest + 1, first + len(near) + 1):
            longest = near[high - 1 - first][0]
            low = max(first, high - min(self._max_items, self._max_tokens // longest))
            if low > oldest:
                break
            real = upto[high - first] - upto[low - first]
            score = real / (longest * (high - low) + OVERHEAD)
            if score > best_score:
                best, best_score = (low, high), score
        return best
