import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.counts.core.minutes import is_closed, minute_of

L = 120_000
TIMES = st.integers(0, 10_000_000)


@pytest.mark.parametrize(
    ("published", "arrived", "mark", "expected"),
    [
        #   0         60        120       180       240       300 s
        #   ├────0────┼────1────┼────2────┼────3────┼────4────┤
        #             P    A                                       in the minute of P
        (60_000, 90_000, 0, (1, False)),
        #   P                   A = P + L                          the last that is in time
        (0, 120_000, 0, (0, False)),
        #   P                   A one ms later                     late, in the minute of A
        (0, 120_001, 0, (2, True)),
        #             A                   P = A + L                ahead: as published
        (180_000, 60_000, 0, (3, False)),
        #             A                   P one ms later           too far ahead: the minute of A
        (180_001, 60_000, 0, (1, True)),
        #   P         T one ms before the end of minute 0, + L     still open
        (0, 0, 179_999, (0, False)),
        #   P                             T = end + L              closed: the minute of T
        (0, 0, 180_000, (3, True)),
        #   P A late, and that minute is closed as well
        (0, 130_000, 300_000, (5, True)),
    ],
)
def test_the_minute(published, arrived, mark, expected):
    assert minute_of(published, arrived, mark, L) == expected


@given(TIMES, TIMES, TIMES, st.integers(0, 200_000))
def test_the_minute_that_is_answered_is_open(published, arrived, mark, lateness):
    minute, _ = minute_of(published, arrived, mark, lateness)

    assert not is_closed(minute, mark, lateness)


@given(TIMES, TIMES, TIMES, st.integers(0, 200_000))
def test_what_stands_where_the_mark_promises_never_meets_a_closed_minute(
    published, arrived, mark, lateness
):
    arrived = max(arrived, mark)
    minute, late = minute_of(published, arrived, mark, lateness)

    assert late == (abs(arrived - published) > lateness)
    assert minute == (arrived if late else published) // 60_000
