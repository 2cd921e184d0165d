"""
How many messages one subscriber gets: the cap an hour, and the flood guard.

Rules: what is over a limit is held, never dropped. More than ``flood`` messages in ten minutes (EEMUA 191
calls ten the most that a person can follow) become one summary of all that is waiting, and at most one
such summary is sent in ten minutes. What breaks through is not held by the cap; it is part of the summary.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from consumers.records.notices.values import Withheld

HOUR_MS: Final = 3_600_000
TEN_MINUTES_MS: Final = 600_000


class Candidate(NamedTuple):
    """A group that is ready to be told of, and whether it breaks through limits."""

    group: str
    breaks: bool


class Allowed(NamedTuple):
    """
    What goes out: ``single`` as messages of their own, ``together`` as one summary.

    The rest is ``held`` for the reason given, until the time given at least.
    """

    single: tuple[str, ...]
    together: tuple[str, ...] = ()
    held: tuple[tuple[str, Withheld], ...] = ()
    until: int | None = None


def allowed(
    candidates: Sequence[Candidate],
    recent: Sequence[int],
    summary: int,
    limits: tuple[int, int],
    now: int,
) -> Allowed:
    """Share out what is ready; ``recent`` are the times of the last hour's messages, ``limits`` (cap, flood)."""
    cap, flood = limits
    hour = sorted(at for at in recent if at > now - HOUR_MS)
    single: list[str] = []
    over: list[Candidate] = []
    held: list[tuple[str, Withheld]] = []
    until: list[int] = []
    lately = sum(at > now - TEN_MINUTES_MS for at in hour)
    for candidate in sorted(candidates, key=lambda c: not c.breaks):
        sent = len(hour) + len(single)
        if cap and sent >= cap and not candidate.breaks:
            held.append((candidate.group, "cap"))
            until.append((hour[sent - cap] if sent - cap < len(hour) else now) + HOUR_MS)
        elif flood and lately + len(single) >= flood:
            over.append(candidate)
        else:
            single.append(candidate.group)
    if not over:
        return Allowed(tuple(single), (), tuple(held), min(until, default=None))
    if now - summary >= TEN_MINUTES_MS:
        return Allowed(
            tuple(single), tuple(c.group for c in over), tuple(held), min(until, default=None)
        )
    held += [(c.group, "flood") for c in over]
    return Allowed(tuple(single), (), tuple(held), min([*until, summary + TEN_MINUTES_MS]))
