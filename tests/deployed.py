"""
`python -m tests.deployed`, a part of `make check`: deploy/ against its schemas and by its own tools.

What a fresh machine lacks (kustomize, promtool) is said to be skipped; whatever is wrong ends with code 1.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.deploy_world import OVERLAYS, VERSIONS, Placed, faults_of, rendered, renderer, written
from tests.monitoring_world import (
    BOARD,
    PROMETHEUS,
    RULES,
    asked,
    faults_of_expression,
    lost_by_grafana,
    panels,
    rules,
)


def main() -> int:
    """Check everything; print a line each, and every fault."""
    faults = [*_objects("as written", list(written()))]
    if renderer() is None:
        print("deploy: overlays: skipped, neither kustomize nor kubectl is on the PATH")
    else:
        for overlay in OVERLAYS:
            faults += _objects(f"{overlay} rendered", rendered(overlay))
    expressions = list(asked())
    faults += [fault for one in expressions for fault in faults_of_expression(*one)]
    print(f"deploy: {len(expressions)} PromQL expressions against docs/metrics.md")
    faults += [f"{BOARD.name}: {lost} is unknown to Grafana" for lost in lost_by_grafana()]
    print(f"deploy: {len(panels())} panels against the types of Grafana's SDK")
    faults += _promtool()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _objects(what: str, found: list[Placed]) -> list[str]:
    faults = [fault for placed in found for fault in faults_of(placed)]
    versions = ", ".join(VERSIONS)
    print(f"deploy: {len(found)} objects {what} against Kubernetes {versions} and KEDA's fields")
    return faults


def _promtool() -> list[str]:
    if shutil.which("promtool") is None:
        print(f"deploy: {len(rules())} rules: promtool is not on the PATH, their tests are skipped")
        return []
    tests = sorted(str(path) for path in PROMETHEUS.glob("*.test.yaml"))
    faults = _run("check", "rules", str(RULES)) + _run("test", "rules", *tests)
    with tempfile.TemporaryDirectory() as folder:
        faults += _run("check", "config", str(_without_discovery(Path(folder))))
    print(f"deploy: {len(rules())} rules, their tests and the configuration by promtool")
    return faults


def _without_discovery(folder: Path) -> Path:
    """Write the configuration without service discovery, which Debian builds promtool without."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text(encoding="utf-8"))
    for job in config["scrape_configs"]:
        job.pop("kubernetes_sd_configs", None)
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _run(*arguments: str) -> list[str]:
    done = subprocess.run(["promtool", *arguments], check=False, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return [f"promtool {' '.join(arguments[:2])}: {said}"] if done.returncode else []


if __name__ == "__main__":
    sys.exit(main())
