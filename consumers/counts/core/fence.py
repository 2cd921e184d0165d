"""
The fence: how each source offset is settled exactly once, though the log may hold it twice.

A fence is the highest source offset that is settled (None: nothing yet). A record names the offset that
it settles and ``after``, the one before it in its source:

    none yet          accept    whatever it is, the log starts here
    offset <= fence   repeat    it was settled before; drop it
    after > fence     hole      something before it is missing; wait, its writer will write it again
    otherwise         accept    and the fence becomes its offset

Where the log was *cut* (it has deleted or lost what stood before, and that was not counted) the missing
ones never come: a hole is accepted there, and what it spans is lost. Else nothing would count any more.

Law: a fence never falls.
"""

from enum import Enum


class Verdict(Enum):
    """What to do with a record."""

    ACCEPT = "accept"
    REPEAT = "repeat"
    HOLE = "hole"


def judge(fence: int | None, offset: int, after: int, *, cut: bool = False) -> Verdict:
    """Judge a record that settles ``offset``; ``cut`` says that what went before it may be deleted."""
    if fence is None:
        return Verdict.ACCEPT
    if offset <= fence:
        return Verdict.REPEAT
    if after > fence and not cut:
        return Verdict.HOLE
    return Verdict.ACCEPT


def believes(fence: int | None, offset: int, *, cut: bool = False) -> bool:
    """Say whether a mark is believed whose writer had settled ``offset``: only without a hole."""
    return cut or fence is None or offset <= fence
