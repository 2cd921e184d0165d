"""
The figures of a run: read from what the programs show at `/metrics`.

Rules: pure; a quantile comes from a histogram and is interpolated within its bucket, so it is as exact as
the buckets are narrow.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Buckets: TypeAlias = Sequence[tuple[float, float]]
"""Upper bound in seconds and cumulative count, ascending."""


def buckets(text: str, name: str) -> Buckets:
    """Return the cumulative buckets of histogram ``name``, label sets added up."""
    sums: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        if family.name == name:
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    bound = float(sample.labels["le"])
                    sums[bound] = sums.get(bound, 0.0) + sample.value
    return sorted(sums.items())


def value(text: str, name: str) -> float:
    """Return the value of a metric without labels; NaN if it is not there."""
    for family in text_string_to_metric_families(text):
        if family.name == name:
            return float(family.samples[0].value)
    return math.nan


def minus(late: Buckets, early: Buckets) -> Buckets:
    """Return what was counted between two looks at one histogram."""
    before = dict(early)
    return [(bound, count - before.get(bound, 0.0)) for bound, count in late]


def quantile(share: float, cumulative: Buckets) -> float | None:
    """
    Return the ``share`` quantile in seconds; None if nothing was counted.

    Above the last finite bound it is that bound: the true one is larger.
    """
    total = cumulative[-1][1] if cumulative else 0.0
    if total <= 0:
        return None
    rank = share * total
    low, below = 0.0, 0.0
    for bound, count in cumulative:
        if count >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / max(count - below, 1e-9)
        low, below = bound, count
    return low


def milliseconds(cumulative: Buckets) -> dict[str, float | None]:
    """Return p50, p95 and p99 in ms, to a tenth."""
    out: dict[str, float | None] = {}
    for share in (50, 95, 99):
        value = quantile(share / 100, cumulative)
        out[f"p{share}_ms"] = None if value is None else round(value * 1000, 1)
    return out


def series_table(shares: Mapping[str, Iterable[int]]) -> list[dict[str, Any]]:
    """Lay out negative, neutral and positive items, and stories, per series, most items first."""
    rows = [
        {
            "series": name,
            "negative": n,
            "neutral": z,
            "positive": p,
            "items": n + z + p,
            "stories": s,
        }
        for name, (n, z, p, s) in shares.items()
    ]
    return sorted(rows, key=lambda row: (row["series"] != "all", -int(row["items"]), row["series"]))
