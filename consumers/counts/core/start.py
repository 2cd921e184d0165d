"""
Where to go on reading the log, given what Redis holds and what the broker has.

    nothing held                      the beginning: the counts fill from the log
    the log's identity changed        the beginning of the new log, fences kept
    position < beginning              the beginning; what the log deleted is counted as lost
    position > end, and refused       the log was cut, or made anew without an identity: its beginning
    otherwise                         the position held

``end`` alone says nothing, since another counter may have gone on since it was asked for: the reader
must have tried (``committed`` is then the position held). Going back is always safe, since the fences
drop what has counted.

Where the log does not go on from the state (its beginning is gone, or it is another one), the items in
between are lost, which the fold finds; until it has passed what stands there now, the log is *open*.
"""

from typing import Final, NamedTuple

import msgspec

from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Finding
from consumers.ports import Bounds

SLACK: Final = 1000
"""A log stays open this many records beyond its end: more than one late write of a zombie holds."""


class Start(NamedTuple):
    """The state to go on from (it differs from the one held if something is to be recorded)."""

    state: PartitionState
    findings: tuple[Finding, ...]


def start_from(held: PartitionState | None, bounds: Bounds) -> Start:
    """Decide where to go on, and with which state."""
    open_until = bounds.end + SLACK
    if held is None:
        state = PartitionState(
            log_id=bounds.topic_id,
            position=bounds.beginning,
            open_until=open_until if bounds.beginning else 0,
        )
        return Start(state, ())
    if held.log_id and bounds.topic_id and held.log_id != bounds.topic_id:
        return _anew(held, bounds, f"identity {held.log_id}, now {bounds.topic_id}")
    if bounds.end < held.position == bounds.committed:
        return _anew(held, bounds, f"position {held.position}, but it ends at {bounds.end}")
    state = msgspec.structs.replace(held, log_id=bounds.topic_id or held.log_id)
    if state.position >= bounds.beginning:
        return Start(state, ())
    lost = bounds.beginning - state.position
    totals = msgspec.structs.replace(state.totals, log_lost=state.totals.log_lost + lost)
    detail = f"the log deleted {lost} records from offset {state.position} on before they were read"
    return Start(
        msgspec.structs.replace(
            state, position=bounds.beginning, totals=totals, open_until=open_until
        ),
        (Finding("log_lost", detail, lost),),
    )


def _anew(held: PartitionState, bounds: Bounds, why: str) -> Start:
    totals = msgspec.structs.replace(held.totals, log_recreated=held.totals.log_recreated + 1)
    state = msgspec.structs.replace(
        held,
        log_id=bounds.topic_id or held.log_id,
        position=bounds.beginning,
        totals=totals,
        open_until=bounds.end + SLACK,
    )
    detail = (
        f"the log was made anew ({why}); reading it from its beginning, offset {state.position}"
    )
    return Start(state, (Finding("log_recreated", detail, 1),))


def afresh(held: PartitionState, first: int) -> PartitionState:
    """
    Return the state to fold a log with again from ``first``, its beginning, up to what is held.

    What stood before the first record that is left may be missing anywhere above.
    """
    until = max(held.open_until, held.position if first else 0)
    return PartitionState(log_id=held.log_id, position=first, open_until=until)
