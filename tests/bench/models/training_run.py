"""
A training by the product, on parts that are fixed: what ``groundswell train --snapshot`` does.

A snapshot is made of the prepared files (``NAME.train`` trains, ``NAME.dev`` chooses the best step), so
that nothing of a test part is seen. Rule: torch is imported when a training runs, not before.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from groundswell.errors import InputError
from tests.bench.models.machine import Machine
from tests.bench.models.sources import LICENCES, SEED
from training.data import label_rows, label_values, merge_duplicates, read_sets
from training.data.snapshot import take_snapshot, write_snapshot
from training.data.split import in_parts
from training.functions import choose_tasks
from training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to train: prepared files, functions as ``--function`` names them, rung and recipe."""

    files: tuple[Path, ...]
    functions: tuple[str, ...]
    recipe: Recipe
    strategy: str = "full"
    fixed: bool = True
    """Whether the files' names tell the parts; else the product deals 10 % to dev."""


def write_fixed(folder: Path, asked: Asked) -> Path:
    """Write the snapshot that deals rows by the names of their files; return where it lies."""
    sets = read_sets(asked.files)
    tasks = choose_tasks(asked.functions, label_values(sets))
    labelled = label_rows(sets, tasks, asked.recipe.max_chars).examples
    merged = merge_duplicates(labelled)
    split = in_parts(merged, [e.source.rpartition(".")[2] for e in merged])
    snapshot = take_snapshot(sets, labelled, split, seed=SEED, dev=0.0, test=0.0)
    folder.mkdir(parents=True, exist_ok=True)
    return write_snapshot(folder, snapshot)


def train(asked: Asked, out: Path, on: Machine) -> float:
    """Train into ``out``, which is replaced; returns the seconds of the training itself."""
    from training.data.prepare import Wish
    from training.hardware import read_cpu_flags
    from training.material import Sources
    from training.train import Plan, run

    fast = not read_cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
    snapshot = None
    if asked.fixed:
        snapshot = write_fixed(out.with_name(f"{out.name}-split"), asked)
    report = run(
        Plan(
            sources=Sources(
                data=tuple(str(path) for path in asked.files),
                functions=asked.functions,
                allowed=LICENCES,
                snapshot=snapshot,
                wish=Wish(
                    dev=0.1,
                    test=0.0,
                    seed=asked.recipe.seed,
                    max_chars=asked.recipe.max_chars,
                    doubt=False,
                ),
            ),
            strategy=asked.strategy,
            encoder=on.encoder,
            device=on.device,
            threads=on.threads,
            precision="bf16" if fast or on.device != "cpu" else "fp32",
            command="python -m tests.bench.models",
        ),
        asked.recipe,
        out,
        Console(stderr=True),
    )
    return report.seconds


def forget(out: Path) -> None:
    """Take a checkpoint and its split away."""
    for path in (out, out.with_name(f"{out.name}-split")):
        shutil.rmtree(path, ignore_errors=True)


def recipe(options: Sequence[str], **given: Any) -> Recipe:
    """Return a recipe of what is ``given``, then of ``NAME=VALUE`` options; raises ``InputError``."""
    values = given | {name: value for name, _, value in (text.partition("=") for text in options)}
    try:
        return msgspec.convert(values, Recipe, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"--set {' '.join(options)}: {error}") from error
