"""
Entities that nobody follows yet: which have had enough stories to be followed.

Of each the newest ``NEEDED`` - 1 story minutes are kept. Laws: an entity is named when ``NEEDED`` stories
lie within ``WINDOW`` minutes; no more than ``STRANGERS`` are remembered, and whoever would be forgotten
first, by ``life``, is: each story that is kept lengthens it, so that a flood of names that occur once
pushes out none that keeps coming back. The script ``strangers.lua`` decides the same.
"""

from typing import Final

NEEDED: Final = 5
"""Stories that make an entity followed, if they lie within ``WINDOW``."""
WINDOW: Final = 1440
"""Minutes."""
STRANGERS: Final = 20_000
"""Entities that are remembered at most, over all shards."""
STEP: Final = 288
"""Minutes by which each further story lengthens the life of a name."""


def noted(minutes: tuple[int, ...], minute: int) -> tuple[int, ...]:
    """Return the story minutes with another one; the newest ``NEEDED``, ascending."""
    return tuple(sorted((*minutes, minute))[-NEEDED:])


def enough(minutes: tuple[int, ...]) -> bool:
    """Say whether an entity with these story minutes is to be followed."""
    return len(minutes) >= NEEDED and minutes[-1] - minutes[0] < WINDOW


def life(minutes: tuple[int, ...]) -> int:
    """Return until when a name is remembered, compared with the others."""
    return minutes[-1] + STEP * (len(minutes) - 1)
