"""
Where to begin reading a partition, and what has been lost before that.

Rule: nothing is skipped silently. A jump is a gap with its bounds, a recreated topic is named, and a
position that the log never reached is a refusal to read on.
"""

from typing import Literal, NamedTuple, TypeAlias

from consumers.ports import Bounds

StartReason: TypeAlias = Literal[
    "new",  # the group never committed here: from the beginning
    "resumed",  # at the committed position
    "overtaken",  # retention deleted what was not yet read
    "recreated",  # the topic is another one than the committed position belongs to
    "beyond_end",  # the log ends before the committed position: it lost records
]


class Lost(NamedTuple):
    """A gap: the offsets above ``after`` up to ``offset`` were deleted before they were read."""

    after: int
    offset: int

    @property
    def items(self) -> int:
        """How many offsets are gone."""
        return self.offset - self.after


class Start(NamedTuple):
    """The decision; ``position`` None: do not read this partition."""

    position: int | None
    gap: Lost | None
    reason: StartReason


def decide_start(bounds: Bounds) -> Start:
    """
    Decide where to begin, from what the broker knows.

    Identities are compared only where both are known. A beginning that is gone is a gap for a new group
    too: it may be new only because its positions expired, and the counts go by a fence from before,
    after which all that follows would be a hole for ever.
    """
    committed, beginning = bounds.committed, bounds.beginning
    unseen = Lost(-1, beginning - 1) if beginning > 0 else None
    if committed is None:
        return Start(beginning, unseen, "new")
    known = bounds.topic_id and bounds.committed_topic_id
    if known and bounds.topic_id != bounds.committed_topic_id:
        return Start(beginning, unseen, "recreated")
    if committed > bounds.end:
        return Start(None, None, "beyond_end")
    if committed < beginning:
        return Start(beginning, Lost(committed - 1, beginning - 1), "overtaken")
    return Start(committed, None, "resumed")
