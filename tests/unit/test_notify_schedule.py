"""Quiet and active hours, across midnight, where the clock changes, and on an exchange's holidays."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from consumers.notify.core.schedule import clock_time, muted, never_closed, next_digest
from consumers.records.notices.values import Digest, Schedule, Window

BERLIN = ZoneInfo("Europe/Berlin")


def at(text, zone=BERLIN):
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def held(schedule, closed, now):
    found = muted(schedule, closed, now)
    assert found is not None
    return found


def ends(schedule, text, closed=never_closed):
    found = muted(schedule, closed, at(text))
    return found and datetime.fromtimestamp(found.until / 1000, BERLIN).isoformat()[:16]


NIGHT = Schedule("Europe/Berlin", quiet=(Window("22:00", "07:00"),))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-02T12:00", None),
        ("2026-03-02T22:00", "2026-03-03T07:00"),
        ("2026-03-03T06:59", "2026-03-03T07:00"),
        ("2026-03-03T07:00", None),
    ],
)
def test_quiet_hours_go_across_midnight(now, until):
    assert ends(NIGHT, now) == until


def test_a_night_belongs_to_the_day_on_which_it_starts():
    friday = Schedule("Europe/Berlin", quiet=(Window("22:00", "07:00", ("fri",)),))
    assert ends(friday, "2026-03-06T23:00") == "2026-03-07T07:00"
    assert ends(friday, "2026-03-07T06:00") == "2026-03-07T07:00"
    assert ends(friday, "2026-03-06T06:00") is None
    assert ends(friday, "2026-03-07T23:00") is None


def test_outside_of_active_hours_is_quiet():
    work = Schedule("Europe/Berlin", active=(Window("09:00", "18:00", ("mon", "tue", "fri")),))
    assert ends(work, "2026-03-03T10:00") is None
    assert ends(work, "2026-03-03T18:00") == "2026-03-06T09:00"


def test_quiet_wins_over_active():
    both = Schedule(
        "Europe/Berlin", quiet=(Window("12:00", "13:00"),), active=(Window("09:00", "18:00"),)
    )
    assert ends(both, "2026-03-03T12:30") == "2026-03-03T13:00"


def test_a_window_of_equal_ends_is_the_whole_day():
    sunday = Schedule("Europe/Berlin", quiet=(Window("00:00", "00:00", ("sun",)),))
    assert ends(sunday, "2026-03-08T15:00") == "2026-03-09T00:00"
    assert ends(sunday, "2026-03-07T23:59") is None


def test_always_quiet_is_looked_at_again_a_day_later():
    assert ends(Schedule("Europe/Berlin", quiet=(Window("05:00", "05:00"),)), "2026-03-02T12:00")


def test_the_clock_of_the_zone_changes():
    short = at("2026-03-29T07:00") - at("2026-03-28T22:00")
    assert short == 8 * 3_600_000
    assert held(NIGHT, never_closed, at("2026-03-28T22:00")).until == at("2026-03-29T07:00")
    assert held(NIGHT, never_closed, at("2026-10-24T22:00")).until == at("2026-10-25T07:00")


def test_days_on_which_the_exchange_is_closed_are_held():
    def closed(day):
        return day.weekday() > 4 or day == date(2026, 4, 3)

    market = Schedule("Europe/Berlin", market="XETR")
    assert ends(market, "2026-04-02T12:00", closed) is None
    assert ends(market, "2026-04-03T09:00", closed) == "2026-04-06T00:00"
    assert held(market, closed, at("2026-04-03T09:00")).why == "market_closed"


def test_the_digest_comes_once_a_day_at_its_local_time():
    first = next_digest(Digest("08:30"), "Europe/Berlin", "s1", at("2026-03-28T12:00"))
    spread = first - at("2026-03-29T08:30")
    assert 0 <= spread < 120_000
    assert next_digest(Digest("08:30"), "Europe/Berlin", "s1", first) == first + 24 * 3_600_000
    assert next_digest(Digest("08:30"), "Europe/Berlin", "s1", first - 1) == first


@pytest.mark.parametrize("text", ["8", "8:xx", "24:00", "12:60", "", "-1:00"])
def test_what_is_no_time_of_the_day_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        clock_time(text)
