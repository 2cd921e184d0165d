"""Streams of stories with fixed seeds, and a run of the detector over them."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from consumers.watch.core.decide import Decision
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.states import LIVE, Transition
from consumers.watch.core.together import All, Round, decide_all, none_yet

DAY = 288
"""Ticks of five minutes in a day."""

PARAMETERS = Parameters(tick=5)
LOG_A = math.log(30 * DAY)
SOURCES = (11, 12)


class Fired(NamedTuple):
    """An alarm: its series, its tick, what was decided, and whether it was told before."""

    series: str
    tick: int
    decision: Decision


class Ran(NamedTuple):
    """A whole run: the state at its end, its alarms, and every transition as (series, transition)."""

    state: All
    fired: list[Fired]
    told: list[tuple[str, Transition]]


def poisson(rng: random.Random, mean: float) -> int:
    """Draw by multiplication (Knuth); for small means."""
    limit, n, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n


def usual(tick: int) -> float:
    """Return the season of the streams: day and night, half at the weekend."""
    weekend = tick // DAY % 7 in (2, 3)
    return (1 + 0.6 * math.sin(2 * math.pi * tick / DAY)) * (0.5 if weekend else 1.0)


def stream(
    seed: int,
    days: int,
    per_hour: float,
    *,
    share: float = 0.2,
    size: float | None = None,
    volume: Callable[[int], float] = lambda _: 1.0,
    odds: Callable[[int], float] = lambda _: 1.0,
) -> list[Seen]:
    """Make stories per tick; ``volume`` and ``odds`` say by what a tick differs from the usual."""
    rng = random.Random(seed)
    out: list[Seen] = []
    for tick in range(days * DAY):
        mean = per_hour / 12 * usual(tick) * volume(tick)
        if size:
            mean *= rng.gammavariate(size, 1 / size)
        n = poisson(rng, mean)
        ratio = share / (1 - share) * odds(tick)
        k = sum(rng.random() < ratio / (1 + ratio) for _ in range(n))
        out.append(Seen(k, n, sources=SOURCES if n else ()))
    return out


def run(
    streams: Mapping[str, Sequence[Seen | None]],
    parameters: Parameters = PARAMETERS,
    log_a: float = LOG_A,
    state: All | None = None,
    first: int = 0,
) -> Ran:
    """Run the detector over streams that stand side by side."""
    state = state or none_yet(parameters)
    thresholds = dict.fromkeys(streams, log_a)
    ran = Ran(state, [], [])
    said = None
    for place in range(max(map(len, streams.values()))):
        seen = {name: values[place] for name, values in streams.items()}
        after: Round = decide_all(state, first + place, seen, thresholds, parameters, said)
        state, said = after.state, after.common
        for name, decision in after.decisions.items():
            for told in decision.transitions:
                ran.told.append((name, told))
                if told.after == "firing" and told.before not in LIVE:
                    ran.fired.append(Fired(name, first + place, decision))
    return ran._replace(state=state)
