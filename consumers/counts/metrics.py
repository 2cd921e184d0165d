"""
Every metric of `count`, each with its sentence.

Rule: what leaves the process is named here and nowhere else; docs/metrics.md is generated from it.
"""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.counts.core.state import Totals

PREFIX: Final = "groundswell_count_"
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_LATENCY: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
    60.0,
    600.0,
)


class Metrics:
    """The metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}

        def counter(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(PREFIX + short, sentence, labels, **made)

        def gauge(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(PREFIX + short, sentence, labels, **made)

        self.counted = counter("counted", "Opinions counted.")
        self.late = counter("late", "Opinions counted as late: apart from the volume.")
        self.unread = counter("unread", "Opinions counted in a language the bundle does not know.")
        self.refused = counter("refused", "Refusals settled, by the reason's code.", ("reason",))
        self.lost = counter(
            "lost", "Source offsets whose item, or its verdict, was deleted unread."
        )
        self.ticks = counter("ticks", "Ticks of a replay settled.")
        self.repeats = counter("repeats", "Log records dropped since they had counted before.")
        self.holes = counter("holes", "Log records not counted since something before is missing.")
        self.unreadable = counter("unreadable", "Log records that are not messages.")
        self.log_lost = counter("log_lost", "Log records deleted before they were counted.")
        self.recreated = counter("recreated", "Source topics found to have been made anew.")
        self.log_recreated = counter("log_recreated", "Times that the log was found made anew.")
        self.steps = counter("steps", "Atomic steps that Redis acknowledged.")
        self.mismatches = counter(
            "mismatches", "Times that Redis held another state than expected."
        )
        self.failures = counter("failures", "Failed calls, each tried again.", ("part",))
        self.step_seconds = Histogram(
            PREFIX + "step_seconds", "Seconds of one atomic step.", buckets=_SECONDS, **made
        )
        self.latency = Histogram(
            PREFIX + "latency_seconds",
            "From an item's arrival at Kafka to the step that counted it, by the wall clock.",
            buckets=_LATENCY,
            **made,
        )
        self.lag = gauge("lag", "Records between position and end of a partition.", ("partition",))
        self.mark_age = gauge(
            "mark_age_seconds",
            "How far the partition's mark lies behind the wall clock.",
            ("partition",),
        )
        self.redis_up = gauge("redis_up", "Whether the last call to Redis was answered.")

    def grown(self, before: Totals, after: Totals) -> None:
        """Add what one step has added to a partition's totals."""
        for field in Totals.__struct_fields__:
            if field == "refused":
                continue
            more = getattr(after, field) - getattr(before, field)
            if more > 0:
                getattr(self, field).inc(more)
        known = dict(before.refused)
        for reason, number in after.refused:
            if number > known.get(reason, 0):
                self.refused.labels(reason).inc(number - known.get(reason, 0))

    def forget(self, partition: int) -> None:
        """Drop the gauges of a partition that went."""
        for by_partition in (self.lag, self.mark_age):
            by_partition.remove_by_labels({"partition": str(partition)})


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
