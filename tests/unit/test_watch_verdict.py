import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.watch.core import verdict
from consumers.watch.core.effect import Effect
from consumers.watch.core.evidence import Null
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.verdict import Trial, distinct, trial_of

PARAMETERS = Parameters()
TITLES = ("Bank shuts branches", "Regulator fines a lender", "Rates up again in May")
NULL = Null(0.13, 5.0, 0.24, 0.1, 0.2)


def trial(**changes):
    base = {
        "series": "topic:banks", "onset": 90, "fired": 100, "about": "attention", "ratio": 1.3,
        "share": 0.24, "usual": 0.2, "expected": 6.0, "volume": 6, "negative": 6, "stories": 30,
    }  # fmt: skip
    return Trial(**(base | changes))  # type: ignore[arg-type]


def effect(observed, negative):
    return Effect(90, "tone", observed, 2.0, 3.0, (1.0, 5.0), 20, negative, 0.5, 0.2, None, 2, 0)


@pytest.mark.parametrize(
    ("changes", "titles", "judgement", "reason"),
    [
        ({"volume": 30}, TITLES, "hit", "30 negative stories against 6.0 expected"),
        ({}, TITLES, "miss", "did not last"),
        ({"volume": 0, "negative": 0}, TITLES, "miss", "did not last"),
        ({"about": "tone", "negative": 20}, TITLES, "hit", "20 of 30 negative"),
        ({"about": "tone", "volume": 30}, TITLES, "miss", "did not last"),
        ({"volume": 30, "fault": "partition 1 stood still"}, TITLES, "void", "stood still"),
        ({"volume": 30}, TITLES[:2], "void", "2 stories with 2 different titles"),
        ({"volume": 30}, ("Bank shuts 40 branches", *TITLES[:1] * 4), "void", "5 stories with 1"),
        ({"volume": 30}, (), "hit", "lasted"),
    ],
)
def test_a_surge_is_judged_by_the_hour_after(changes, titles, judgement, reason):
    judged = verdict.surge(trial(**changes), titles, PARAMETERS)

    assert judged.judgement == judgement
    assert reason in judged.reason


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_more_came_after_the_less_it_is_a_miss(one, other):
    low, high = sorted((one, other))
    first = verdict.surge(trial(volume=low), TITLES, PARAMETERS).judgement
    second = verdict.surge(trial(volume=high), TITLES, PARAMETERS).judgement

    assert (first, second) != ("hit", "miss")


def test_what_came_late_is_a_feed_that_returned():
    late = trial_of("s", 90, 100, "tone", NULL, effect(observed=4, negative=20))
    in_time = trial_of("s", 90, 100, "tone", NULL, effect(observed=12, negative=20))

    assert "returned" in late.fault
    assert in_time.fault == ""


def test_only_the_hour_after_the_alarm_counts():
    assert not verdict.is_over(trial(resolved=130), 159, PARAMETERS)
    assert verdict.is_over(trial(resolved=130), 160, PARAMETERS)
    assert not verdict.is_over(trial(), 500, PARAMETERS)
    later = verdict.gone_on(trial(), 161, None, None, "the feed fell silent", PARAMETERS)
    within = verdict.gone_on(trial(), 160, None, None, "the feed fell silent", PARAMETERS)
    assert later.fault == ""
    assert within.fault == "the feed fell silent"


def test_events_silences_and_umbrellas():
    assert [verdict.event(n).judgement for n in (1, 2)] == ["void", "hit"]
    assert [verdict.no_data(n).judgement for n in (14, 15)] == ["miss", "hit"]
    assert [verdict.umbrella(n).judgement for n in (59, 60)] == ["miss", "hit"]


@pytest.mark.parametrize(
    ("titles", "different"),
    [
        ((), 0),
        (("Rates rise", "RATES  rise", "Rates rise!"), 1),
        (("Acme cuts 400 jobs in Ohio", "UPDATE 1-Acme cuts 400 jobs in Ohio plant"), 1),
        (("Acme cuts jobs", "Zeta sues Acme"), 2),
        (("某银行暂停提款业务", "某银行暂停提款业务!", "监管机构调查某券商"), 2),
        (("", ""), 1),
    ],
)
def test_titles_that_differ(titles, different):
    assert distinct(titles) == different


@given(st.lists(st.text(max_size=40), max_size=12))
def test_titles_are_counted_within_bounds(titles):
    assert (1 if titles else 0) <= distinct(titles) <= len(titles)
    assert distinct(titles * 2) == distinct(titles)
