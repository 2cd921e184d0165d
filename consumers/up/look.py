"""
One look at the counts: what `top` and `up` show.

Rule: the window ends at the newest minute that counted, not at the wall clock, so that a replay of old
news is seen as well.
"""

from collections.abc import Mapping
from typing import Final

from consumers.counts.core.cells import Tally
from consumers.counts.core.state import PartitionState
from consumers.counts.core.view import added, overall, read_until, tones
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
    total = added(minutes, min(minutes, default=0), last)
    negative, neutral, positive = tones(total)
    return Row(
        series=series,
        negative=negative,
        neutral=neutral,
        positive=positive,
        late=sum(total.late_items),
        minutes=tuple(_items(minutes.get(last - ago)) for ago in reversed(range(_SPARKS))),
        stories=sum(total.stories) + sum(total.late_stories),
    )


def _items(tally: Tally | None) -> int:
    return sum(tones(tally)) if tally else 0


def settled(states: Mapping[int, PartitionState]) -> int:
    """Return how many items are counted or refused."""
    totals = overall(states.values())
    return totals.counted + totals.refusals


def picture_of(
    states: Mapping[int, PartitionState],
    rows: tuple[Row, ...],
    window: int,
    now: int,
    before: tuple[int, int] | None,
) -> Picture:
    """Put the totals over the rows; the lag is the wall clock minus the oldest mark."""
    totals = overall(states.values())
    mark = read_until(states.values())
    rate = None
    if before is not None and now > before[0]:
        rate = max(0.0, (settled(states) - before[1]) * 1000 / (now - before[0]))
    return Picture(
        rows=rows,
        window=window,
        counted=totals.counted,
        refused=totals.refusals,
        lost=totals.lost,
        rate=rate,
        lag=None if mark is None else max(0.0, (now - mark) / 1000),
    )
