"""
Which minute an opinion counts in, and whether it counts there as late.

With L = the lateness allowed, P = published, A = arrived, T = the partition's mark:

    1. |A - P| <= L                     the minute of P, in time

          P           A
    ──────┼───────────┼──────────────►      A - P <= L: a story that was read at once
          └ counts here

    2. otherwise                        the minute of A, late

          P                         A
    ──────┼────────────── … ────────┼─►     a feed that returns: no surge in the past
                            late ───┘

    3. that minute is closed, T >= its end + L      the minute of T, late

          [minute]    L    T
    ──────┼──────┼─────────┼─────────►      a minute that was decided never changes
                    late ──┘

Laws: the minute answered is never closed; without a mark none is closed; and an item that stands below
its partition's mark as the mark promises (A >= T) never meets case 3.
"""

from consumers.counts.core.levels import MINUTE_MS


def is_closed(minute: int, mark: int, lateness: int) -> bool:
    """Say whether ``minute`` (since 1970) is decided for a partition; ``mark``, ``lateness`` in ms."""
    return mark >= (minute + 1) * MINUTE_MS + lateness


def minute_of(published: int, arrived: int, mark: int, lateness: int) -> tuple[int, bool]:
    """Return the minute (since 1970) to count in, and whether as late; all arguments in ms."""
    late = abs(arrived - published) > lateness
    minute = (arrived if late else published) // MINUTE_MS
    if is_closed(minute, mark, lateness):
        return mark // MINUTE_MS, True
    return minute, late
