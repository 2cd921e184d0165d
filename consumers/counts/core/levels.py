"""
The three levels of cells, and the hash in Redis that each cell stands in.

A *bucket* is the number of the minute, hour or day since 1970 (UTC). A *window* is what one hash holds:
an hour of minutes, a day of hours, a calendar year of days. Rule: every bucket lies in exactly one
window, under exactly one field. What stands beside the cells, the story lines, is named here as well.
"""

from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias

Level: TypeAlias = Literal["minute", "hour", "day"]
LEVELS: Final[tuple[Level, ...]] = ("minute", "hour", "day")
MINUTE_MS: Final = 60_000
MINUTES: Final[dict[Level, int]] = {"minute": 1, "hour": 60, "day": 1440}
"""Minutes in a bucket of each level."""

_EPOCH: Final = date(1970, 1, 1).toordinal()


class CellHash(NamedTuple):
    """Names one hash: the cells of a series in one window."""

    level: Level
    series: str
    window: int


class Shelf(NamedTuple):
    """Names the lines of a series: of stories new in it, or of copies."""

    series: str
    new: bool


def place_of(level: Level, bucket: int) -> tuple[int, int]:
    """Return window and field of a bucket: (hour, 0..59), (day, 0..23) or (year, 1..366)."""
    if level == "minute":
        return divmod(bucket, 60)
    if level == "hour":
        return divmod(bucket, 24)
    day = date.fromordinal(_EPOCH + bucket)
    return day.year, day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def bucket_of(level: Level, window: int, field: int) -> int:
    """Return the bucket of a field; inverse of ``place_of``."""
    if level == "minute":
        return window * 60 + field
    if level == "hour":
        return window * 24 + field
    return date(window, 1, 1).toordinal() + field - 1 - _EPOCH


def end_of(level: Level, window: int) -> int:
    """Return the end of a window, in minutes since 1970: it expires when that is too old."""
    if level == "minute":
        return (window + 1) * 60
    if level == "hour":
        return (window + 1) * 1440
    return (date(window, 12, 31).toordinal() + 1 - _EPOCH) * 1440
