"""
What `consume` noted of challengers, as `watch` sees it: by the hash of the new bundle, over all series.

Rules: notes are read again once a minute at most, for a shadow run lasts hours; of two runs of one
bundle the last counts.
"""

from collections.abc import Mapping
from typing import Final

from consumers.counts.core.cells import hash_of
from consumers.ports import Clock
from consumers.shadows import ALL, ShadowNotes
from consumers.watch.core.baseline import Shadow

AGAIN_SECONDS: Final = 60.0


class NotesView:
    """The ``ShadowView`` port over the notes of shadow runs."""

    def __init__(self, notes: ShadowNotes, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock
        self._read_at = float("-inf")
        self._found: Mapping[int, Shadow] = {}

    async def shadows(self) -> Mapping[int, Shadow]:
        now = self._clock.now()
        if now - self._read_at >= AGAIN_SECONDS:
            found: dict[int, Shadow] = {}
            for pair in await self._notes.pairs():
                held = (await self._notes.read(pair)).get(ALL)
                if held is not None:
                    found[hash_of(pair.new)] = Shadow(*held)
            self._found, self._read_at = found, now
        return self._found
