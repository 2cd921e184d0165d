"""
Through the live counts: items with times, lateness and copies, folded by `count`, then detected.

Every story of the generator becomes an opinion that arrives seconds later, or late; one story in five is
copied up to five times within six hours, and `consume` has said that a copy is new in no series. All are
encoded, put into the order of their arrival with a mark a minute, and folded by `consumers.counts.core.fold`
in batches. What the cells of minutes then hold is what `watch` decides on.

Shown: each cell holds exactly the stories that the generator meant, a story once, late ones apart; its
counts are no more dispersed than declared; the false alarms on it are within the budget. The control folds
the same items as if each copy were a story.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from consumers.counts.core.cells import hash_of
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import bucket_of
from consumers.counts.core.state import PartitionState
from consumers.ports import Record
from consumers.watch.core.parameters import Parameters
from groundswell.events import (
    LogRecord,
    Mark,
    Opinion,
    Origin,
    SentimentResult,
    TopicLabel,
    encode_log,
    instant,
)
from tests.bench.detect import generator
from tests.bench.detect.compare import STRATA
from tests.bench.detect.engine import Detector
from tests.bench.detect.generator import DAY, FASTEST, LEARN, SIZE, SLOWEST, TEST
from tests.bench.detect.nulls import LOG_A
from tests.bench.detect.scoring import Rate, rate
from tests.bench.detect.streams import Streams

LATENESS = 120_000
LATE, COPIED = 0.05, 0.2
FIRST = 20_000 * DAY
"""The tick of the first row."""
BATCH = 20_000
VOLUMES = SLOWEST * (FASTEST / SLOWEST) ** (np.arange(20) / 19)
"""Half a world: every item is encoded, decoded and folded."""
SOURCES = {hash_of(f"source {n}"): n for n in range(generator.SOURCES)}


class Through(msgspec.Struct):
    """What came out: cells that are as they should be or not, the dispersion, the false alarms."""

    copies: str
    items: int
    cells: int
    wrong: int
    late: float
    """The part of stories that came late."""
    size: float
    """Of the negative binomial, as estimated from the cells by moments; larger is less dispersed."""
    declared: float
    alarms: Rate
    strata: list[Rate]


class Items(NamedTuple):
    """Items in the order of their arrival: all arrays are of one length."""

    published: np.ndarray
    arrived: np.ndarray
    series: np.ndarray
    negative: np.ndarray
    source: np.ndarray
    story: np.ndarray
    copy: np.ndarray


def through(seeds: Sequence[int], parameters: Parameters, log: Any) -> list[Through]:
    """Fold one world, its copies merged, and again with every copy a story."""
    rng = np.random.default_rng([*seeds, 17])
    usual = generator.usual(rng, 1, drift=False, of_world=VOLUMES)
    rows = (LEARN + TEST) * DAY
    streams = generator.draw(rng, usual._replace(mean=usual.mean[:rows], share=usual.share[:rows]))
    items = _items(rng, streams)
    log(f"{len(items.arrived):,} items")
    out = []
    for merged in (True, False):
        folded = _folded(items, rows, merged=merged)
        name = "told as copies" if merged else "each a story"
        log(f"folded, {name}")
        meant = _meant(items if not merged else Items(*(a[~items.copy] for a in items)), rows)
        outcome = Detector(folded, parameters, LOG_A).run()
        false = np.zeros(len(VOLUMES), int)
        for alarm in outcome.alarms:
            false[alarm.series] += alarm.row >= LEARN * DAY and not alarm.again
        out.append(
            _result(name, items, folded, meant, usual.mean[:rows] * usual.share[:rows], false)
        )
        log(f"detected, {name}")
    return out


def _result(
    name: str, items: Items, folded: Streams, meant: Streams, mean: np.ndarray, false: np.ndarray
) -> Through:
    wrong, cells = np.zeros(folded.stories.shape, bool), np.zeros(folded.stories.shape, bool)
    for field in ("negative", "stories", "late_negative", "late"):
        have, should = getattr(folded, field), getattr(meant, field)
        wrong |= have != should
        cells |= (have > 0) | (should > 0)
    assert folded.late is not None
    late = folded.late.sum() / (folded.late.sum() + folded.stories.sum())
    strata = []
    for low, high in STRATA:
        inside = (low <= VOLUMES) & (high > VOLUMES)
        strata.append(rate(int(false[inside].sum()), float(TEST * inside.sum())))
    in_time = mean * (folded.negative.sum() / mean.sum())
    excess = ((folded.negative - in_time) ** 2 - folded.negative).sum()
    return Through(
        copies=name,
        items=len(items.arrived),
        cells=int(cells.sum()),
        wrong=int(wrong.sum()),
        late=float(late),
        size=float((in_time**2).sum() / excess) if excess > 0 else float("inf"),
        declared=SIZE,
        alarms=rate(int(false.sum()), float(TEST * len(VOLUMES))),
        strata=strata,
    )


def _items(rng: np.random.Generator, streams: Streams) -> Items:
    """Make the items of all stories and their copies; times in ms."""
    flat = streams.stories.ravel()
    places = np.repeat(np.arange(len(flat)), flat)
    rows, series = np.divmod(places, streams.stories.shape[1])
    number = np.arange(len(places)) - np.repeat(np.cumsum(flat) - flat, flat)
    negative = number < streams.negative.ravel()[places]
    published = (FIRST + rows) * 60_000 + rng.integers(0, 60_000, len(rows))
    copies = np.where(rng.random(len(rows)) < COPIED, rng.integers(1, 6, len(rows)), 0)
    copied = np.repeat(np.arange(len(rows)), copies)
    again = published[copied] + rng.integers(60_000, 6 * 3_600_000, len(copied))
    times = np.concatenate((published, again))
    late = rng.random(len(times)) < LATE
    delay = np.where(
        late,
        rng.integers(LATENESS + 1_000, 4 * 3_600_000, len(times)),
        np.minimum(rng.exponential(15_000, len(times)), LATENESS - 1_000).astype(int),
    )
    which = np.concatenate((np.arange(len(rows)), copied))
    items = Items(
        times,
        times + delay,
        series[which],
        negative[which],
        rng.integers(0, generator.SOURCES, len(times)),
        which,
        np.arange(len(times)) >= len(rows),
    )
    inside = items.arrived < (FIRST + len(streams.stories)) * 60_000
    order = np.argsort(items.arrived[inside], kind="stable")
    return Items(*(values[inside][order] for values in items))


def _meant(items: Items, rows: int) -> Streams:
    """Count directly what each minute should hold, by the rule of times alone."""
    late = items.arrived - items.published > LATENESS
    row = np.where(late, items.arrived, items.published) // 60_000 - FIRST
    counts = np.zeros((4, rows, len(VOLUMES)), np.uint16)
    for which, chosen in enumerate((~late & items.negative, ~late, late & items.negative, late)):
        np.add.at(counts[which], (row[chosen], items.series[chosen]), 1)
    sources = np.zeros(counts.shape[1:], np.uint16)
    bits = (1 << items.source).astype(np.uint16)
    np.bitwise_or.at(sources, (row, items.series), bits)
    return Streams(counts[0], counts[1], sources, np.zeros(len(VOLUMES), int), counts[2], counts[3])


def _folded(items: Items, rows: int, *, merged: bool) -> Streams:
    """Fold the items and read the cells of minutes."""
    counts = np.zeros((4, rows, len(VOLUMES)), np.uint16)
    sources = np.zeros(counts.shape[1:], np.uint16)
    state = PartitionState()
    for batch in _batches(_records(items, merged=merged)):
        step = fold(state, batch, LATENESS)
        state = step.state
        for name, fields in step.cells.items():
            if name.level != "minute" or name.series == "all":
                continue
            series = int(name.series.removeprefix("topic:"))
            for field, tally in fields.items():
                row = bucket_of("minute", name.window, field) - FIRST
                told = (tally.stories, tally.late_stories)
                counts[:, row, series] += np.array(
                    [v for three in told for v in (three[0], sum(three))], np.uint16
                )
                bits = (1 << SOURCES[source] for source in tally.sources)
                sources[row, series] |= np.uint16(sum(bits))
    return Streams(counts[0], counts[1], sources, np.zeros(len(VOLUMES), int), counts[2], counts[3])


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _records(items: Items, *, merged: bool) -> Iterator[Record]:
    """Yield the records of the log: opinions, and a mark at each full minute."""
    place, offset, mark = 0, -1, 0
    columns = (values.tolist() for values in items)
    for published, arrived, series, negative, source, story, copy in zip(*columns, strict=True):
        if arrived // 60_000 > mark:
            mark = arrived // 60_000
            at = Mark(at=instant(mark * 60_000), origin=_origin(max(0, offset)))
            yield _record(place, at)
            place += 1
        offset += 1
        name = f"topic:{series}"
        told = _opinion(published, arrived, series, negative, source)
        told = msgspec.structs.replace(
            told,
            story=f"s/{story}",
            new_in=() if merged and copy else ("all", name),
            origin=_origin(offset),
        )
        yield _record(place, told)
        place += 1


def _origin(offset: int) -> Origin:
    return Origin(topic="news", topic_id="n", partition=0, offset=offset, after=offset - 1)


def _record(place: int, record: LogRecord) -> Record:
    return Record(0, place, 0, encode_log(record))


def _opinion(published: int, arrived: int, series: int, negative: bool, source: int) -> Opinion:  # noqa: FBT001
    said = SentimentResult(
        label="negative" if negative else "neutral",
        probabilities={"negative": 0.9 if negative else 0.1, "neutral": 0.1 if negative else 0.9},
    )
    return Opinion(
        id="i",
        source=f"source {source}",
        channel="news",
        published_at=instant(published),
        arrived_at=instant(arrived),
        title="t",
        sentiment=said,
        topics=(TopicLabel(label=str(series), probability=1.0),),
        bundle="b@1",
        origin=_origin(0),
    )
