"""
`regularisers`: what each part of the recipe gains or costs, on the sentiment head alone.

Financial PhraseBank, the same parts for all, the test part asked in fp32; by seeds, because most gains are
smaller than the spread. Rule: what ``figures.jsonl`` holds is not measured again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.models import judge, records, sources, training_run
from tests.bench.models.machine import Machine

KIND: Final = "regulariser"
BASE: Final = {"epochs": 3, "evaluations": 2, "patience": 99, "max_tokens": 96}
BASELINE: Final = "the recipe's defaults"
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    BASELINE: {},
    "layer decay .9, class weights by the root": {"layer_decay": 0.9, "class_weights": "sqrt"},
    "R-Drop 1": {"r_drop": 1.0},
    "FGM 1": {"fgm": 1.0},
    "LoRA 16, rate 1e-3": {"strategy": "lora", "learning_rate": 1e-3},
    "gradual unfreezing, layer decay .85": {"freeze": "gradual", "layer_decay": 0.85},
    "mean of the last 3 weights": {"average": 3},
    "int8 rounding in the last third": {"fake_int8": 0.34},
    "SGD, rate .02": {"optimiser": "sgd", "learning_rate": 0.02},
    "dropout .2": {"dropout": 0.2},
}
COLUMNS: Final = {
    "phrasebank macro_f1": "macro-F1",
    "phrasebank accuracy": "accuracy",
    "seconds": "seconds",
}


def measure(
    work: Path,
    seeds: Sequence[int],
    only: Sequence[str],
    *,
    epochs: int,
    options: Sequence[str],
    on: Machine,
) -> None:
    """Measure what is missing, seed by seed; ``only`` keeps the variants whose names hold one of it."""
    names = [n for n in VARIANTS if not only or any(part.lower() in n.lower() for part in only)]
    if not names:
        sys.exit(f"--only: none of {', '.join(VARIANTS)}")
    for seed in seeds:
        for name in names:
            key = {
                "kind": KIND,
                "variant": name,
                "seed": seed,
                "settings": [f"epochs={epochs}", *options],
            }
            if records.find(records.read(work), **key) is None:
                print(f"{name}, seed {seed} …", file=sys.stderr)
                figures = _one(work, name, seed, epochs, options, on)
                records.append(work, {**key, "figures": figures})


def _one(
    work: Path, name: str, seed: int, epochs: int, options: Sequence[str], on: Machine
) -> judge.Figures:
    from training.evaluation.run import open_model

    given = {**BASE, "epochs": epochs, **VARIANTS[name], "seed": seed}
    strategy = given.pop("strategy", "full")
    out = work / "models" / f"regulariser-{list(VARIANTS).index(name)}-{seed}"
    asked = training_run.Asked(
        files=tuple(sources.part(work, "phrasebank", which) for which in ("train", "dev")),
        functions=("sentiment",),
        recipe=training_run.recipe(options, **given),
        strategy=strategy,
    )
    seconds = training_run.train(asked, out, on)
    model = open_model(out, [], precision="fp32", device="cpu", threads=on.threads)
    said = judge.ask(model, "phrasebank", [sources.part(work, "phrasebank", "test")])
    training_run.forget(out)
    return judge.figures(said) | {"seconds": seconds}


def shown(work: Path) -> str:
    """Return a table for each setting that was measured."""
    found = [record for record in records.read(work) if record["kind"] == KIND]
    if not found:
        sys.exit("nothing was measured yet: run `regularisers`")
    parts = []
    for settings in dict.fromkeys(" ".join(record["settings"]) for record in found):
        runs = [record for record in found if " ".join(record["settings"]) == settings]
        body = records.against(runs, COLUMNS, baseline=BASELINE, judged="phrasebank macro_f1")
        parts.append(f"## {settings}\n\n{body}")
    return "\n\n".join(parts)
