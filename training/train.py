"""The whole run, in order: rows, functions, split, encoder, loop, scores, baseline, checkpoint."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from safetensors.torch import load_file

from groundswell.errors import InputError
from training import checkpoint as store
from training.baseline import baseline
from training.data import (
    Example,
    flat,
    label_rows,
    label_values,
    merge_duplicates,
    read_sets,
    split_examples,
)
from training.encode import load_tokenizer, tokenise
from training.encoder import locate
from training.evaluate import Score, predict, score
from training.functions import choose_tasks
from training.hardware import Hardware, choose, read_cpu_flags
from training.loop import Encoded, Recipe, fit, seed
from training.model import OpinionModel, build, load_encoder
from training.report import Report, write_report

SAMPLES = 1000
"""Texts kept in the checkpoint for the exporter to compare on: held-out ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run: files, functions (see ``choose_tasks``), encoder, shares of dev and test, hardware."""

    data: tuple[Path, ...]
    functions: tuple[str, ...] = ()
    encoder: str
    dev: float = 0.1
    test: float = 0.1
    languages: tuple[str, ...] = ("en",)
    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    command: str


def run(plan: Plan, recipe: Recipe, out: Path, console: Console) -> Report:
    """
    Train and write a checkpoint into ``out``; returns the report.

    Raises ``InputError`` for whatever the user gave that cannot be used.
    """
    # Rows, and the heads that their labels ask for.
    sets = read_sets(plan.data)
    hashes = {item.name: item.sha256 for item in sets}
    chosen = choose_tasks(plan.functions, label_values(sets))
    tasks = [task for task in chosen if task.function.output in {"single", "ordered"}]
    examples = merge_duplicates(label_rows(sets, tasks, recipe.max_chars).examples)
    split = split_examples(examples, dev=plan.dev, test=plan.test, seed=recipe.seed)
    held = {name: flat(part) for name, part in split.parts.items()}
    heads = {task.name: len(task.function.labels) for task in tasks}
    console.print(
        f"{len(examples)} rows: {len(split.train)} train, {len(split.dev)} dev, {len(split.test)} test; "
        + ", ".join(f"{name} ({size} labels)" for name, size in heads.items())
    )

    # The encoder's weights under fresh heads.
    encoder = locate(plan.encoder)
    seed(recipe.seed)
    model = build(encoder.config, heads)
    try:
        load_encoder(model, load_file(encoder.directory / store.WEIGHTS))
    except KeyError as error:
        raise InputError(f"encoder {plan.encoder}: weights are missing: {error}") from error
    if recipe.max_tokens > model.config.max_position_embeddings:
        raise InputError(f"--max-tokens: the encoder reads {model.config.max_position_embeddings}")
    hardware = choose(
        model,
        device=plan.device,
        threads=plan.threads,
        precision=plan.precision,
        cpu_flags=read_cpu_flags(),
    )
    console.print(f"{hardware.device}, {hardware.threads} threads, {hardware.precision}")

    # Train, then score what is held out, beside the baseline.
    tokenizer = load_tokenizer(encoder.directory / store.TOKENIZER, recipe.max_tokens)
    parts = {
        name: Encoded.of(tokenise(tokenizer, [e.text for e in part]), part)
        for name, part in held.items()
    }
    began = time.perf_counter()
    history = fit(model, parts["train"], parts["dev"], recipe, hardware, console)
    took = time.perf_counter() - began
    bases = {
        name: baseline(held["train"], held["test"], place, size)
        for place, (name, size) in enumerate(heads.items())
    }
    report = Report(
        command=plan.command,
        recipe=recipe,
        hardware=hardware,
        encoder=encoder.source,
        data=hashes,
        rows={name: len(part.ids) for name, part in parts.items()},
        functions=[task.function for task in tasks],
        history=history,
        best_step=max(history, key=lambda evaluation: evaluation.score).step,
        seconds=took,
        dev=score_heads(model, parts["dev"], hardware),
        test=score_heads(model, parts["test"], hardware),
        baseline={name: base for name, base in bases.items() if base is not None},
    )
    store.write_checkpoint(
        out,
        store.Checkpoint(
            functions=tuple(report.functions),
            max_tokens=recipe.max_tokens,
            max_chars=recipe.max_chars,
            languages=plan.languages,
            encoder=encoder.source,
            encoder_config=encoder.config,
            data=hashes,
            metrics=_metrics(report),
            command=plan.command,
        ),
        model,
        encoder.directory / store.TOKENIZER,
        _samples((*held["test"], *held["dev"], *held["train"])),
        lambda directory: write_report(report, directory),
    )
    return report


def score_heads(model: OpinionModel, part: Encoded, hardware: Hardware) -> dict[str, Score]:
    """Score each head that has a labelled row in ``part``."""
    if not part.ids:
        return {}
    logits = predict(model, part.ids, hardware)
    scores = {
        name: score(part.labels[:, place].numpy(), np.asarray(head).argmax(axis=1), head.shape[1])
        for place, (name, head) in enumerate(logits.items())
    }
    return {name: value for name, value in scores.items() if value.rows}


def _metrics(report: Report) -> dict[str, dict[str, float]]:
    metrics: dict[str, dict[str, float]] = {}
    for part, scores in (("dev", report.dev), ("test", report.test), ("tfidf", report.baseline)):
        for name, value in scores.items():
            metrics[f"{name} {part}"] = {
                "accuracy": round(value.accuracy, 4),
                "macro_f1": round(value.macro_f1, 4),
                "rows": value.rows,
            }
    return metrics


def _samples(examples: Sequence[Example]) -> list[str]:
    return list(dict.fromkeys(example.text for example in examples))[:SAMPLES]
