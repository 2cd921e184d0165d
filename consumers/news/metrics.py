"""
Every metric of `consume`, each with its sentence.

Rule: what leaves the process is named here and nowhere else; docs/metrics.md is generated from it.
"""

from collections.abc import Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.news.swap.metrics import SwapMetrics

PREFIX: Final = "groundswell_consume_"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_STAGES: Final = "tokenise, wait, infer, story, publish, commit"


class Metrics(SwapMetrics):
    """The metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        super().__init__(self.registry, PREFIX)
        made: dict[str, Any] = {"registry": self.registry}

        def name(short: str) -> str:
            return PREFIX + short

        self.items = Counter(name("items"), "Opinions that stand in the log.", **made)
        self.refused = Counter(
            name("refused"), "Items refused, by the reason's code.", ["reason"], **made
        )
        self.lost = Counter(
            name("lost"), "Offsets that were deleted before they were read: gaps.", **made
        )
        self.batches = Counter(name("batches"), "Batches that the model was asked about.", **made)
        self.tokens = Counter(name("tokens"), "Tokens of the items in those batches.", **made)
        self.padded = Counter(
            name("padded_tokens"), "Tokens of those batches with padding: the cost.", **made
        )
        self.batch_items = Histogram(
            name("batch_items"), "Items in a batch.", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **made
        )
        self.stage = Histogram(
            name("stage_seconds"),
            f"Seconds that a stage took, a batch at a time: {_STAGES}.",
            ["stage"],
            buckets=_SECONDS,
            **made,
        )
        self.stories = Counter(
            name("stories"),
            "Items by how their story was found: new, same, title, body, or again (asked before).",
            ["why"],
            **made,
        )
        self.stories_shared = Gauge(
            name("stories_shared"),
            "1 while stories are shared through Redis, 0 while this process goes by its own memory.",
            **made,
        )
        self.window = Gauge(name("window_items"), "Items waiting to be batched.", **made)
        self.unsettled = Gauge(
            name("unsettled_items"), "Items read whose verdict is not acknowledged yet.", **made
        )
        self.lag = Gauge(
            name("lag"), "Records between position and end of a partition.", ["partition"], **made
        )
        self.mark_age = Gauge(
            name("mark_age_seconds"),
            "How far the partition's newest mark lies behind the wall clock.",
            ["partition"],
            **made,
        )
        self.partitions = Gauge(name("partitions"), "Partitions that this process owns.", **made)
        self.loop_lag = Histogram(
            name("loop_lag_seconds"),
            "How late the event loop was: heartbeats are late by as much.",
            buckets=_SECONDS,
            **made,
        )
        self.paused = Counter(
            name("paused_seconds"), "Seconds without reading since nothing more had room.", **made
        )
        self.failures = Counter(
            name("failures"), "Failed calls to the outside, each tried again.", ["part"], **made
        )
        self.golden = Gauge(
            name("golden_distance"),
            "Distance to the golden texts when the bundle was loaded, per head: mean of probabilities, or share of texts with other names.",
            ["head"],
            **made,
        )
        self.model = Gauge(
            name("model_info"),
            "The bundle, precision and execution provider in use; always 1.",
            ["bundle", "precision", "provider"],
            **made,
        )

    def serving(self, bundle: str, precision: str, provider: str) -> None:
        """Note which bundle serves, on what."""
        self.model.clear()
        self.model.labels(bundle, precision, provider).set(1)

    def batch(self, lengths: Sequence[int], infer: float, whole: float) -> None:
        """Note a batch: tokens of each item, seconds in the model and from the window on."""
        self.batches.inc()
        self.batch_items.observe(len(lengths))
        self.tokens.inc(sum(lengths))
        self.padded.inc(max(lengths) * len(lengths))
        self.stage.labels("infer").observe(infer)
        self.stage.labels("wait").observe(max(0.0, whole - infer))


def described() -> list[tuple[str, str, str]]:
    """Return name, type and sentence of every metric, as `/metrics` shows them."""
    metrics = [m for m in vars(Metrics()).values() if isinstance(m, MetricWrapperBase)]
    rows = []
    for metric in metrics:
        family = metric.describe()
        for found in family:
            suffix = "_total" if found.type == "counter" else ""
            rows.append((found.name + suffix, found.type, found.documentation))
    return rows
