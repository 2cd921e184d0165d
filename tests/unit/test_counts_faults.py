"""What the counts do when the log, its beginning or the store is not what it was."""

from datetime import timedelta

from consumers.adapters.memory_counts import MemoryCounts
from consumers.counts.core.fold import fold
from consumers.counts.core.start import start_from
from consumers.counts.core.step import Retention
from consumers.counts.recount import Recount
from consumers.ports import Bounds, Record
from groundswell.events import Gap, Mark, Opinion, Origin, SentimentResult, encode_log, instant

L = 120_000
T0 = 1_767_600_000_000
KEPT = Retention(2880, 90 * 1440, 730 * 1440)


def origin(offset, after, topic_id="n"):
    return Origin(topic="news", topic_id=topic_id, partition=0, offset=offset, after=after)


def opinion(offset, after=None, at=None, early=0):
    time = instant(T0 + offset * 1000 if at is None else at)
    return Opinion(
        id=str(offset),
        source="s",
        channel="news",
        published_at=time + timedelta(milliseconds=early),
        arrived_at=time,
        title="t",
        sentiment=SentimentResult(
            label="neutral", probabilities={"negative": 0.1, "neutral": 0.8, "positive": 0.1}
        ),
        topics=(),
        bundle="b",
        origin=origin(offset, offset - 1 if after is None else after),
    )


def mark(at, offset):
    return Mark(at=instant(at), origin=origin(offset, offset))


def gap(offset, after):
    return Gap(found_at=instant(T0), origin=origin(offset, after))


class Log:
    """Partition 0 of the log: its records from ``first`` on, also as a scan."""

    def __init__(self, *rows, first=0):
        self.first = first
        self.records = [Record(0, first + n, 0, encode_log(row)) for n, row in enumerate(rows)]

    @property
    def end(self):
        return self.first + len(self.records)

    def cut(self, first):
        """Do what retention does."""
        self.records = [r for r in self.records if r.offset >= first]
        self.first = first

    def look(self, committed=None, topic_id="o"):
        return Bounds(
            committed, topic_id if committed is not None else "", self.first, self.end, topic_id
        )

    async def bounds(self):
        return {0: (self.first, self.end)}

    async def read(self, partition, first, end):
        for record in self.records:
            if first <= record.offset < end:
                yield record

    async def close(self):
        return


async def counted(log, held=None, store=None):
    """Start from what is held, count the whole log; return the state and the store."""
    store = store or MemoryCounts(1, KEPT)
    step = fold(start_from(held, log.look()).state, log.records, L)
    assert await store.step(0, held, step) is None
    return step.state, store


async def recounted(log, store):
    return await Recount(log, store, 1, L, KEPT).run()


async def test_a_log_that_starts_with_the_source_s_beginning_has_lost_nothing():
    log = Log(gap(6, -1), opinion(7), opinion(8))
    state, store = await counted(log)
    assert (state.totals.lost, state.totals.counted, state.totals.holes) == (0, 2, 0)
    report = await recounted(log, store)
    assert (report.same, report.lost, report.counted) == (True, 0, 2)


async def test_a_group_whose_positions_expired_fills_the_hole_with_a_gap():
    log = Log(*(opinion(n) for n in range(4)), gap(6, -1), opinion(7))
    state, store = await counted(log)
    assert (state.totals.lost, state.totals.counted, state.totals.holes) == (3, 5, 0)
    report = await recounted(log, store)
    assert (report.same, report.lost) == (True, 3)


async def test_what_the_log_deleted_uncounted_is_lost_and_no_hole_for_ever():
    log = Log(*(opinion(n) for n in range(10)))
    state, store = await counted(Log(*(opinion(n) for n in range(3))))
    log.cut(6)
    state, store = await counted(log, state, store)
    assert (state.totals.counted, state.totals.lost, state.totals.holes) == (7, 3, 0)
    assert state.fences[0].offset == 9
    assert (await recounted(log, store)).examples == []


async def test_a_log_that_was_cut_amid_what_a_zombie_repeated_goes_on_after_it():
    rows = [opinion(n, at=T0 + n * 600_000) for n in range(8)]
    log = Log(*rows[:6], rows[2], rows[3], *rows[6:])
    whole, store = await counted(log)
    assert whole.totals.counted == 8
    log.cut(6)
    state, emptied = await counted(log)
    assert state.fences[0].offset == 7
    assert (state.totals.counted, state.totals.holes) == (4, 0)
    assert (await recounted(log, emptied)).examples == []
    assert (await recounted(log, store)).examples == []


async def test_a_log_made_anew_goes_on_where_the_old_one_was_not_counted_to_its_end():
    held, store = await counted(Log(*(opinion(n) for n in range(3))))
    log = Log(opinion(6), opinion(7))
    start = start_from(held, log.look(topic_id="another"))
    step = fold(start.state, log.records, L)
    assert (step.state.totals.counted, step.state.totals.lost) == (5, 3)
    assert step.state.totals.holes == 0
    assert await store.step(0, held, step) is None
    assert (await recounted(log, store)).examples == []


async def test_a_mark_is_believed_where_the_log_has_deleted_what_it_speaks_of():
    held, store = await counted(Log(*(opinion(n) for n in range(3))))
    log = Log(*(opinion(n) for n in range(10)), mark(T0 + L, 9))
    log.cut(10)
    state, _ = await counted(log, held, store)
    assert state.mark == T0 + L


async def test_a_hole_in_a_whole_log_is_not_counted_until_it_is_filled():
    log = Log(opinion(0), opinion(5), mark(T0 + L, 5), *(opinion(n) for n in range(1, 6)))
    state, store = await counted(log)
    assert (state.totals.counted, state.totals.holes, state.mark) == (6, 1, 0)
    assert (await recounted(log, store)).same


async def test_a_quiet_partition_of_a_cut_log_is_not_called_different():
    log = Log(*(opinion(n) for n in range(5)), *(mark(T0 + n * 60_000, 4) for n in range(1, 5)))
    _, store = await counted(log)
    log.cut(6)
    assert (await recounted(log, store)).examples == []


async def test_an_arrival_in_the_last_year_that_there_is_counts():
    last = 253_402_300_799_999
    state, store = await counted(Log(opinion(0, at=last)))
    assert state.totals.counted == 1
    assert {name.level for name in store.shards[0].cells} == {"minute", "hour", "day"}


async def test_what_a_store_counted_before_the_log_begins_is_not_called_different():
    log = Log(*(opinion(n, at=T0, early=L) for n in range(3)))
    _, store = await counted(log)
    later = Log(*(opinion(n) for n in range(6)))
    later.cut(4)
    assert (await recounted(later, store)).examples == []


async def test_a_series_whose_newest_minute_the_log_has_deleted_is_not_called_different():
    log = Log(opinion(0, at=T0, early=L), opinion(1, at=T0), opinion(2, at=T0))
    _, store = await counted(log)
    log.cut(1)
    assert (await recounted(log, store)).examples == []


async def test_a_record_that_this_release_cannot_read_is_no_hole_for_ever():
    log = Log(*(opinion(n) for n in range(4)))
    foreign = (log.records[1].value or b"").replace(b'"news","published', b'"podcast","published')
    assert foreign != log.records[1].value
    log.records[1] = log.records[1]._replace(value=foreign)
    state, _ = await counted(log)
    assert (state.totals.counted, state.totals.holes, state.totals.unreadable) == (3, 0, 1)
