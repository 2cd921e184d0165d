import shutil
import subprocess
from typing import get_args

import pytest
import yaml

from consumers.records.notices.ports import Stage
from tests.monitoring_world import (
    BOARD,
    PROMETHEUS,
    RULES,
    asked,
    board,
    exported,
    faults_of_expression,
    lost_by_grafana,
    panels,
    rules,
    series_in,
)

CASES = [
    case
    for path in sorted(PROMETHEUS.glob("*.test.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
]


@pytest.mark.parametrize(("where", "expression"), list(asked()))
def test_only_metrics_and_labels_that_exist_are_asked_for(where, expression):
    assert faults_of_expression(where, expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "groundswell_consume_itemz_total",
        'groundswell_notify_tries_total{outcome="dead"}',
        "sum by (topic) (groundswell_consume_lag)",
        "sum(rate(groundswell_consume_items_total[5m])",
        "groundswell_consume_swap_seconds",
    ],
)
def test_a_wrong_expression_would_be_seen(expression):
    assert faults_of_expression("here", expression)


def test_the_board_is_one_that_grafana_understands_in_full():
    assert lost_by_grafana() == []


def test_the_board_is_laid_out_without_overlap_and_every_panel_says_what_it_shows():
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board()["panels"]}) == len(board()["panels"])
    assert all(panel["title"] and panel["description"] for panel in panels())


def test_the_board_shows_what_matters():
    shown = {name for panel in panels() for t in panel["targets"] for name in names(t["expr"])}

    for part in [
        "consume_items_total",
        "consume_lag",
        "consume_refused_total",
        "consume_model_info",
        "consume_golden_distance",
        "consume_shadow_agreed_total",
        "count_latency_seconds_bucket",
        "watch_decided_minute",
        "watch_lease_held",
        "watch_alerts_total",
        "notify_waiting",
        "serve_streams",
    ]:
        assert f"groundswell_{part}" in shown
    assert BOARD.read_text(encoding="utf-8").count('"${source}"') > len(panels())


def names(expression):
    return series_in(expression.replace("$__rate_interval", "5m").replace("$instance", ".*"))


def test_every_rule_is_tried_firing_and_silent_and_says_what_to_do():
    fires: set[str] = set()
    silent: set[str] = set()
    for case in CASES:
        for one in case["alert_rule_test"]:
            (fires if one["exp_alerts"] else silent).add(one["alertname"])
    known = {rule["alert"] for rule in rules()}

    assert fires == silent == known
    assert len(known) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "action"}


def test_the_tests_feed_the_rules_with_series_that_exist():
    known = exported()
    for case in CASES:
        for one in case["input_series"]:
            for name, labels in series_in(one["series"].replace("{}", "")).items():
                if name in known:
                    assert labels - known[name] <= {"instance"}
                else:
                    assert name.startswith("kube_cronjob_")


def test_dead_letters_are_named_as_notify_names_them():
    (rule,) = [r for r in rules() if r["alert"] == "GroundswellDeadLetters"]

    assert 'result="dead"' in rule["expr"]
    assert "dead" in get_args(Stage)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH")
def test_promtool_agrees():
    tests = [str(path) for path in sorted(PROMETHEUS.glob("*.test.yaml"))]
    for command in (["check", "rules", str(RULES)], ["test", "rules", *tests]):
        done = subprocess.run(["promtool", *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
