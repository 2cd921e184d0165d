"""
Every metric of `notify`, each with its sentence.

Rule: what leaves the process is named here and nowhere else; docs/metrics.md is generated from it.
"""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.records.notices.ports import Claim, Outcome, Plan, Pruned

PREFIX: Final = "groundswell_notify_"
_SECONDS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)


class Metrics:
    """The metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}

        def counter(short: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(PREFIX + short, sentence, labels, **made)

        self.transitions = counter("transitions", "Transitions planned from.")
        self.messages = counter("messages", "Messages queued, by reason.", ("reason",))
        self.withheld = counter("withheld", "Messages withheld, by reason.", ("reason",))
        self.tries = counter(
            "tries", "Tries, by kind of channel and how each ended.", ("kind", "result")
        )
        self.joined = counter("combined", "Late messages combined with what came after them.")
        self.seconds = Histogram(
            PREFIX + "seconds",
            "From queued to delivered, in seconds.",
            buckets=_SECONDS,
            **made,
        )
        self.waiting = Gauge(PREFIX + "waiting", "Messages in the queue.", **made)
        self.oldest = Gauge(
            PREFIX + "oldest_seconds", "Age of the oldest message in the queue.", **made
        )

        self.gone = counter("pruned", "Old rows removed: of the queue, and of its log.", ("what",))

    def planned(self, plan: Plan) -> None:
        """Count a plan that was written."""
        self.transitions.inc(len(plan.rows))
        for one in plan.deliveries:
            self.messages.labels(one.message.reason).inc()
        for line in plan.lines:
            self.withheld.labels(line.reason).inc()

    def tried(self, claim: Claim, outcome: Outcome, now: int) -> None:
        """Count a try."""
        self.tries.labels(claim.channel.kind, outcome.stage).inc()
        if outcome.stage == "sent":
            self.seconds.observe(max(now - claim.planned_at, 0) / 1000)

    def combined(self, count: int) -> None:
        """Count messages that were combined."""
        self.joined.inc(count)

    def pruned(self, gone: Pruned) -> None:
        """Count what was removed."""
        self.gone.labels("delivery").inc(gone.deliveries)
        self.gone.labels("log_line").inc(gone.lines)

    def queue(self, waiting: int, oldest: int | None, now: int) -> None:
        """Say what stands in the queue."""
        self.waiting.set(waiting)
        self.oldest.set(0 if oldest is None else max(now - oldest, 0) / 1000)


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
