"""`recount` over a log in memory: it finds no difference where there is none, and each that is planted."""

import msgspec
import pytest

from consumers.adapters.memory_counts import MemoryCounts
from consumers.counts import recount as recount_module
from consumers.counts.core.cells import ZERO
from consumers.counts.core.fold import fold
from consumers.counts.core.levels import CellHash, Shelf
from consumers.counts.core.start import start_from
from consumers.counts.core.state import Fence, PartitionState
from consumers.counts.recount import Recount, told  # type: ignore[attr-defined]
from consumers.ports import Bounds
from groundswell.errors import CannotContinue
from tests.count_world import KEPT, T0, L, mark, opinion, records, refusal

DAY = 86_400_000


class Log:
    """The log of some partitions, as a scan."""

    def __init__(self, partitions):
        self.partitions = partitions
        self.first = dict.fromkeys(partitions, 0)

    def cut(self, partition, first):
        self.first[partition] = first

    async def bounds(self):
        return {
            p: (self.first[p], rows[-1].offset + 1 if rows else 0)
            for p, rows in self.partitions.items()
        }

    async def read(self, partition, first, end):
        for record in self.partitions[partition]:
            if max(first, self.first[partition]) <= record.offset < end:
                yield record

    async def close(self):
        return


def world(*, hole=True):
    """Two partitions of a busy log."""
    return Log(
        {
            p: records(
                *(
                    opinion(n, at=T0 + n * 40_000, topics=(f"t{n % 3}",), partition=p)
                    for n in range(60)
                ),
                opinion(5, partition=p),
                refusal(60),
                mark(T0 + 61 * 40_000, 60),
                b"nonsense",
                opinion(70, partition=p) if hole else b"nonsense",
                partition=p,
            )
            for p in (0, 1)
        }
    )


async def counted(log, shards=1, upto=None):
    store = MemoryCounts(shards, KEPT)
    for partition, rows in log.partitions.items():
        first, end = (await log.bounds())[partition]
        start = start_from(None, Bounds(None, "", first, end, "o"))
        batch = [r for r in rows if first <= r.offset < (upto or end)]
        assert await store.step(partition, None, fold(start.state, batch, L)) is None
    return store


async def recounted(log, store):
    return await Recount(log, store, len(store.shards), L, KEPT).run()


@pytest.mark.parametrize("shards", [1, 2, 3])
async def test_what_was_counted_rightly_is_found_equal(shards, monkeypatch):
    monkeypatch.setattr(recount_module, "_BATCH", 7)
    monkeypatch.setattr(recount_module, "_HASHES", 3)
    log = world()
    report = await recounted(log, await counted(log, shards))

    assert (report.same, report.differences, report.examples) == (True, 0, [])
    assert (report.counted, report.refused, report.lost, report.offsets) == (120, 2, 0, 122)
    assert (report.repeats, report.holes, report.behind, report.left_out) == (2, 2, 0, 0)
    assert report.partitions == 2
    assert report.cells > 100


async def test_what_is_not_counted_yet_is_no_difference():
    log = world()
    report = await recounted(log, await counted(log, upto=30))

    assert report.same
    assert (report.counted, report.behind) == (60, 70)


async def test_an_empty_store_is_behind_and_says_so():
    report = await recounted(world(), MemoryCounts(1, KEPT))

    assert (report.same, report.counted, report.behind) == (True, 0, 130)
    assert report.notes == ["partition 0: not counted yet", "partition 1: not counted yet"]


def a_cell_is_missing(shard):
    del shard.cells[CellHash("day", "all", 2026)]


def a_cell_is_wrong(shard):
    fields = shard.cells[CellHash("minute", "topic:t1", T0 // 3_600_000)]
    fields[next(iter(fields))] = ZERO


def a_cell_is_too_many(shard):
    shard.cells[CellHash("hour", "ghost", T0 // DAY)] = {1: ZERO}


def a_line_is_missing(shard):
    shard.lines[Shelf("topic:t1", new=True)] = shard.lines[Shelf("topic:t1", new=True)][1:]


def a_line_is_too_many(shard):
    shard.lines[Shelf("topic:t1", new=False)] = shard.lines[Shelf("topic:t1", new=True)]


def the_index_is_wrong(shard):
    shard.series["all"] += 1


def a_series_is_missing(shard):
    del shard.series["topic:t0"]


def a_fence_is_wrong(shard):
    fences = (Fence("news", "n", 0, 59),)
    shard.states[0] = msgspec.structs.replace(shard.states[0], fences=fences)


def a_total_is_wrong(shard):
    totals = msgspec.structs.replace(shard.states[0].totals, counted=61)
    shard.states[0] = msgspec.structs.replace(shard.states[0], totals=totals)


def the_mark_is_wrong(shard):
    shard.states[1] = msgspec.structs.replace(shard.states[1], mark=T0)


def a_partition_is_too_many(shard):
    shard.states[7] = PartitionState(position=3)


def the_position_is_beyond_the_log(shard):
    shard.states[0] = msgspec.structs.replace(shard.states[0], position=1000)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (a_cell_is_missing, "all, day"),
        (a_cell_is_wrong, "topic:t1, minute"),
        (a_cell_is_too_many, "ghost, hour"),
        (a_line_is_missing, "only the log has news/0 offset"),
        (a_line_is_too_many, "only the store has news/0 offset 1 (a copy)"),
        (the_index_is_wrong, "series all, newest minute"),
        (a_series_is_missing, "series topic:t0"),
        (a_fence_is_wrong, "partition 0, fences"),
        (a_total_is_wrong, "partition 0, counted"),
        (the_mark_is_wrong, "partition 1, mark"),
        (a_partition_is_too_many, "partition 7: counted, but the log has none such"),
        (the_position_is_beyond_the_log, "partition 0: the store stands at 1000"),
    ],
)
async def test_each_difference_is_named(spoil, sentence):
    log = world()
    store = await counted(log)
    spoil(store.shards[0])
    report = await recounted(log, store)

    assert not report.same
    assert report.differences >= 1
    assert any(sentence in example for example in report.examples), report.examples
    assert "DIFFERENT" in told(report)


async def test_a_log_that_retention_has_cut_is_compared_as_far_as_it_reaches():
    log = world(hole=False)  # in such a log, a hole may be what was deleted
    store = await counted(log)
    log.cut(0, 30)
    log.cut(1, 30)
    report = await recounted(log, store)

    assert (report.same, report.examples) == (True, [])
    assert report.left_out > 0
    assert "partition 0: the log begins at offset 30" in report.notes[0]
    assert "no difference" in told(report)

    for fields in store.shards[0].cells.values():
        fields[max(fields)] = ZERO
    assert not (await recounted(log, store)).same


async def test_a_log_that_is_gone_wholly_leaves_nothing_to_compare():
    log = world()
    store = await counted(log)
    for partition in (0, 1):
        log.cut(partition, 65)
    report = await recounted(log, store)

    assert (report.same, report.cells) == (True, 0)
    assert "nothing to compare" in report.notes[0]


async def test_windows_that_may_have_expired_are_left_out():
    log = Log({0: records(opinion(0), mark(T0 + 3 * DAY, 0))})
    store = await counted(log)
    del store.shards[0].cells[CellHash("minute", "all", T0 // 3_600_000)]
    report = await recounted(log, store)

    assert report.same
    assert report.left_out == 2  # one minute in each of two series


async def test_lines_are_compared_from_where_they_are_kept():
    log = world()
    store = await counted(log, upto=30)
    shard = store.shards[0]
    shard.lines.clear()
    shard.spans.clear()  # as a release without lines left it
    assert (await recounted(log, store)).same
    for partition, rows in log.partitions.items():
        held = shard.states[partition]
        assert await store.step(partition, held, fold(held, rows[30:], L)) is None
    report = await recounted(log, store)

    assert (report.same, report.examples) == (True, [])
    assert report.lines > 60
    assert "partition 0: story lines are kept from log offset 30 on" in report.notes

    shelf = Shelf("topic:t1", new=True)
    shard.lines[shelf] = shard.lines[shelf][:-1]
    assert (await recounted(log, store)).differences == 1


async def test_counting_may_go_on_meanwhile(monkeypatch):
    monkeypatch.setattr(recount_module, "_HASHES", 2)
    log = world()
    store = await counted(log, upto=30)
    snapshot = store.snapshot
    rows = iter(log.partitions[0][30:60])

    async def moving(shard, hashes, shelves=()):
        if (row := next(rows, None)) is not None:
            held = store.shards[0].states[0]
            assert await store.step(0, held, fold(held, [row], L)) is None
        return await snapshot(shard, hashes, shelves)

    store.snapshot = moving
    report = await recounted(log, store)

    assert (report.same, report.examples) == (True, [])
    assert report.counted > 60


async def test_a_store_that_is_put_back_meanwhile_is_named():
    log = world()
    store, older = await counted(log), await counted(log, upto=30)
    snapshot = store.snapshot

    async def moving(shard, hashes, shelves=()):
        answer = await snapshot(shard, hashes, shelves)
        store.shards = older.shards
        return answer

    store.snapshot = moving
    with pytest.raises(CannotContinue, match="put back while it was recounted"):
        await recounted(log, store)


async def test_only_some_of_many_differences_are_spelled_out():
    log = world()
    store = await counted(log)
    for fields in store.shards[0].cells.values():
        fields.clear()
    report = await recounted(log, store)

    assert report.differences > len(report.examples) == 50
