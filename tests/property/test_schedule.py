import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.news.core.schedule import TICK_MS, parse_row, partition_of, schedule, wait_for
from groundswell.errors import InputError

rows = st.lists(st.tuples(st.integers(0, 10**7), st.text(min_size=1, max_size=5)), max_size=30)


def item(name, time=0):
    row = {"id": name, "published_at": "2026-01-01T00:00:00Z", "title": "t"}
    return time, parse_row(json.dumps(row).encode(), "f", 1)[1]


@given(rows, st.integers(1, 8))
def test_every_item_leaves_once_in_order_of_time(rows, partitions):
    due = list(schedule([item(name, time) for time, name in rows], partitions, 120_000))

    sent = [(d.time, json.loads(d.value)["id"]) for d in due if d.value]
    assert [d.time for d in due] == sorted(d.time for d in due)
    assert sorted(sent) == sorted(rows)
    assert all(d.partition in range(partitions) for d in due if d.value)


@given(rows)
def test_ticks_say_how_far_it_has_come_and_close_the_last_minute(rows):
    due = list(schedule([item(name, time) for time, name in rows], 4, 120_000))
    ticks = [d.time for d in due if d.value is None]

    assert bool(ticks) == bool(rows)
    assert all(b - a >= TICK_MS for a, b in pairwise(ticks))
    if rows:
        assert due[-1].value is None
        assert ticks[-1] == max(t for t, _ in rows) + 120_000 + TICK_MS


def test_no_minute_passes_without_a_tick():
    due = list(schedule([item(str(n), n * 30_000) for n in range(10)], 4, 0))

    assert [d.time for d in due if d.value is None] == [60_000, 120_000, 180_000, 240_000, 330_000]


@given(st.text(min_size=1), st.integers(1, 64))
def test_an_id_always_goes_to_one_partition(name, partitions):
    assert partition_of(name, partitions) == partition_of(name, partitions)
    assert 0 <= partition_of(name, partitions) < partitions


def test_ids_spread():
    assert {partition_of(str(n), 4) for n in range(50)} == {0, 1, 2, 3}


def test_a_row_without_names_gets_them():
    row = {"published_at": "2026-01-01T00:00:00Z", "text": "t", "summary": "b"}

    time, parsed = parse_row(json.dumps(row).encode(), "f.jsonl", 7)

    assert (parsed.id, parsed.source, parsed.title, parsed.body) == (
        "f.jsonl:7",
        "replay",
        "t",
        "b",
    )
    assert time == 1_767_225_600_000


def test_the_arrival_may_differ_from_the_publication():
    row = {
        "published_at": "2026-01-01T00:00:00Z",
        "arrived_at": "2026-01-01T00:01:00Z",
        "title": "t",
    }

    assert parse_row(json.dumps(row).encode(), "f", 1)[0] == 1_767_225_660_000


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"[]",
        b'{"title": "no date"}',
        b'{"title": "t", "published_at": "2026-01-01T00:00:00"}',
        b'{"title": "t", "published_at": "2026-01-01T00:00:00Z", "arrived_at": 5}',
        b'{"x": ' + b"[" * 5000,
    ],
)
def test_a_bad_row_names_its_place(row):
    with pytest.raises(InputError, match=r"f\.jsonl:3"):
        parse_row(row, "f.jsonl", 3)


@pytest.mark.parametrize(
    ("elapsed", "speed", "expected"), [(0, 0, 0), (0, 1, 10), (4, 1, 6), (0, 10, 1), (99, 1, 0)]
)
def test_the_rhythm(elapsed, speed, expected):
    assert wait_for(20_000, 10_000, elapsed, speed) == expected
