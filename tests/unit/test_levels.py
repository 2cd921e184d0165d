from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.levels import LEVELS, MINUTES, bucket_of, end_of, place_of

LAST = 253_402_300_799 // 60
"""The last minute of the year 9999."""


@given(st.sampled_from(LEVELS), st.integers(0, LAST))
def test_a_bucket_has_one_place_and_ends_no_later_than_its_window(level, minute):
    bucket = minute // MINUTES[level]
    window, field = place_of(level, bucket)

    assert bucket_of(level, window, field) == bucket
    assert (bucket + 1) * MINUTES[level] <= end_of(level, window)


@pytest.mark.parametrize(
    ("level", "when", "place"),
    [
        ("minute", datetime(1970, 1, 1, 2, 59, tzinfo=UTC), (2, 59)),
        ("hour", datetime(1970, 1, 2, 23, tzinfo=UTC), (1, 23)),
        ("day", datetime(2024, 12, 31, tzinfo=UTC), (2024, 366)),
        ("day", datetime(2026, 1, 1, tzinfo=UTC), (2026, 1)),
    ],
)
def test_places(level, when, place):
    assert place_of(level, int(when.timestamp()) // 60 // MINUTES[level]) == place
