"""
How to tell that another process has our static id.

Two processes with one id take the membership from each other for ever, without an error that says so.
Rule: a loss now and then is normal (a loop that stood still, a broker that restarted); many in a row are
a twin.
"""

from collections import deque
from typing import Final

from groundswell.settings import Settings

_LOSSES: Final = 6
"""So many losses within the window mean a twin; the client reports a loss up to twice."""
_WINDOW_HEARTBEATS: Final = 30


class StaticMembership:
    """Counts how often the broker has forgotten or fenced us; does nothing for dynamic members."""

    def __init__(self, settings: Settings) -> None:
        self._id = settings.kafka_instance_id
        self._window = _WINDOW_HEARTBEATS * settings.kafka_session_timeout_ms / 3000
        self._losses: deque[float] = deque(maxlen=_LOSSES)

    def lost(self, now: float) -> str | None:
        """Count a loss at ``now`` (seconds); return what to tell the operator, None if it is normal."""
        if not self._id:
            return None
        self._losses.append(now)
        if len(self._losses) < _LOSSES or now - self._losses[0] >= self._window:
            return None
        return (
            f"kafka_instance_id {self._id}: the membership was taken away {_LOSSES} times within "
            f"{self._window:.0f} s; another process uses the same id: give each its own, or none"
        )
