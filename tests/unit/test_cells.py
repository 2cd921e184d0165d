import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.cells import (
    SOURCES_KEPT,
    ZERO,
    Tally,
    hash_of,
    merge,
    pack,
    smallest,
    unpack,
)

HASHES = st.sets(st.integers(0, 2**32 - 1), max_size=60)
TALLIES = st.builds(
    lambda counts, negative, bundles, sources: Tally(
        tuple(counts), negative, smallest(bundles, 8), smallest(sources, 32)
    ),
    st.lists(st.integers(0, 2**20), min_size=12, max_size=12),
    st.integers(0, 2**50),
    HASHES,
    HASHES,
)


@given(TALLIES, TALLIES, TALLIES)
def test_merging_is_associative_and_commutative_and_zero_is_neutral(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, b) == merge(b, a)
    assert merge(a, ZERO) == a


@given(st.lists(HASHES, max_size=6))
def test_the_smallest_hashes_of_parts_are_those_of_the_whole(parts):
    total = ZERO
    for part in parts:
        total = merge(total, Tally(sources=smallest(part, 32), bundles=smallest(part, 8)))

    assert total.sources == smallest(set().union(*parts), 32)
    assert total.bundles == smallest(set().union(*parts), 8)


@given(TALLIES)
def test_packing_loses_nothing(tally):
    assert unpack(pack(tally)) == tally


def test_a_packed_cell_is_57_bytes_and_4_for_each_hash():
    tally = Tally(tuple(range(12)), 7, (1, 2), (3,))

    assert len(pack(tally)) == 57 + 4 * 3
    assert pack(tally)[:8] == struct.pack("<2I", 0, 1)


def test_what_is_no_cell_is_refused():
    with pytest.raises(struct.error):
        unpack(b"short")


def test_the_parts_of_the_counts_have_names():
    tally = Tally(tuple(range(12)))

    assert tally.items == (0, 1, 2)
    assert tally.stories == (3, 4, 5)
    assert tally.late_items == (6, 7, 8)
    assert tally.late_stories == (9, 10, 11)


@pytest.mark.parametrize("number", [0, 1, 31])
def test_few_sources_are_counted_exactly(number):
    hashes = {hash_of(f"source {n}") for n in range(number)}

    assert Tally(sources=smallest(hashes, SOURCES_KEPT)).distinct_sources == number


@pytest.mark.parametrize("number", [100, 1000, 20_000])
def test_many_sources_are_estimated_within_half(number):
    hashes = {hash_of(f"source {n}") for n in range(number)}
    estimate = Tally(sources=smallest(hashes, SOURCES_KEPT)).distinct_sources

    assert number / 2 < estimate < number * 2


def test_an_estimate_is_never_below_what_was_seen():
    assert Tally(sources=tuple(range(2**32 - 32, 2**32))).distinct_sources == SOURCES_KEPT
