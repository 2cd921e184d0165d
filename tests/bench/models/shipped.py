"""
`default`: the model that the project ships, on public sets that it never saw, beside TF-IDF on its corpus.

The training is the recipe of ``make model``, read from the Makefile, so that what is measured is what is
shipped. Rule: the bundle of the checkout is never written.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench import texts
from tests.bench.models import judge, records, sources
from tests.bench.models.records import Record
from training.evaluation.tables import table

KIND: Final = "default"
TESTS: Final = {
    "phrasebank": ("train", "dev", "test"),
    "tweets": ("train", "dev", "test"),
    "sentfin": ("test",),
    "finer": ("test",),
}
"""Of the sets of whole texts every row: the model is trained on none of them."""
_CHECKPOINT: Final = ".run/model"
_BUNDLE: Final = "deploy/models/default"


def commands(makefile: str, folder: Path) -> list[str]:
    """
    Return the commands of the target ``model``, with what they write put into ``folder``.

    Raises ``ValueError`` where the Makefile has no such target.
    """
    match = re.search(r"^model:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    if match is None:
        raise ValueError("the Makefile has no target `model`")
    joined = match[1].replace("\\\n", " ")
    lines = [line.strip().lstrip("@") for line in joined.splitlines()]
    return [
        line.replace("$(BIN)", str(Path(sys.executable).parent))
        .replace(_BUNDLE, str(folder / "default-bundle"))
        .replace(_CHECKPOINT, str(folder / "default"))
        for line in lines
    ]


def make(work: Path) -> tuple[Path, float]:
    """Make the bundle anew as ``make model`` does; returns where it lies, and the seconds."""
    folder = work / "models"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for command in commands((texts.ROOT / "Makefile").read_text(encoding="utf-8"), folder):
        print(command, file=sys.stderr)
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=texts.ROOT, check=True)
    return folder / "default-bundle", time.perf_counter() - began


def measure(work: Path, bundle: Path | None, threads: int) -> Record:
    """Ask the bundle (made anew if None) and the baseline about the public sets."""
    from groundswell.models.bundle import load_manifest
    from training.evaluation.run import open_model

    figures: judge.Figures = {}
    if bundle is None:
        bundle, seconds = make(work)
        figures["minutes of make model"] = seconds / 60
    manifest = load_manifest(bundle)
    for graph in manifest.graphs:
        if graph.precision == "fp16":
            continue
        model = open_model(bundle, [], precision=graph.precision, device="cpu", threads=threads)
        for name, which in TESTS.items():
            if sources.PUBLIC[name].head not in model.heads:
                continue
            said = judge.ask(model, name, _parts(work, name, which))
            figures |= {f"{graph.precision}: {k}": v for k, v in judge.figures(said).items()}
    print("TF-IDF on the corpus …", file=sys.stderr)
    base = judge.tfidf(
        "sentiment",
        [sources.part(work, "corpus", "train")],
        {
            name: _parts(work, name, which)
            for name, which in TESTS.items()
            if sources.PUBLIC[name].head == "sentiment"
        },
    )
    figures |= {f"TF-IDF: {name}": value for name, value in base.items()}
    record: Record = {"kind": KIND, "variant": manifest.id, "seed": 1, "figures": figures}
    records.append(work, record)
    return record


def _parts(work: Path, name: str, which: tuple[str, ...]) -> list[Path]:
    files = [sources.part(work, name, each) for each in which]
    return [path for path in files if path.stat().st_size]


def shown(record: Record) -> str:
    """Return the figures: a line each, its graphs and the baseline side by side."""
    figures: judge.Figures = record["figures"]
    columns = list(dict.fromkeys(n.partition(": ")[0] for n in figures if ": " in n))
    names = dict.fromkeys(n.partition(": ")[2] for n in figures if ": " in n)
    lines = [
        [
            name,
            *(
                records.short(figures[f"{column}: {name}"])
                if f"{column}: {name}" in figures
                else "–"
                for column in columns
            ),
        ]
        for name in names
    ]
    alone = [f"{name}: {records.short(v)}" for name, v in figures.items() if ": " not in name]
    head = f"## {record['variant']}, on sets that it never saw"
    return "\n\n".join([head, *alone, "\n".join(table(["test part", *columns], lines))])
