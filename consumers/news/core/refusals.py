"""
The limit of refusals: past it something is wrong with the producer, or with us.

Rule: a share of the items read most recently; a short stream does not trip on its first bad item.
"""

from collections import deque
from typing import Final

FEWEST: Final = 50
"""No verdict before this many items (or the whole window, where that is shorter) were seen."""


class RefusalLimit:
    """The last ``window`` items, and whether each was refused."""

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._recent: deque[bool] = deque(maxlen=window)
        self._refused = 0
        self._fewest = min(window, FEWEST)

    def note(self, *, refused: bool) -> None:
        """Count one more item whose verdict is known."""
        if len(self._recent) == self._recent.maxlen:
            self._refused -= self._recent[0]
        self._recent.append(refused)
        self._refused += refused

    def exceeded(self) -> str | None:
        """Return in a sentence why to stop, or None."""
        seen = len(self._recent)
        if seen < self._fewest or self._refused <= self._share * seen:
            return None
        return (
            f"{self._refused} of the last {seen} items were refused, more than refusal_share = "
            f"{self._share:g}: look at the reasons in the dead-letter topic, mend the producer (or raise "
            "the limit), then start again; what was not read yet is untouched"
        )
