"""
`make bench`: the whole path against its peers, in one run.

Every figure is a ratio against something measured in the same run, or is printed beside the CPU's
features: machines differ, and this one may be shared. Results go to `.bench/results.json` as well.
"""

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import texts
from tests.bench.path import Run, saturation, steady
from tests.brokers import HOW_TO_GET_KAFKA, kafka_broker, tansu_broker
from tests.integration.log import Kafka

RESULTS = texts.ROOT / ".bench" / "results.json"
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
PIPELINE_TEXTS = 400
"""Texts for the pipeline, which is slow; an even sample of the others'."""


def cpu() -> dict[str, Any]:
    """Name the CPU and those of its features that matter to int8."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "name": name or platform.processor() or "not named",
        "cores": sum(line.startswith("processor") for line in lines),
        "features": [f for f in FEATURES if f in flags],
    }


def peer(kind: str, bundle: Path, which: str, count: int, *options: str) -> dict[str, float]:
    """Run a peer in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.peers", kind, "--bundle", str(bundle)]
    command += ["--texts", which, "--count", str(count), *options]
    done = subprocess.run(command, cwd=texts.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} failed: {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@contextmanager
def brokers() -> Iterator[dict[str, str]]:
    """Start Tansu, and Apache Kafka where it is at hand; yields their addresses."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as folder:
        home = Path(folder)
        (home / "tansu").mkdir()
        (home / "kafka").mkdir()
        with tansu_broker(home / "tansu") as tansu, kafka_broker(home / "kafka") as kafka:
            found = {"Tansu": tansu.bootstrap}
            if kafka is None:
                Console(stderr=True).print(HOW_TO_GET_KAFKA)
            else:
                found["Apache Kafka"] = kafka.bootstrap
            yield found


def on_broker(address: str, bundle: Path, work: Any, *arguments: Any) -> dict[str, Any]:
    """Run ``work`` on a new installation."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as folder:

        async def whole() -> dict[str, Any]:
            run = Run(Kafka(address), Path(folder) / "store", bundle)
            try:
                answer: dict[str, Any] = await work(run, *arguments)
                return answer
            finally:
                run.close()

        return asyncio.run(whole())


def throughput(bundle: Path, address: str, which: str, count: int, rounds: int) -> dict[str, Any]:
    """Measure session and path in turn, then the pipeline's variants, on one set of texts."""
    pairs = (texts.even() if which == "even" else texts.mixed(count))[:count]
    sessions, asides, paths = [], [], []
    for _ in range(rounds):
        sessions.append(peer("session", bundle, which, len(pairs)))
        asides.append(peer("session", bundle, which, len(pairs), "--aside"))
        paths.append(on_broker(address, bundle, saturation, pairs))
    session = statistics.median(s["items_per_s"] for s in sessions)
    aside = statistics.median(s["items_per_s"] for s in asides)
    pipelines = {
        f"batch {batch}{', sorted' if options else ''}": peer(
            "pipeline", bundle, which, PIPELINE_TEXTS, "--batch", str(batch), *options
        )["items_per_s"]
        for batch, options in ((1, ()), (8, ()), (32, ()), (32, ("--sort",)))
    }
    path = statistics.median(p["items_per_s"] for p in paths)
    unsorted = max(v for name, v in pipelines.items() if "sorted" not in name)
    session_cpu = statistics.median(s["cpu_ms_per_item"] for s in sessions)
    consume_cpu = statistics.median(p["consume_cpu_ms_per_item"] for p in paths)
    return {
        "texts": len(pairs),
        "tokens_per_item": sessions[0]["tokens_per_item"],
        "padding": sessions[0]["padding"],
        "path_items_per_s": path,
        "session_items_per_s": session,
        "session_batch_1_items_per_s": peer("session", bundle, which, len(pairs), "--batch", "1")[
            "items_per_s"
        ],
        "session_side_by_side_items_per_s": aside,
        "path_over_session": _ratio(paths, sessions),
        "path_over_session_side_by_side": _ratio(paths, asides),
        "pipeline_items_per_s": pipelines,
        "path_over_best_unsorted_pipeline": path / unsorted,
        "path_over_sorted_pipeline": path / pipelines["batch 32, sorted"],
        "consume_cpu_ms_per_item_outside_session": consume_cpu - session_cpu,
        "count_cpu_ms_per_item": statistics.median(p["count_cpu_ms_per_item"] for p in paths),
        "consume_peak_mb": max(p["consume_peak_mb"] for p in paths),
        "count_peak_mb": max(p["count_peak_mb"] for p in paths),
    }


def _ratio(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """Return the median of the ratios, round by round."""
    rounds = zip(ours, theirs, strict=True)
    return statistics.median(a["items_per_s"] / b["items_per_s"] for a, b in rounds)


def show(results: dict[str, Any]) -> None:
    """Print the figures as tables."""
    console = Console(width=110)
    machine = results["cpu"]
    console.print(f"{machine['name']}, {machine['cores']} cores, {' '.join(machine['features'])}")
    for title in ("throughput", "half_load"):
        rows = results[title]
        table = Table("", *rows, title=title.replace("_", " "))
        for key in next(iter(rows.values()), {}):
            table.add_row(key.replace("_", " "), *(_cell(row[key]) for row in rows.values()))
        console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {number:.1f}" for name, number in value.items())
    return f"{value:.3g}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"


def main() -> None:
    """Measure everything."""
    arguments = argparse.ArgumentParser(description="The whole path against its peers.")
    arguments.add_argument("--bundle", type=Path, default=texts.ROOT / "deploy/models/default")
    arguments.add_argument("--count", type=int, default=3833, help="texts of each set")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=40, help="length of the half load")
    chosen = arguments.parse_args()
    texts.need(texts.STREAM, texts.PHRASEBANK)
    results: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%d"),
        "cpu": cpu(),
        "bundle": chosen.bundle.name,
        "throughput": {},
        "half_load": {},
    }
    with brokers() as found:
        best = found.get("Apache Kafka", found["Tansu"])
        for which in ("even", "mixed"):
            print(f"measuring {which} lengths …", file=sys.stderr)
            results["throughput"][which] = throughput(
                chosen.bundle, best, which, chosen.count, chosen.rounds
            )
        half = results["throughput"]["mixed"]["path_items_per_s"] / 2
        for name, address in found.items():
            print(f"measuring half load on {name} …", file=sys.stderr)
            results["half_load"][name] = on_broker(
                address, chosen.bundle, steady, texts.mixed(chosen.count), half, chosen.seconds
            )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    show(results)


if __name__ == "__main__":
    main()
