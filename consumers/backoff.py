"""How long to wait between two tries of a call to something that is away: the same in every program."""

from typing import Final

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries: from the first, doubled, up to the longest."""


def pause_after(attempt: int) -> float:
    """Return how long to wait after failure number ``attempt`` (from 0), in seconds."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 16)))
