"""
Figures, kept as JSON lines and shown as Markdown.

Rule: a record names what was run (``kind``, ``variant``, ``seed``) and what came out (``figures``, numbers
by name); of several records of the same run the last counts. The tables are pure functions of records.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from training.evaluation.tables import table

Record: TypeAlias = dict[str, Any]
FILE = "figures.jsonl"


def append(work: Path, record: Record) -> None:
    """Add a record to the work folder's file."""
    with (work / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read(work: Path) -> list[Record]:
    """Return what was measured so far; a last line that was cut off is left out."""
    path = work / FILE
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def find(records: Iterable[Record], **wanted: Any) -> Record | None:
    """Return the last record that holds all of ``wanted``."""
    fitting = [r for r in records if all(r.get(name) == value for name, value in wanted.items())]
    return fitting[-1] if fitting else None


def latest(records: Iterable[Record], *names: str) -> list[Record]:
    """Return the last record of each combination of ``names``, in order of first appearance."""
    found: dict[str, Record] = {}
    for record in records:
        found[json.dumps([record.get(name) for name in names], sort_keys=True)] = record
    return list(found.values())


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Return mean and spread: ``.8123 ± .0041 (.8080 to .8160)``; one value alone as it stands."""
    if not values:
        return "–"
    if len(values) == 1:
        return short(values[0], digits)
    mean, sigma = statistics.mean(values), statistics.stdev(values)
    return (
        f"{short(mean, digits)} ± {short(sigma, digits)} "
        f"({short(min(values), digits)} to {short(max(values), digits)})"
    )


def short(value: float, digits: int = 4) -> str:
    """Return a share without the zero before its point; what is larger than 1 with fewer digits."""
    if abs(value) > 1:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def by_seed(records: Sequence[Record]) -> str:
    """Return one table: a line a figure, a column a seed, then mean and spread."""
    ordered = sorted(records, key=lambda record: int(record["seed"]))
    names = dict.fromkeys(name for record in ordered for name in record["figures"])
    lines = []
    for name in names:
        values = [record["figures"].get(name) for record in ordered]
        shown = ["–" if value is None else short(value) for value in values]
        lines.append([name, *shown, spread([value for value in values if value is not None])])
    header = ["figure", *(f"seed {record['seed']}" for record in ordered), "mean ± spread"]
    return "\n".join(table(header, lines))


def against(
    records: Iterable[Record], columns: Mapping[str, str], *, baseline: str, judged: str
) -> str:
    """
    Return one table: a line a variant with its seeds' mean and spread of each figure of ``columns``.

    ``judged`` is the figure of which the last column gives the gain over ``baseline`` in points, seed by
    seed where both were run.
    """
    groups: dict[str, dict[int, Record]] = {}
    for record in records:
        groups.setdefault(record["variant"], {})[int(record["seed"])] = record
    base = groups.get(baseline, {})
    lines = []
    for variant, runs in groups.items():
        cells = [
            spread([run["figures"][name] for run in runs.values() if name in run["figures"]])
            for name in columns
        ]
        gains = [
            100 * (run["figures"][judged] - base[seed]["figures"][judged])
            for seed, run in runs.items()
            if seed in base and variant != baseline
        ]
        lines.append([variant, str(len(runs)), *cells, _points(gains)])
    return "\n".join(table(["variant", "seeds", *columns.values(), "points gained"], lines))


def _points(gains: Sequence[float]) -> str:
    if not gains:
        return "–"
    mean = f"{statistics.mean(gains):+.1f}"
    return mean if len(gains) == 1 else f"{mean} ({min(gains):+.1f} to {max(gains):+.1f})"
