"""
The clock of the sample stream: how far it has come, and how much faster than the wall it runs.

Rules: pure. A stream that runs faster is a replay: its records are the programs' clock, and minutes are
counted and decided as they pass in it. It begins at the minute in which `up` was started.
"""

from dataclasses import dataclass
from typing import Final

DAY_SECONDS: Final = 86_400
HISTORY_DAYS: Final = 8
"""A series has learnt after seven."""
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Pace:
    """The stream stands at ``base`` (ms since 1970) at its start, and runs ``speed`` times faster."""

    base: int
    speed: float = 1.0

    @property
    def replays(self) -> bool:
        """Whether the stream is another clock than the wall's."""
        return self.speed != 1.0

    @property
    def day(self) -> float:
        """Seconds in which a day of the stream passes."""
        return DAY_SECONDS / self.speed

    @property
    def tick(self) -> float:
        """Seconds in which a minute of the stream passes."""
        return 60 / self.speed

    @property
    def phase(self) -> float:
        """Seconds since the day of the stream began, at its start."""
        return self.base % (DAY_SECONDS * 1000) / 1000 / self.speed

    @property
    def past(self) -> float:
        """Seconds that the history would have taken."""
        return HISTORY_DAYS * self.day

    def at(self, seconds: float) -> int:
        """Return the time of the stream ``seconds`` after its start, in ms since 1970."""
        return self.base + round(seconds * 1000 * self.speed)


def pace_of(now: int, speed: float) -> Pace:
    """Begin at ``now`` (ms), or in a replay at the minute's start."""
    return Pace(now // _MINUTE_MS * _MINUTE_MS if speed != 1.0 else now, speed)
