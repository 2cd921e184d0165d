from prometheus_client import CollectorRegistry, generate_latest

from consumers.counts.core.state import Totals
from consumers.counts.metrics import PREFIX, Metrics, described


def test_every_metric_has_its_prefix_and_its_sentence():
    rows = described()

    assert len({name for name, _, _ in rows}) == len(rows)
    assert all(name.startswith(PREFIX) and text.endswith(".") for name, _, text in rows)
    assert ("groundswell_count_latency_seconds", "histogram") in {row[:2] for row in rows}


def test_what_a_step_has_added_is_added():
    metrics = Metrics(CollectorRegistry())
    before = Totals(counted=5, refused=(("a", 1), ("b", 2)), holes=1)
    after = Totals(counted=9, refused=(("a", 1), ("b", 4), ("c", 1)), holes=1)
    metrics.grown(before, after)
    metrics.grown(after, before)  # put back: nothing is taken away

    def value(name, **labels):
        return metrics.registry.get_sample_value(PREFIX + name, labels)

    assert value("counted_total") == 4
    assert value("holes_total") == 0
    assert value("refused_total", reason="b") == 2
    assert value("refused_total", reason="c") == 1
    assert value("refused_total", reason="a") is None


def test_a_partition_that_went_has_no_gauges():
    metrics = Metrics()
    metrics.lag.labels(3).set(1)
    metrics.forget(3)
    metrics.forget(3)

    assert b'partition="3"' not in generate_latest(metrics.registry)
