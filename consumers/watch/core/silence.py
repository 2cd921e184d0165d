"""
No data: a source or a series that is silent for longer than it ever is at that hour.

Time is measured in what should have come: a minute weighs -ln(1 - p), with p the part of the minutes in
which it usually speaks at that hour of the day, on working days or at the weekend. The weight of a
silence, u, is then how improbable it is, e^-u, if minutes were independent. They are not, so that the
heaviest silence of its last weeks is remembered as well:

    alarm    u ≥ max(``LEAST``, 2 · heaviest) and at least ``SHORTEST`` minutes

Rules: two days of hours are learnt before anything is said; p leans on two silent hours a cell. The hours
of an alarm are not learnt, and stretch the limit by half at most. Nothing is raised while
a partition stands still: that is named already. It ends with the next story, or after a week, when the
source is forgotten. Silence is never a surge.
"""

import math
import struct
from typing import Final

import msgspec

from consumers.watch.core.parameters import EPOCH_WEEKDAY

LEAST: Final = 12.0
SHORTEST: Final = 15
FORGOTTEN: Final = 7 * 1440
"""Minutes of silence after which nothing more is expected."""

_LEARNT: Final = 48
_FADING: Final = 0.95
"""What is left of a cell after one more hour of its kind."""

_A_DAY: Final = 0.97
"""What is left of the heaviest silence after a day."""

_CELLS: Final = 48
_CELL: Final = struct.Struct("<ee")
_PRIOR: Final = 120.0
_HIGHEST: Final = 0.98
_WORKING_DAYS: Final = 5


class Rhythm(msgspec.Struct, frozen=True, array_like=True):
    """
    How often one source or series speaks. ``last`` is the last minute in which it did.

    ``cells`` are per hour of the day and kind of day: minutes in which it spoke, of minutes. In the open
    ``hour`` it spoke in ``spoken`` minutes; ``hours`` are learnt. ``raised`` is the minute of the alert of
    this silence (-1: none), told under ``series``.
    """

    last: int
    hour: int
    cells: bytes = bytes(_CELLS * _CELL.size)
    spoken: int = 0
    hours: int = 0
    heaviest: float = 0.0
    raised: int = -1
    series: str = ""


def begun(minute: int) -> Rhythm:
    """Return the rhythm of what spoke for the first time in ``minute``."""
    return Rhythm(minute, minute // 60, spoken=1)


def spoke(before: Rhythm, minute: int) -> Rhythm:
    """Return the rhythm after a minute in which it spoke; an alert of its silence is over."""
    weight = weight_of(before, minute - 1)
    if before.raised >= 0:
        weight = min(weight, 0.75 * limit_of(before))
    at = _advanced(before, minute)
    days = (minute - before.last) / 1440
    return msgspec.structs.replace(
        at,
        last=minute,
        spoken=at.spoken + 1,
        heaviest=max(before.heaviest * _A_DAY**days, weight),
        raised=-1,
        series="",
    )


def is_silent(rhythm: Rhythm, minute: int) -> bool:
    """Say whether it has been silent for too long at the end of ``minute``."""
    if rhythm.hours < _LEARNT or minute - rhythm.last < SHORTEST:
        return False
    return weight_of(rhythm, minute) >= limit_of(rhythm)


def limit_of(rhythm: Rhythm) -> float:
    """Return the weight of silence that is too much."""
    return max(LEAST, 2 * rhythm.heaviest)


def weight_of(rhythm: Rhythm, minute: int) -> float:
    """Return u: the weight of the silence since it spoke last, up to the end of ``minute``."""
    total, at = 0.0, rhythm.last + 1
    while at <= minute:
        end = min((at // 60 + 1) * 60, minute + 1)
        spoken, minutes = _CELL.unpack_from(rhythm.cells, _cell(at // 60) * _CELL.size)
        part = min(spoken / (minutes + _PRIOR), _HIGHEST)
        total -= (end - at) * math.log1p(-part)
        at = end
    return total


def raised(rhythm: Rhythm, minute: int, series: str) -> Rhythm:
    """Return the rhythm with an alert of its silence; the open hour is not learnt."""
    return msgspec.structs.replace(rhythm, raised=minute, series=series)


def _advanced(before: Rhythm, minute: int) -> Rhythm:
    """Close the hours before that of ``minute``; those of an alert teach nothing."""
    hour = minute // 60
    if hour == before.hour:
        return before
    cells, hours, spoken = bytearray(before.cells), before.hours, before.spoken
    until = before.raised // 60 if before.raised >= 0 else hour
    for closed in range(max(before.hour, hour - FORGOTTEN // 60), min(hour, until)):
        place = _cell(closed) * _CELL.size
        held, minutes = _CELL.unpack_from(cells, place)
        _CELL.pack_into(cells, place, held * _FADING + spoken, minutes * _FADING + 60)
        hours, spoken = hours + 1, 0
    return msgspec.structs.replace(
        before, hour=hour, cells=bytes(cells), spoken=0, hours=min(hours, 10_000)
    )


def _cell(hour: int) -> int:
    weekend = (hour // 24 + EPOCH_WEEKDAY) % 7 >= _WORKING_DAYS
    return hour % 24 + (24 if weekend else 0)
