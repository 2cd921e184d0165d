"""
Every metric of `watch`, each with its sentence.

Rules: what leaves the process is named here and nowhere else; docs/metrics.md is generated from it. Series
are many, so none is a label: they are counted by state.
"""

from collections import Counter as Tallied
from typing import Any, Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.records.alerts import OPEN, Kind, State
from consumers.watch.core.together import All
from consumers.watch.relay import AlertMessage

PREFIX: Final = "groundswell_watch_"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}

        def gauge(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(PREFIX + short, sentence, labels, **made)

        def counter(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(PREFIX + short, sentence, labels, **made)

        self.lease = gauge(
            "lease_held", "1 where this process holds the lease and decides, else 0."
        )
        self.minute = gauge("decided_minute", "The last decided minute, since 1970 (UTC).")
        self.lag = gauge(
            "lag_minutes", "Minutes that the counts have passed and that are not decided yet."
        )
        self.series = gauge("series", "Series that are watched, by state.", ("state",))
        self.left_out = gauge(
            "partitions_left_out", "Partitions without progress, left out of the decision."
        )
        self.round_seconds = Histogram(
            PREFIX + "round_seconds",
            "Seconds of a round that decided: reading, deciding, writing, relaying.",
            buckets=_SECONDS,
            **made,
        )
        self.raised = counter("alerts", "Alerts raised, as they were relayed.", ("kind",))
        self.relayed = counter(
            "relayed", "Transitions relayed, by the state that followed.", ("state",)
        )
        for kind in get_args(Kind):
            self.raised.labels(kind)
        for state in get_args(State):
            self.series.labels(state).set(0)

    def told(self, message: AlertMessage) -> None:
        """Count a transition that was relayed."""
        self.relayed.labels(message.after).inc()
        if message.after == "firing" and message.before not in OPEN:
            self.raised.labels(message.kind).inc()

    def states(self, detectors: All) -> None:
        """Count the series by state."""
        found = Tallied(held.machine.status for held in detectors.series.values())
        for state in get_args(State):
            self.series.labels(state).set(found[state])


def described() -> list[tuple[str, str, str]]:
    """Return name, type and sentence of every metric, as `/metrics` shows them."""
    metrics = [m for m in vars(Metrics()).values() if isinstance(m, MetricWrapperBase)]
    return [
        (
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            family.documentation,
        )
        for metric in metrics
        for family in metric.describe()
    ]
