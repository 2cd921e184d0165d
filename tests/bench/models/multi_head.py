"""
`main`: one encoder with heads for sentiment, topic and names, trained on the public sets and the corpus.

Trained, exported and asked by the product, in fp32 and in int8; TF-IDF on the same parts beside it.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from rich.console import Console

from tests.bench.models import judge, records, sources, training_run
from tests.bench.models.machine import Machine
from tests.bench.models.records import Record
from training.evaluation.tables import table

KIND: Final = "main"
BASELINE: Final = "tfidf"
RECIPE: Final = {
    "layer_decay": 0.9,
    "class_weights": "sqrt",
    "max_tokens": 96,
    "evaluations": 3,
    "average": 3,
    "patience": 99,
    "freeze": "embeddings",
}
GRAPHS: Final[tuple[Literal["fp32", "int8", "int8-reduced"], ...]] = (
    "fp32",
    "int8",
    "int8-reduced",
)
HEADS: Final = {"sentiment": "sentiment", "topic": "topic=derive", "entities": "entities"}
_CORPUS_TRAINS: Final = frozenset({"sentiment", "entities"})
_BASELINES: Final = (
    ("sentiment", ("phrasebank",), ("phrasebank",)),
    ("sentiment", ("tweets",), ("tweets",)),
    ("sentiment", ("phrasebank", "tweets"), ("phrasebank", "tweets", "sentfin")),
    ("topic", ("topics",), ("topics",)),
)
"""Head, sets trained on, sets tested."""


def measure(
    work: Path,
    tasks: Sequence[str],
    *,
    seed: int,
    epochs: int,
    options: Sequence[str],
    on: Machine,
) -> Record:
    """Train (a run that was killed goes on), export, ask, and add the record."""
    variant = " ".join([",".join(tasks), f"{epochs} epochs", *options, *_on(on)])
    name = "-".join(["main", *tasks, str(seed), *re.findall(r"\w+", " ".join(options))])
    checkpoint, bundle = work / "models" / name, work / "models" / f"{name}-bundle"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    asked = training_run.Asked(
        files=_files(work, tasks),
        functions=tuple(HEADS[task] for task in tasks),
        recipe=training_run.recipe(options, **{**RECIPE, "epochs": epochs, "seed": seed}),
    )
    began = time.perf_counter()
    seconds = training_run.train(asked, checkpoint, on)
    whole = time.perf_counter() - began
    graphs, note = _export(checkpoint, bundle)
    record: Record = {
        "kind": KIND,
        "variant": variant,
        "seed": seed,
        "note": note,
        "figures": {
            "training minutes": seconds / 60,
            "minutes with reading and scoring": whole / 60,
            **_asked(bundle, work, graphs, on),
        },
    }
    records.append(work, record)
    return record


def _on(on: Machine) -> Sequence[str]:
    return () if on.device == "cpu" else (f"on {on.device}",)


def _files(work: Path, tasks: Sequence[str]) -> tuple[Path, ...]:
    files = [
        sources.part(work, name, which)
        for name in sources.TRAINED
        if sources.PUBLIC[name].head in tasks
        for which in ("train", "dev")
    ]
    if _CORPUS_TRAINS.intersection(tasks):
        files.append(sources.part(work, "corpus", "train"))
    return tuple(path for path in files if path.stat().st_size)


def _export(checkpoint: Path, bundle: Path) -> tuple[Sequence[str], str]:
    """Export; where an int8 graph is refused, fp32 alone, with the reason."""
    from export.errors import ParityError, QuantisationError
    from export.make import Precision, make_bundle

    def make(graphs: Sequence[Precision]) -> None:
        make_bundle(
            checkpoint,
            bundle,
            name=bundle.name,
            precisions=graphs,
            created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            console=Console(stderr=True),
        )

    try:
        make(GRAPHS)
    except (ParityError, QuantisationError) as error:
        make(GRAPHS[:1])
        return GRAPHS[:1], f"int8 was refused: {error}"
    return GRAPHS, ""


def _asked(bundle: Path, work: Path, graphs: Sequence[str], on: Machine) -> judge.Figures:
    from training.evaluation.run import open_model

    found: judge.Figures = {}
    said: dict[str, list[judge.Said]] = {}
    for precision in graphs:
        print(f"asking {precision} …", file=sys.stderr)
        model = open_model(bundle, [], precision=precision, device="cpu", threads=on.threads)
        said[precision] = judge.ask_tests(model, work)
        for one in said[precision]:
            found |= {f"{precision}: {k}": v for k, v in judge.figures(one).items()}
        if precision != "fp32":
            alike = judge.agreement(said[precision], said["fp32"])
            found |= {f"{precision} and fp32: {name}": value for name, value in alike.items()}
    return found


def baselines(work: Path, tasks: Sequence[str], rows: int) -> list[Record]:
    """Measure TF-IDF on the same parts, unless it was; its figures do not depend on a seed."""
    found = []
    for head, trained, tested in _BASELINES:
        if head not in tasks:
            continue
        variant = " and ".join(trained)
        known = records.find(records.read(work), kind=BASELINE, variant=variant, rows=rows)
        if known is None:
            print(f"TF-IDF on {variant} …", file=sys.stderr)
            figures = judge.tfidf(
                head,
                [sources.part(work, name, "train") for name in trained],
                {name: [sources.part(work, name, "test")] for name in tested},
            )
            known = {"kind": BASELINE, "variant": variant, "rows": rows, "figures": figures}
            records.append(work, known)
        found.append(known)
    return found


def shown(record: Record, bases: Sequence[Record]) -> str:
    """Return a run's figures, a line each with its graphs side by side, then TF-IDF's."""
    figures: judge.Figures = record["figures"]
    names = dict.fromkeys(n.partition(": ")[2] for n in figures if n.startswith("fp32: "))
    lines = [
        [name, *(_cell(figures.get(f"{graph}: {name}")) for graph in GRAPHS)] for name in names
    ]
    others = [
        [name, records.short(value)]
        for name, value in figures.items()
        if name.partition(": ")[0] not in GRAPHS
    ]
    base = [
        [each["variant"], name, records.short(value)]
        for each in bases
        for name, value in each["figures"].items()
    ]
    parts = [
        f"## {record['variant']}, seed {record['seed']}",
        *([record["note"]] if record.get("note") else []),
        "\n".join(table(["test part", *GRAPHS], lines)),
        "\n".join(table(["", "value"], others)),
        "\n".join(table(["TF-IDF trained on", "test part", "value"], base)) if base else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _cell(value: float | None) -> str:
    return "–" if value is None else records.short(value)


def all_seeds(work: Path) -> str:
    """Return a table for each variant that was measured: every seed, mean and spread."""
    found = [r for r in records.read(work) if r["kind"] == KIND]
    kept = records.latest(found, "variant", "seed")
    if not kept:
        sys.exit("nothing was measured yet: run `main` first")
    bases = [r for r in records.read(work) if r["kind"] == BASELINE]
    parts = []
    for variant in dict.fromkeys(record["variant"] for record in kept):
        runs = [record for record in kept if record["variant"] == variant]
        parts.append(f"## {variant}\n\n{records.by_seed(runs)}")
    lines = [
        [base["variant"], name, records.short(value)]
        for base in records.latest(bases, "variant")
        for name, value in base["figures"].items()
    ]
    if lines:
        parts.append("\n".join(table(["TF-IDF trained on", "test part", "value"], lines)))
    return "\n\n".join(parts)
