"""
One look at the counts: what `top` and `up` show.

Rule: the window ends at the newest minute that counted, not at the wall clock, so that a replay of old
news is seen as well.
"""

from collections.abc import Mapping
from typing import Final

from consumers.counts.core.cells import Tally, merge
from consumers.counts.core.state import PartitionState
from consumers.counts.ports import CountReader
from consumers.up.table import Picture, Row

SHOWN: Final = 40
"""Most series in a picture; the rest is smaller."""
_SPARKS: Final = 30
"""Minutes drawn behind each series."""


async def look(
    reader: CountReader, window: int, now: int, before: tuple[int, int] | None
) -> Picture:
    """
    Read the counts of the last ``window`` minutes.

    ``now`` is the wall clock in ms; ``before`` the pair (now, settled) of the look before, for the
    rate. May raise ``Transient``.
    """
    states = await reader.states()
    touched = await reader.series()
    last = max(touched.values(), default=0)
    names = sorted(touched, key=lambda name: (name != "all", -touched[name], name))
    cells = await reader.cells(names, "minute", last - window + 1, last) if names else {}
    rows = sorted(
        (row_of(name, cells.get(name, {}), last) for name in names),
        key=lambda row: (row.series != "all", -row.items),
    )
    return picture_of(states, tuple(r for r in rows if r.items)[:SHOWN], window, now, before)


def row_of(series: str, minutes: Mapping[int, Tally], last: int) -> Row:
    """Add up a series' minutes; ``last`` is the newest minute to draw."""
    total = Tally()
    for tally in minutes.values():
        total = merge(total, tally)
    tones = [on_time + late for on_time, late in zip(total.items, total.late_items, strict=True)]
    return Row(
        series=series,
        negative=tones[0],
        neutral=tones[1],
        positive=tones[2],
        late=sum(total.late_items),
        minutes=tuple(_items(minutes.get(last - ago)) for ago in reversed(range(_SPARKS))),
    )


def _items(tally: Tally | None) -> int:
    return sum(tally.items) + sum(tally.late_items) if tally else 0


def settled(states: Mapping[int, PartitionState]) -> int:
    """Return how many items are counted or refused."""
    return sum(s.totals.counted + s.totals.refusals for s in states.values())


def picture_of(
    states: Mapping[int, PartitionState],
    rows: tuple[Row, ...],
    window: int,
    now: int,
    before: tuple[int, int] | None,
) -> Picture:
    """Put the totals over the rows; the lag is the wall clock minus the oldest mark."""
    totals = [state.totals for state in states.values()]
    marks = [state.mark for state in states.values() if state.mark]
    rate = None
    if before is not None and now > before[0]:
        rate = max(0.0, (settled(states) - before[1]) * 1000 / (now - before[0]))
    return Picture(
        rows=rows,
        window=window,
        counted=sum(t.counted for t in totals),
        refused=sum(t.refusals for t in totals),
        lost=sum(t.lost for t in totals),
        rate=rate,
        lag=max(0.0, (now - min(marks)) / 1000) if marks else None,
    )
