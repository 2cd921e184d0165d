import math
from pathlib import Path

import pytest

from consumers.watch.core import budget
from consumers.watch.core.detectability import card
from consumers.watch.core.evidence import Null, Seen, empty, log_evidence, step
from consumers.watch.core.parameters import Parameters
from groundswell.errors import Bug


def test_the_shares_of_all_series_add_up_to_the_budget():
    logs = budget.log_thresholds(0.5, {"a": 1.0, "b": 1.0, "c": 4.0}, tick=1)

    alarms_a_day = {name: 1440 / math.exp(log) for name, log in logs.items()}
    assert sum(alarms_a_day.values()) == pytest.approx(0.5)
    assert alarms_a_day["c"] == pytest.approx(4 * alarms_a_day["a"])


def test_fifteen_equal_topics_wait_thirty_days_each():
    log = budget.log_threshold(0.5, 1, 15, tick=5)

    assert log == pytest.approx(math.log(30 * 288))


def test_a_longer_tick_needs_fewer_ticks():
    assert budget.log_threshold(1 / 30, 1, 1, 1440) == pytest.approx(math.log(30))
    assert budget.log_threshold(10, 1, 1, 1440) == 0


@pytest.mark.parametrize(("rate", "weight"), [(0, 1), (-1, 1), (1, 0), (1, 3)])
def test_what_is_no_budget_is_a_bug(rate, weight):
    with pytest.raises(Bug, match="must be positive"):
        budget.log_threshold(rate, weight, 2, 1)


def test_pending_is_once_a_day_and_never_above_the_threshold():
    assert budget.log_pending(11.0, 1) == pytest.approx(math.log(1440))
    assert budget.log_pending(3.4, 1440) == pytest.approx(math.log(3))
    assert budget.log_pending(2.0, 1) == 2.0


def null(per_hour):
    expected = per_hour / 60
    return Null(expected * 1.3, 5.0, 0.24, expected, 0.2)


def test_a_card_says_what_can_be_found_and_what_cannot():
    parameters = Parameters()
    log_a = budget.log_threshold(0.5, 1, 15, 1)
    busy = card(null(12), log_a, parameters)
    tiny = card(null(0.02), log_a, parameters)

    minutes = [found.minutes or math.inf for found in busy]
    assert minutes == sorted(minutes, reverse=True)
    assert minutes[-1] < 30
    assert all((found.minutes or math.inf) > 1440 for found in tiny[:2])
    assert card(null(12), log_a, parameters, [1.2])[0].minutes is None


def test_a_card_foretells_how_long_evidence_takes_to_grow():
    parameters = Parameters()
    log_a = budget.log_threshold(0.5, 1, 15, 1)
    usual = null(60)
    told = card(usual, log_a, parameters, [3.0])[0]
    state, tick = empty(10, 0), 0
    while log_evidence(state) < log_a:
        state = step(state, tick, Seen(3, 0), usual, parameters.ratios)
        tick += 1

    assert told.volume
    assert tick == pytest.approx(told.volume, rel=0.3)


def test_the_page_says_what_the_card_computes():
    page = (Path(__file__).parents[2] / "docs" / "detection.md").read_text("utf-8")
    log_a = budget.log_threshold(1 / 30, 1, 1, 1)
    for per_hour in (12, 4, 1, 0.2):
        usual = null(per_hour)._replace(size=50.0)
        hours = [(f.volume or math.inf) / 60 for f in card(usual, log_a, Parameters(), [3, 5, 10])]
        told = " | ".join(f"{h:.1f} h" if h < 24 else "not in a day" for h in hours)

        assert f"| {per_hour} | {told} |" in page


def test_a_series_without_stories_has_a_card_too():
    counts = Null(0.5, 5.0, 1.0, 0.4, 1.0)

    assert card(counts, 10.0, Parameters(), [5.0])[0].share is None
