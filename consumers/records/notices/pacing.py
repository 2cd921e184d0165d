"""
How fast one receiver may be called.

Rule: exact over every stretch of time, not on average: providers ban for ten minutes who sends 21 in one
minute, so that a bucket that fills while it is used up would be too fast.
"""

from collections.abc import Sequence

from consumers.records.notices.ports import Limits


def room(times: Sequence[int], limits: Limits, now: int) -> int:
    """Return how many messages may go at ``now``, after those at ``times`` (ascending)."""
    most = 1_000_000
    for count, span in limits:
        most = min(most, count - sum(at > now - span for at in times[-count:]))
    return max(most, 0)


def after(times: Sequence[int], limits: Limits, now: int, sent: int) -> tuple[int, ...]:
    """Return the times that are still needed once ``sent`` more went at ``now``."""
    kept = max((count for count, _ in limits), default=0)
    return (*times, *[now] * sent)[-kept:] if kept else ()
