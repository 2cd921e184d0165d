"""
What the board and the rules ask Prometheus, and what the programs can answer.

An expression may name a series that a program exports, and of each only the labels that it has; besides,
what Prometheus adds (deploy/prometheus/prometheus.yaml), and of kube-state-metrics the last runs of a job.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.counts.metrics import Metrics as CountMetrics
from consumers.news.metrics import Metrics as ConsumeMetrics
from consumers.notify.metrics import Metrics as NotifyMetrics
from consumers.watch.metrics import Metrics as WatchMetrics
from consumers.web.metrics import Metrics as ServeMetrics
from tests.deploy_world import ROOT

BOARD: Final = ROOT / "deploy/grafana/groundswell.json"
PROMETHEUS: Final = ROOT / "deploy/prometheus"
RULES: Final = PROMETHEUS / "groundswell.rules.yaml"
ADDED: Final = frozenset({"instance", "program"})
OF_THE_CLUSTER: Final = {
    name: frozenset({"namespace", "cronjob"})
    for name in ("kube_cronjob_status_last_successful_time", "kube_cronjob_created")
}
_EVERY: Final = (ConsumeMetrics, CountMetrics, WatchMetrics, NotifyMetrics, ServeMetrics)


def documented() -> set[str]:
    """Return the metrics that docs/metrics.md names."""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(groundswell_\w+)` \|", text, re.MULTILINE))


def exported() -> dict[str, frozenset[str]]:
    """Return every series of the programs that docs/metrics.md has, with its labels."""
    found: dict[str, frozenset[str]] = {}
    for made in _EVERY:
        for metric in vars(made()).values():
            if isinstance(metric, MetricWrapperBase):
                labels = frozenset(metric._labelnames)
                family = next(iter(metric.describe()))
                if isinstance(metric, Histogram):
                    ends = {"_bucket": labels | {"le"}, "_sum": labels, "_count": labels}
                else:
                    ends = {"_total" if family.type == "counter" else "": labels}
                found |= {family.name + end: of for end, of in ends.items()}
    known = documented()
    return {
        name: labels
        for name, labels in found.items()
        if {name, re.sub("_(bucket|sum|count)$", "", name)} & known
    }


def rules() -> list[dict[str, Any]]:
    """Return every rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def board() -> dict[str, Any]:
    """Return the board."""
    found: dict[str, Any] = json.loads(BOARD.read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    """Return the panels of the board that show something."""
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def asked() -> Iterator[tuple[str, str]]:
    """Yield where an expression stands, and the expression with Grafana's variables filled in."""
    for panel in panels():
        for target in panel["targets"]:
            filled = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
            yield f"panel {panel['title']}", filled
    for rule in rules():
        yield f"rule {rule['alert']}", rule["expr"]


def series_in(expression: str) -> dict[str, set[str]]:
    """Return the series that an expression asks for, each with the labels that it is matched by."""
    found: dict[str, set[str]] = {}

    def look(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql_parser.VectorSelector):
            matched = {matcher.name for matcher in node.matchers.matchers}
            found.setdefault(str(node.name), set()).update(matched)
        return True

    promql_parser.walk(promql_parser.parse(expression), look)
    return found


def grouped_by(expression: str) -> set[str]:
    """Return the labels that an expression's sums keep, or its comparisons go by."""
    return {
        name.strip()
        for names in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
        for name in names.split(",")
        if name.strip()
    }


def faults_of_expression(where: str, expression: str) -> list[str]:
    """Return what is wrong with an expression."""
    try:
        series = series_in(expression)
    except ValueError as error:
        return [f"{where}: {error}"]
    known = exported() | OF_THE_CLUSTER
    faults = [f"{where}: {name} is no metric" for name in series if name not in known]
    labels = ADDED.union(*(known.get(name, ()) for name in series))
    for name, matched in series.items():
        own = known.get(name, frozenset()) | ADDED
        faults += [f"{where}: {name} has no label {label}" for label in matched - own]
    faults += [f"{where}: no label {label}" for label in grouped_by(expression) - labels]
    return faults


def lost_by_grafana() -> list[str]:
    """Return what of the board Grafana's own types do not know: it is lost when it passes through them."""
    register_default_plugins()
    kept = json.loads(JSONEncoder().encode(Dashboard.from_json(board())))
    return list(_lost(board(), kept, "board"))


def _lost(given: Any, kept: Any, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from _lost(value, kept[key], f"{where}.{key}")
            elif value is not None:
                yield f"{where}.{key}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for place, pair in enumerate(zip(given, kept, strict=True)):
            yield from _lost(*pair, f"{where}[{place}]")
    elif given != kept:
        yield where
