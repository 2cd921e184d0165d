"""The metrics of swapping and of the shadow run; ``Metrics`` of `consume` has them with all others."""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_SHARES: Final = tuple(part / 20 for part in range(1, 21))


class SwapMetrics:
    """Made in ``registry``; ``prefix`` begins each name."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        made: dict[str, Any] = {"registry": registry}
        self.swaps = Counter(
            prefix + "swaps",
            "Bundles that took over, by how: promoted, back (the one before again), or rolled_back (by itself).",
            ["how"],
            **made,
        )
        self.swap_failures = Counter(
            prefix + "swap_failures",
            "Bundles refused, by the stage: fetch, load, golden, warm, slow, late, or worse (in service).",
            ["stage"],
            **made,
        )
        self.swap_seconds = Histogram(
            prefix + "swap_seconds",
            "Seconds from seeing a new champion to its first batch.",
            buckets=_SECONDS,
            **made,
        )
        self.pinned = Gauge(
            prefix + "pinned",
            "1 while the champion of the registry is left alone since it failed twice, or was worse.",
            **made,
        )
        self.watching = Gauge(
            prefix + "watching", "1 while a new champion is watched, else 0.", **made
        )
        self.shadow_items = Counter(
            prefix + "shadow_items",
            "Items of the shadow run: compared, dropped (it was behind), or failed.",
            ["outcome"],
            **made,
        )
        self.shadow_agreed = Counter(
            prefix + "shadow_agreed",
            "Compared items of which challenger and champion say the same, by head.",
            ["head"],
            **made,
        )
        self.shadow_confidence = Histogram(
            prefix + "shadow_confidence",
            "Probability of the tone that was chosen, for champion and challenger on the same items.",
            ["side"],
            buckets=_SHARES,
            **made,
        )
        self.shadow_seconds = Counter(
            prefix + "shadow_seconds",
            "Seconds that the compared items took, for champion and challenger (on one thread).",
            ["side"],
            **made,
        )
        self.shadow_model = Gauge(
            prefix + "shadow_info", "The bundle that runs in shadow; always 1.", ["bundle"], **made
        )
