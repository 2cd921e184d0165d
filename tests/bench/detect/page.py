"""The page docs/benchmark-detection.md: prose from `page.md`, tables and plots from the figures."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import texts
from tests.bench.detect import (
    compare,
    delays,
    headlines,
    live,
    nulls,
    plots,
    replayed,
    scenarios,
    series,
    tables,
)

PAGE = texts.ROOT / "docs" / "benchmark-detection.md"
PROSE = Path(__file__).with_name("page.md")
TYPES: dict[str, Any] = {
    "null": list[nulls.Null],
    "counts": list[live.Through],
    "scenarios": list[scenarios.Told],
    "drift": list[compare.Tried],
    "clean": list[compare.Tried],
    "delay": list[delays.Delay],
    "variants": list[delays.Variant],
    "nab": list[series.Scored],
    "headlines": list[headlines.Run],
    "replayed": replayed.Replayed,
}


def write(work: Path, page: Path) -> None:
    """Write the page and its plots; ends with a message where figures are missing."""
    missing = [part for part in TYPES if not (work / f"{part}.json").exists()]
    if missing:
        sys.exit(f"the page is not written: no figures of {', '.join(missing)} in {work}")
    figures = {
        part: msgspec.json.decode((work / f"{part}.json").read_bytes(), type=kind)
        for part, kind in TYPES.items()
    }
    text = PROSE.read_text(encoding="utf-8")
    for name, shown in _shown(figures).items():
        if f"{{{{{name}}}}}" not in text:
            sys.exit(f"{PROSE.name} has no place for {{{{{name}}}}}")
        text = text.replace(f"{{{{{name}}}}}", shown)
    page.write_text(text, encoding="utf-8")
    images = page.parent / "images"
    images.mkdir(exist_ok=True)
    plots.null(figures["null"], images / "detect-null.png")
    plots.curves(figures["drift"], images / "detect-recall.png")
    plots.delays(figures["delay"], images / "detect-delay.png")
    plots.headlines(figures["headlines"], images / "detect-headlines.png")


def _shown(figures: dict[str, Any]) -> dict[str, str]:
    out = {
        "null": tables.null(figures["null"]),
        "counts": tables.counts(figures["counts"]),
        "scenarios": tables.scenarios(figures["scenarios"]),
        "delay": tables.delays(figures["delay"]),
        "variants": tables.variants(figures["variants"]),
        "tweets": tables.nab(figures["nab"], "tweets"),
        "causes": tables.nab(figures["nab"], "known cause"),
        "headlines": tables.headlines(figures["headlines"]),
        "topics": tables.explained(figures["headlines"][1]),
        "keywords": tables.explained(figures["headlines"][-1]),
        "replayed": tables.replayed(figures["replayed"]),
    }
    for part in ("drift", "clean"):
        for name in compare.RATES:
            out[f"{part} {name}"] = tables.compared(figures[part], name)
    out["kinds"] = tables.kinds(figures["drift"], "1/30")
    return out
