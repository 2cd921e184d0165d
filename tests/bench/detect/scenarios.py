"""
What happens in the life of a feed: the alarms that it raises, and what they say they are about.

    syndication   one story in the afternoon is copied sixty times within three hours, on one day in three
    outage        the feed stops for 2 to 12 hours once a week, then all that was missed comes at once, late
    model switch  another bundle finds odds of a negative label 1.5 times as high, from the 14th test day on;
                  with and without the same items shadowed by both
    earnings day  three times the volume for eight hours, at the usual share, on three days
    tone day      three times the odds of a negative story for eight hours, at the usual volume, on three days
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from consumers.watch.core.baseline import Shadow
from consumers.watch.core.parameters import Parameters
from tests.bench.detect import generator
from tests.bench.detect.engine import Detector
from tests.bench.detect.generator import DAY, LEARN, TEST, Usual
from tests.bench.detect.nulls import LOG_A
from tests.bench.detect.scoring import Rate, rate
from tests.bench.detect.streams import Alarm, Streams

COPIES = 60
LEAKED = 0.05
"""Copies that the merging of stories lets through: what it must reach at worst (docs/stories.md)."""
ODDS = 1.5
SHADOWED = 400


class Told(msgspec.Struct):
    """
    The alarms of a scenario.

    ``alarms`` counts those of test days; ``inside`` are in the hours that the scenario is about (of
    ``spells`` spells), by what they say they are about.
    """

    scenario: str
    alarms: Rate
    spells: int
    inside: int
    about: dict[str, int]


Spells = list[tuple[int, int, int]]
Made = tuple[Streams, Spells]


def scenarios(seeds: Sequence[int], parameters: Parameters, log: Any) -> list[Told]:
    """Run every scenario on the clean generator."""
    out = []
    for name, make in SCENARIOS.items():
        rng = np.random.default_rng([*seeds, 13])
        usual = generator.usual(rng, len(seeds), drift=False)
        streams, spells = make(rng, usual)
        outcome = Detector(streams, parameters, LOG_A).run()
        out.append(_told(name, outcome.alarms, spells, len(usual.volume)))
        log(name)
    return out


def _told(name: str, alarms: list[Alarm], spells: Spells, series: int) -> Told:
    tested = [a for a in alarms if a.row >= LEARN * DAY and not a.again]
    inside = [
        a for a in tested if any(s == a.series and start <= a.row < end for s, start, end in spells)
    ]
    about: dict[str, int] = {}
    for alarm in inside:
        about[alarm.kind] = about.get(alarm.kind, 0) + 1
    return Told(name, rate(len(tested), float(TEST * series)), len(spells), len(inside), about)


def _nothing(rng: np.random.Generator, usual: Usual) -> Made:
    return generator.draw(rng, usual), []


def _syndication(part: float) -> Callable[[np.random.Generator, Usual], Made]:
    def make(rng: np.random.Generator, usual: Usual) -> Made:
        streams, spells = generator.draw(rng, usual), []
        for series in range(len(usual.volume)):
            for day in range(LEARN, LEARN + TEST):
                if rng.random() >= 1 / 3:
                    continue
                start = day * DAY + int(rng.integers(12 * 60, 18 * 60))
                rows = start + rng.integers(0, 180, rng.binomial(COPIES, part))
                negative = rng.random() < usual.share[start, series]
                np.add.at(streams.stories[:, series], rows, 1)
                np.add.at(streams.negative[:, series], rows, int(negative))
                bits = (1 << rng.integers(0, generator.SOURCES, len(rows))).astype(np.uint16)
                np.bitwise_or.at(streams.sources[:, series], rows, bits)
                spells.append((series, start, start + 6 * 60))
        return streams, spells

    return make


def _outage(rng: np.random.Generator, usual: Usual) -> Made:
    streams, spells = generator.draw(rng, usual), []
    late, late_negative = np.zeros_like(streams.stories), np.zeros_like(streams.negative)
    for series in range(len(usual.volume)):
        for week in range(TEST // 7):
            start = (LEARN + 7 * week) * DAY + int(rng.integers(0, 6 * DAY))
            end = start + int(rng.integers(120, 721))
            missed = slice(start, end)
            back = end + np.arange(10)
            stories, negative = (
                int(values[missed, series].sum()) for values in (streams.stories, streams.negative)
            )
            late[back, series] = np.diff(np.linspace(0, stories, 11).astype(int))
            late_negative[back, series] = _dealt(rng, late[back, series], negative)
            streams.sources[back, series] |= np.bitwise_or.reduce(streams.sources[missed, series])
            for values in (streams.stories, streams.negative, streams.sources):
                values[missed, series] = 0
            spells.append((series, start, end + 120))
    streams.late, streams.late_negative = late, late_negative
    return streams, spells


def _dealt(rng: np.random.Generator, room: np.ndarray, negative: int) -> np.ndarray:
    """Deal the negative stories out among ticks that have ``room`` for so many each."""
    places = np.repeat(np.arange(len(room)), room)
    chosen = rng.permutation(places)[:negative]
    return np.bincount(chosen, minlength=len(room))


def _switch(*, shadowed: bool) -> Callable[[np.random.Generator, Usual], Made]:
    def make(rng: np.random.Generator, usual: Usual) -> Made:
        at = (LEARN + 14) * DAY
        odds = ODDS * usual.share[at:] / (1 - usual.share[at:])
        old = float(usual.share[at].mean())
        usual.share[at:] = odds / (1 + odds)
        new = float(usual.share[at].mean())
        streams = generator.draw(rng, usual)
        shadow = Shadow(SHADOWED, rng.binomial(SHADOWED, old), rng.binomial(SHADOWED, new))
        streams.bundles = {at: shadow if shadowed else None}
        return streams, [(series, at, at + 7 * DAY) for series in range(len(usual.volume))]

    return make


def _days(*, odds: float, volume: float) -> Callable[[np.random.Generator, Usual], Made]:
    def make(rng: np.random.Generator, usual: Usual) -> Made:
        spells = []
        for series in range(len(usual.volume)):
            for part in range(3):
                day = LEARN + 14 * part + int(rng.integers(0, 14))
                rows = slice(day * DAY + 12 * 60, day * DAY + 20 * 60)
                usual.mean[rows, series] *= volume
                worse = odds * usual.share[rows, series] / (1 - usual.share[rows, series])
                usual.share[rows, series] = worse / (1 + worse)
                spells.append((series, rows.start, rows.stop))
        return generator.draw(rng, usual), spells

    return make


SCENARIOS: dict[str, Callable[[np.random.Generator, Usual], Made]] = {
    "nothing": _nothing,
    "syndication, merged": _syndication(LEAKED),
    "syndication, not merged": _syndication(1.0),
    "outage": _outage,
    "model switch, shadowed": _switch(shadowed=True),
    "model switch, not shadowed": _switch(shadowed=False),
    "earnings day": _days(odds=1.0, volume=3.0),
    "tone day": _days(odds=3.0, volume=1.0),
}
