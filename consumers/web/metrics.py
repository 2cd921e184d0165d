"""
Every metric of `serve`, each with its sentence.

Rule: what leaves the process is named here and nowhere else; docs/metrics.md is generated from it. Labels
are operations and statuses, never what a client sent.
"""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

PREFIX: Final = "groundswell_serve_"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}

        def counter(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(PREFIX + short, sentence, labels, **made)

        self.requests = counter(
            "requests", "Answers, by operation and status.", ("operation", "status")
        )
        self.seconds = Histogram(
            PREFIX + "seconds",
            "From request to the head of the answer, in seconds; streams left out.",
            buckets=_SECONDS,
            **made,
        )
        self.denied = counter("denied", "Requests without a good key, by why.", ("why",))
        self.limited = counter("limited", "Requests over a rate limit.")
        self.unaudited = counter("unaudited", "Actions whose line of audit could not be written.")
        self.news = counter("news", "News items pushed in, by what became of each.", ("outcome",))
        self.streams = Gauge(PREFIX + "streams", "Open streams, by kind.", ("kind",), **made)
        self.open_streams = 0
        """Open streams of all kinds, which the limit is held against."""
        self.cut = counter("streams_cut", "Streams that were cut off, by why.", ("why",))
        self.events = counter("events", "Transitions read for the stream of alerts.")
        self.newest = Gauge(
            PREFIX + "newest_event", "Number of the newest transition read.", **made
        )

    def opened(self, kind: str, by: int) -> None:
        """Count a stream that opened (1) or ended (-1)."""
        self.open_streams += by
        self.streams.labels(kind).inc(by)


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
