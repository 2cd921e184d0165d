"""Many series for the speed of deciding: a few busy, most with hardly a story an hour."""

import random
from functools import cache

import msgspec

from consumers.watch.core import evidence as evidences
from consumers.watch.core.baseline import Open
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters, period_of
from consumers.watch.core.together import All, decide_all, none_yet
from consumers.watch.evidence import Setting

SERIES = 10_000
START = 20_000 * 1440
HOURS = 30
"""What the series learn from: as few hours as a baseline needs."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of the series."""
    return tuple(f"entity:c{number:05}" for number in range(SERIES))


def minute_of(minute: int, touched: int) -> dict[str, Seen]:
    """Return a minute in which ``touched`` series had stories."""
    rng = random.Random(minute)
    chosen = rng.sample(names(), touched) if touched < SERIES else names()
    return {name: Seen(rng.random() < 0.2, 1, sources=(rng.randrange(40),)) for name in chosen}


def learnt(setting: Setting) -> All:
    """Return the state of all series in the first minute of an hour, having learnt in ticks of an hour."""
    parameters = Parameters(tick=60)
    state, said = none_yet(parameters), None
    thresholds = dict.fromkeys(names(), 17.0)
    rng = random.Random(1)
    for hour in range(START // 60 - HOURS, START // 60 + 1):
        seen = {
            name: Seen(sum(rng.random() < 0.2 for _ in range(n)), n, sources=(1, 2))
            for place, name in enumerate(names())
            if (n := 20 if place < 20 else rng.random() < 0.5)
        }
        done = decide_all(state, hour, seen, thresholds, parameters, said)
        state, said = done.state, done.common
    return _by_minutes(state, setting.parameters)


def _by_minutes(state: All, parameters: Parameters) -> All:
    """Return the state as if its ticks had been minutes: decided in the first minute of an hour."""
    first = START
    series = {
        name: msgspec.structs.replace(
            held,
            tick=first,
            evidence=evidences.empty(2 * len(parameters.ratios), first + 1),
            open=Open(period_of(first, parameters)),
        )
        for name, held in state.series.items()
    }
    return msgspec.structs.replace(state, series=series)
