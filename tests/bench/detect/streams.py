"""What the detector in arrays is given, and what it returns."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumers.watch.core.baseline import Shadow
from tests.bench.detect.baselines import Bools, Floats, Ints


@dataclass
class Streams:
    """
    What was seen: arrays of ticks × series, the first tick being ``first``.

    ``sources`` are sets of at most 16 sources, as bits. ``absent`` ticks have no data. ``world`` says
    which series share a pool. At a tick in ``bundles`` another bundle begins to speak in all series (the
    first to speak is not told).
    """

    negative: NDArray[np.integer]
    stories: NDArray[np.integer]
    sources: NDArray[np.uint16]
    world: Ints
    late_negative: NDArray[np.integer] | None = None
    late: NDArray[np.integer] | None = None
    absent: Bools | None = None
    bundles: dict[int, Shadow | None] = field(default_factory=dict)
    first: int = 0


def beside(streams: Streams, times: int) -> Streams:
    """Lay streams so many times side by side, each time with pools of their own."""
    worlds = int(streams.world.max()) + 1

    def wide(values: Any) -> Any:
        return None if values is None else np.tile(values, (1, times))

    return replace(
        streams,
        negative=wide(streams.negative),
        stories=wide(streams.stories),
        sources=wide(streams.sources),
        world=np.concatenate([streams.world + worlds * number for number in range(times)]),
        late_negative=wide(streams.late_negative),
        late=wide(streams.late),
        absent=wide(streams.absent),
    )


class Alarm(NamedTuple):
    """A series fires; ``row`` is the row of its tick, ``onset`` a tick, ``again``: the same episode."""

    series: int
    row: int
    onset: int
    kind: str
    again: bool


class Outcome(NamedTuple):
    """
    What was decided, and what was usual at the end of each period: arrays of periods × series.

    ``traced`` holds ln M and the states, ticks × series, where they were asked for.
    """

    alarms: list[Alarm]
    expected: Floats
    usual: Floats
    size: Floats
    traced: tuple[Floats, NDArray[np.int8]] | None
