"""The quality of alerts: intervals that cover as they say, tallies that do not depend on the order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.records.alerts import Alert, Verdict
from consumers.records.ports import Span
from consumers.records.quality import (
    Count,
    Tally,
    clipped,
    false_alarms_of,
    mean_interval,
    precision_of,
    quality,
    share_interval,
    tallied,
)

FIRST, LAST = 1000, 2000


def alert(kind="surge", severity="warning", judgement=None, actor="watch", opened=FIRST, n=0):
    verdict = None if judgement is None else Verdict(f"{n:x}", judgement, "", actor)
    return Alert(
        f"{n:x}", kind, "all", opened, "tone", severity, 9.0, 0, "", b"{}", "resolved", opened,
        opened, opened, 3, verdict=verdict,
    )  # fmt: skip


def report(alerts, decided):
    return quality(tallied(Tally(), alerts, decided), decided)


def precision(hits, misses):
    return precision_of(Count(hits, misses))


def false_alarms(misses):
    return false_alarms_of(Count(misses=misses), (Span(0, 1440, 0.5),))


some = st.lists(
    st.builds(
        alert,
        kind=st.sampled_from(["surge", "umbrella", "event", "no_data"]),
        severity=st.sampled_from(["warning", "critical"]),
        judgement=st.sampled_from([None, "hit", "miss", "void"]),
        actor=st.sampled_from(["watch", "ann"]),
        opened=st.integers(FIRST - 50, LAST + 50),
    ),
    max_size=40,
)
spans = st.lists(st.integers(FIRST, LAST), max_size=8, unique=True).map(
    lambda ends: tuple(
        Span(a, b, 0.1 + a % 3) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)
    )
)


@given(some, spans, st.integers(0, 40))
def test_a_tally_is_the_same_in_pieces_and_in_any_order(alerts, decided, cut):
    whole = tallied(Tally(), alerts, decided)
    pieces = tallied(tallied(Tally(), alerts[cut:], decided), alerts[:cut], decided)

    assert quality(whole, decided) == quality(pieces, decided)


@given(some, spans)
def test_every_alert_stands_in_one_place_of_each_breakdown(alerts, decided):
    found = report(alerts, decided)

    assert found.all.alerts == len(alerts)
    for parts in (found.by_kind, found.by_severity):
        for name in ("alerts", "hits", "misses", "void", "unjudged", "by_person"):
            assert sum(getattr(part, name) for part in parts.values()) == getattr(found.all, name)
    for part in (found.all, *found.by_kind.values()):
        assert part.hits + part.misses + part.void + part.unjudged == part.alerts
        assert part.by_person <= part.hits + part.misses + part.void
        if part.precision is None:
            assert part.hits + part.misses == 0
        else:
            low, high = part.interval
            assert 0 <= low <= part.precision <= high <= 1


@given(some, spans)
def test_only_surges_of_minutes_with_a_budget_are_held_against_it(alerts, decided):
    found = report(alerts, decided).false_alarms

    inside = [
        a
        for a in alerts
        if a.kind == "surge" and any(s.since <= a.opened < s.until for s in decided)
    ]
    assert found.observed == sum(
        a.verdict is not None and a.verdict.judgement == "miss" for a in inside
    )
    assert found.unjudged == sum(a.verdict is None for a in inside)
    assert found.budgeted == pytest.approx(sum((b - a) * c / 1440 for a, b, c in decided))
    if found.budgeted:
        low, high = found.interval
        assert low <= found.ratio <= high
        assert found.ratio <= found.at_most
    else:
        assert (found.ratio, found.interval, found.at_most) == (None, None, None)


@given(spans, st.none() | st.integers(FIRST - 9, LAST + 9), st.none() | st.integers(FIRST, LAST))
def test_spans_are_clipped_to_what_was_asked_for(decided, since, until):
    minutes = {m: s.budget for s in decided for m in range(s.since, s.until)}

    left = {m: s.budget for s in clipped(decided, since, until) for m in range(s.since, s.until)}

    assert left == {
        m: b
        for m, b in minutes.items()
        if (since is None or m >= since) and (until is None or m < until)
    }


def test_nothing_judged_is_said_as_nothing():
    found = report([alert()], ())

    assert found.all.precision is found.all.interval is found.all.void_share is None
    assert found.false_alarms.ratio is None
    assert list(found.by_kind) == ["surge"]


def test_figures_that_a_table_has():
    # Garwood's table; with nothing seen it ends where e^-mean = 0.025.
    assert mean_interval(0) == pytest.approx((0.0, -math.log(0.025)))
    assert mean_interval(10) == pytest.approx((4.795, 18.390), abs=1e-3)
    # Brown, Cai and DasGupta 2001, table 5: n = 10, x = 3.
    assert share_interval(3, 10) == pytest.approx((0.093, 0.606), abs=1e-3)
    assert share_interval(0, 4)[0] == 0.0
    assert share_interval(4, 4)[1] == 1.0


@given(st.floats(0.05, 25))
def test_the_interval_of_a_mean_covers_it_as_often_as_it_says(mean):
    weight, covered = math.exp(-mean), 0.0
    for k in range(120):
        low, high = mean_interval(k)
        covered += weight if low <= mean <= high else 0.0
        weight *= mean / (k + 1)

    assert covered >= 0.95 - 1e-9


@pytest.mark.parametrize("n", [5, 20, 60])
def test_the_interval_of_a_share_covers_it_about_as_often_as_it_says(n):
    ends = [share_interval(k, n) for k in range(n + 1)]
    coverage = []
    for step in range(1, 200):
        p = step / 200
        within = (k for k, (low, high) in enumerate(ends) if low <= p <= high)
        coverage.append(sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in within))

    assert sum(coverage) / len(coverage) == pytest.approx(0.95, abs=0.01)
    assert min(coverage) > 0.87


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_misses_never_look_better(hits, misses):
    few, more = precision(hits, misses + 1), precision(hits, misses + 2)
    assert more.precision <= few.precision
    assert more.interval[0] <= few.interval[0]
    assert more.interval[1] <= few.interval[1]
    fewer, greater = false_alarms(misses), false_alarms(misses + 1)
    assert greater.ratio > fewer.ratio
    assert greater.interval[0] > fewer.interval[0]
    assert greater.interval[1] > fewer.interval[1]
