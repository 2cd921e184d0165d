"""
How good the alerts were: precision, and false alarms against the budget. Pure.

    precision      hits / (hits + misses), with the interval of Jeffreys' prior: beta quantiles with
                   shapes k + ½ and n − k + ½, from 0 where k = 0 and to 1 where k = n
                   (Brown, Cai and DasGupta, Interval estimation for a binomial proportion,
                   Statist. Sci. 2001, section 3.1.2 and the modification at its ends)
    false alarms   misses against budget × days decided; the exact interval of a Poisson mean: gamma
                   quantiles with shapes k and k + 1 (Garwood, Biometrika 1936)
    void           void / (hits + misses + void)

Rules: an alert is one episode, however often it was reopened; void ones count neither for nor against. The
budget is one of surges: events and missing data lie outside it, and umbrellas add at most a fifth of it, so
that only surges are held against it. What nobody has judged yet is not taken for anything: it is counted
apart, and the false alarms are also given as if all of it were false.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, get_args

import msgspec

from consumers.records.alerts import WATCH, Alert, Kind, Severity
from consumers.records.ports import Span
from consumers.special import beta_quantile, gamma_quantile

DAY: Final = 1440
BUDGETED: Final[Kind] = "surge"
_TAIL: Final = 0.025


@dataclass(frozen=True, slots=True)
class Count:
    """Alerts by what they turned out to be; ``by_person``: of the judged ones, those a person judged."""

    hits: int = 0
    misses: int = 0
    void: int = 0
    unjudged: int = 0
    by_person: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.hits + other.hits,
            self.misses + other.misses,
            self.void + other.void,
            self.unjudged + other.unjudged,
            self.by_person + other.by_person,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts counted by kind and severity; ``budgeted``: surges of minutes whose budget is known."""

    counts: dict[tuple[Kind, Severity], Count] = field(default_factory=dict)
    budgeted: Count = Count()

    def of(self, kind: Kind | None = None, severity: Severity | None = None) -> Count:
        """Return the sum over that kind and severity; None: over any."""
        chosen = (
            count
            for (k, s), count in self.counts.items()
            if kind in {None, k} and severity in {None, s}
        )
        return sum(chosen, Count())


class Precision(msgspec.Struct, frozen=True):
    """A line of the report. ``precision`` is None where nothing is a hit or a miss."""

    alerts: int
    hits: int
    misses: int
    void: int
    unjudged: int
    by_person: int
    precision: float | None
    interval: tuple[float, float] | None
    void_share: float | None


class FalseAlarms(msgspec.Struct, frozen=True):
    """
    Surges that were misses against the budget, over the ``days`` that were decided under a known one.

    ``ratio`` and its ``interval`` are observed over budgeted, None where nothing was budgeted; ``at_most``
    is the ratio if every surge that nobody has judged were false too.
    """

    observed: int
    unjudged: int
    days: float
    budgeted: float
    ratio: float | None
    interval: tuple[float, float] | None
    at_most: float | None


class Quality(msgspec.Struct, frozen=True):
    """The report; ``by_kind`` and ``by_severity`` hold what there are alerts of."""

    all: Precision
    by_kind: dict[str, Precision]
    by_severity: dict[str, Precision]
    false_alarms: FalseAlarms


def clipped(spans: Iterable[Span], since: int | None, until: int | None) -> tuple[Span, ...]:
    """Return what of the spans lies between two minutes, the second excluded; None: no end."""
    cut = (
        Span(
            span.since if since is None else max(span.since, since),
            span.until if until is None else min(span.until, until),
            span.budget,
        )
        for span in spans
    )
    return tuple(span for span in cut if span.since < span.until)


def tallied(before: Tally, alerts: Iterable[Alert], spans: Iterable[Span]) -> Tally:
    """Return the tally with some more alerts; each must be given once."""
    counts, budgeted, spans = dict(before.counts), before.budgeted, tuple(spans)
    for alert in alerts:
        key = alert.kind, alert.severity
        one = _counted(alert)
        counts[key] = counts.get(key, Count()) + one
        known = any(span.since <= alert.opened < span.until for span in spans)
        if alert.kind == BUDGETED and known:
            budgeted += one
    return Tally(counts, budgeted)


def _counted(alert: Alert) -> Count:
    verdict = alert.verdict
    if verdict is None:
        return Count(unjudged=1)
    return Count(
        hits=int(verdict.judgement == "hit"),
        misses=int(verdict.judgement == "miss"),
        void=int(verdict.judgement == "void"),
        by_person=int(verdict.actor != WATCH),
    )


def quality(tally: Tally, spans: Iterable[Span]) -> Quality:
    """Return the report on tallied alerts; ``spans`` are those that they were tallied with."""
    kinds = {kind for kind, _ in tally.counts}
    severities = {severity for _, severity in tally.counts}
    return Quality(
        all=precision_of(tally.of()),
        by_kind={k: precision_of(tally.of(kind=k)) for k in get_args(Kind) if k in kinds},
        by_severity={
            s: precision_of(tally.of(severity=s)) for s in get_args(Severity) if s in severities
        },
        false_alarms=false_alarms_of(tally.budgeted, spans),
    )


def precision_of(count: Count) -> Precision:
    """Return precision and share of void of counted alerts."""
    decided = count.hits + count.misses
    judged = decided + count.void
    return Precision(
        alerts=judged + count.unjudged,
        hits=count.hits,
        misses=count.misses,
        void=count.void,
        unjudged=count.unjudged,
        by_person=count.by_person,
        precision=count.hits / decided if decided else None,
        interval=share_interval(count.hits, decided) if decided else None,
        void_share=count.void / judged if judged else None,
    )


def false_alarms_of(count: Count, spans: Iterable[Span]) -> FalseAlarms:
    """Return false alarms against what the budgets of ``spans`` allow."""
    minutes = [(span.until - span.since, span.budget) for span in spans]
    budgeted = sum(length * budget for length, budget in minutes) / DAY
    low, high = mean_interval(count.misses)
    return FalseAlarms(
        observed=count.misses,
        unjudged=count.unjudged,
        days=sum(length for length, _ in minutes) / DAY,
        budgeted=budgeted,
        ratio=count.misses / budgeted if budgeted else None,
        interval=(low / budgeted, high / budgeted) if budgeted else None,
        at_most=(count.misses + count.unjudged) / budgeted if budgeted else None,
    )


def share_interval(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of which ``k`` of ``n`` > 0 were seen."""
    low = beta_quantile(_TAIL, k + 0.5, n - k + 0.5) if k else 0.0
    high = beta_quantile(1 - _TAIL, k + 0.5, n - k + 0.5) if k < n else 1.0
    return low, high


def mean_interval(k: int) -> tuple[float, float]:
    """Return the 95 % interval of the mean of a Poisson variable that was seen to be ``k``."""
    return gamma_quantile(_TAIL, k) if k else 0.0, gamma_quantile(1 - _TAIL, k + 1)
