"""
The fence: how each source offset is settled exactly once, though the log may hold it twice.

A fence is the highest source offset that is settled (None: nothing yet). A record names the offset that
it settles and ``after``, the one before it in its source:

    none yet          accept    whatever it is, the log starts here
    offset <= fence   repeat    it was settled before; drop it
    after > fence     hole      something before it is missing; wait, its writer will write it again
    otherwise         accept    and the fence becomes its offset

Law: a fence never falls.
"""

from enum import Enum


class Verdict(Enum):
    """What to do with a record."""

    ACCEPT = "accept"
    REPEAT = "repeat"
    HOLE = "hole"


def judge(fence: int | None, offset: int, after: int) -> Verdict:
    """Judge a record that settles ``offset``."""
    if fence is None:
        return Verdict.ACCEPT
    if offset <= fence:
        return Verdict.REPEAT
    if after > fence:
        return Verdict.HOLE
    return Verdict.ACCEPT


def believes(fence: int | None, offset: int) -> bool:
    """Say whether a mark is believed whose writer had settled ``offset``: only without a hole."""
    return fence is None or offset <= fence
