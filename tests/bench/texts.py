"""
The texts that benchmarks read: public sets that stand beside the checkout and are never part of it.

`GROUNDSWELL_DATA` names their folder; the default is `../shared/data`. Where they are absent a
benchmark says so and ends.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("GROUNDSWELL_DATA", ROOT.parent / "shared" / "data"))
STREAM = DATA / "stream" / "headlines_2017_2020.jsonl"
PHRASEBANK = DATA / "sentiment" / "financial_phrasebank.jsonl"


def need(*files: Path) -> None:
    """End with a message where a file is missing."""
    missing = [str(f) for f in files if not f.exists()]
    if missing:
        sys.exit(
            f"not measured, the data are not here: {', '.join(missing)} (set GROUNDSWELL_DATA)"
        )


def even() -> list[tuple[str, str]]:
    """Title and body of the Financial PhraseBank's sentences: even lengths."""
    return [(json.loads(row)["text"], "") for row in PHRASEBANK.open(encoding="utf-8")]


def mixed(count: int) -> list[tuple[str, str]]:
    """Title and body of the stream's headlines, every k-th: mixed lengths."""
    rows = STREAM.read_text(encoding="utf-8").splitlines()
    step = max(1, len(rows) // count)
    picked = [json.loads(row) for row in rows[::step][:count]]
    return [(row["title"], row.get("summary") or "") for row in picked]
