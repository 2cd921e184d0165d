import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from consumers.up.figures import buckets, milliseconds, minus, quantile, series_table, value


def page(values, bounds=(0.1, 0.2, 0.4)):
    registry = CollectorRegistry()
    histogram = Histogram("wait_seconds", "d", ["kind"], buckets=bounds, registry=registry)
    counter = Counter("seen", "d", ["kind"], registry=registry)
    for number, wait in enumerate(values):
        histogram.labels("ab"[number % 2]).observe(wait)
        counter.labels("ab"[number % 2]).inc()
    return generate_latest(registry).decode()


def test_buckets_are_cumulative_and_add_labels_up():
    assert buckets(page([0.05, 0.15, 0.15, 9]), "wait_seconds") == [
        (0.1, 1),
        (0.2, 3),
        (0.4, 3),
        (float("inf"), 4),
    ]


def test_a_later_look_minus_an_earlier_one():
    early, late = (buckets(page(v), "wait_seconds") for v in ([0.05], [0.05, 0.15, 0.3]))

    assert minus(late, early) == [(0.1, 0), (0.2, 1), (0.4, 2), (float("inf"), 2)]
    assert minus(late, []) == late


@pytest.mark.parametrize(
    ("share", "expected"), [(0.25, 0.1), (0.5, 0.15), (0.75, 0.2), (1.0, 0.4), (0.0, 0.0)]
)
def test_a_quantile_is_interpolated(share, expected):
    assert quantile(share, [(0.1, 1), (0.2, 3), (0.4, 3), (float("inf"), 4)]) == pytest.approx(
        expected
    )


def test_of_nothing_there_is_no_quantile():
    assert quantile(0.5, []) is None
    assert milliseconds([(0.1, 0), (float("inf"), 0)]) == {
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
    }


@given(st.lists(st.floats(0.0001, 0.39), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values, share):
    bounds = (0.1, 0.2, 0.4)
    got = quantile(share, buckets(page(values, bounds), "wait_seconds"))
    assert got is not None
    rank = share * len(values)
    true = next(v for n, v in enumerate(sorted(values), 1) if n >= rank - 1e-9)
    upper = next(b for b in bounds if true <= b)
    lower = max((b for b in bounds if b < true), default=0.0)

    assert lower - 1e-9 <= got <= upper + 1e-9


def test_the_series_table_begins_with_all():
    rows = series_table({"topic:a": (1, 0, 0, 1), "all": (1, 1, 1, 2), "topic:b": (2, 2, 0, 3)})

    assert [row["series"] for row in rows] == ["all", "topic:b", "topic:a"]
    assert (rows[1]["items"], rows[1]["stories"]) == (4, 3)


def test_a_value_is_read_by_its_name_and_is_no_number_where_it_is_not_there():
    page = "# TYPE minute gauge\nminute 12.0\n# TYPE minutes gauge\nminutes 3.0\n"
    assert value(page, "minute") == 12
    assert math.isnan(value(page, "hour"))
