"""The whole run, in order: data, strategy, encoder, training, scores, baseline, checkpoint."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from groundswell.errors import InputError
from groundswell.models.bundle import EncoderSource
from training import checkpoint as store
from training.baseline import baseline
from training.begun import Start
from training.encode import Reader, load_tokenizer, tokenise
from training.encoder import locate
from training.evaluate import predict, score_heads
from training.evaluation.scores import Score, score
from training.examples import MASKED, Example
from training.functions import Task
from training.hardware import Hardware, choose, read_cpu_flags
from training.losses import Encoded
from training.material import Material, Sources, gather
from training.parallel import Workers, workers
from training.progress import Keeper, earlier
from training.recipe import Recipe
from training.report import Report, again, write_report
from training.strategies.choice import Choice, pick
from training.strategies.rungs import Trained, begin, carry_out
from training.temperature import fitted, held_out, write_held_out

SAMPLES = 1000
"""Texts kept in the checkpoint for the exporter to compare on: held-out ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run: data and functions (see ``Sources``), strategy, encoder, hardware."""

    sources: Sources
    strategy: str = "auto"
    encoder: str
    languages: tuple[str, ...] = ("en",)
    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    save_every: float = 120.0
    """Seconds between two saves of the run's progress."""
    command: str


def run(
    plan: Plan, recipe: Recipe, out: Path, console: Console, start: Start | None = None
) -> Report:
    """
    Train and write a checkpoint into ``out``; returns the report. ``start`` stands for sources and encoder.

    A run that was killed goes on from its last save when the same is asked again. Raises ``InputError``
    for whatever the user gave that cannot be used, ``CannotContinue`` when the run broke.
    """
    if out.exists() and not (out / store.CONFIG).is_file() and any(out.iterdir()):
        raise InputError(f"{out}: exists and is no checkpoint; choose another --out")
    encoder = start.encoder if start else locate(plan.encoder)
    material = start.material if start else gather(plan.sources)
    tasks, split = material.tasks, material.split
    choice = pick(plan.strategy, [task.function for task in tasks], split.train)
    recipe = choice.settle(recipe)
    console.print(
        f"{sum(map(len, split.parts.values()))} rows: {len(split.train)} train, {len(split.dev)} dev, "
        f"{len(split.test)} test; "
        + ", ".join(f"{task.name} ({len(task.function.outputs)} outputs)" for task in tasks)
    )
    console.print(f"strategy {choice.name}: {choice.reason}")
    for note in material.notes:
        console.print(note)

    # The encoder's weights under fresh heads, on what computes fastest here.
    model = start.model if start else None
    model = model or begin(encoder, [task.function for task in tasks], recipe)
    crew = workers(cpu=plan.device == "cpu")
    progress = out.with_name(f".{out.name}.progress.safetensors")
    before = earlier(progress)
    hardware = choose(
        model,
        device=getattr(crew, "device", plan.device),
        threads=plan.threads or (before.threads if before else 0),
        precision=before.precision if before and plan.precision == "auto" else plan.precision,
        cpu_flags=read_cpu_flags(),
    )
    console.print(f"{hardware.device}, {hardware.threads} threads, {hardware.precision}")
    truncation = tasks[0].function.input.truncation
    tokenizer = load_tokenizer(encoder.directory / store.TOKENIZER, recipe.max_tokens, truncation)
    parts: dict[str, Encoded] = {
        name: encode(part, tokenizer, recipe) for name, part in split.parts.items()
    }

    if start:
        parts["train"] = start.taught(parts["train"], hardware)

    # Train, taking up what an earlier run of the same left behind; then score what is held out.
    keeper = Keeper(
        progress,
        fingerprint(plan, recipe, material, encoder.source, crew.world, choice.name),
        plan.save_every,
        hardware=hardware,
    )
    began = time.perf_counter()
    trained = carry_out(
        choice,
        model,
        [task.function for task in tasks],
        parts,
        recipe,
        hardware,
        console,
        tokenizer=tokenizer,
        languages=plan.languages,
        workers=crew,
        keeper=keeper,
    )
    took = time.perf_counter() - began
    report = _report(
        plan, out, recipe, choice, material, trained, parts, hardware, crew, encoder.source, took
    )
    if crew.rank == 0:
        _write(out, plan, recipe, material, trained, report, encoder.config, encoder.directory)
        keeper.forget()
    crew.wait()
    return report


def encode(part: Sequence[Example], tokenizer: Reader, recipe: Recipe) -> Encoded:
    """Return the rows of a part as tokens, with their truths and what to call them."""
    return Encoded(
        tuple(tokenise(tokenizer, [e.text for e in part], recipe.token_types)),
        tuple(e.truths for e in part),
        tuple(e.origin or e.id for e in part),
    )


def _report(  # noqa: PLR0913, PLR0917 - everything that a run decided
    plan: Plan,
    out: Path,
    recipe: Recipe,
    choice: Choice,
    material: Material,
    trained: Trained,
    parts: dict[str, Encoded],
    hardware: Hardware,
    crew: Workers,
    encoder: EncoderSource,
    took: float,
) -> Report:
    functions = [task.function for task in material.tasks]
    bases = {
        task.name: baseline(
            material.split.train, material.split.test, place, len(task.function.outputs)
        )
        for place, task in enumerate(material.tasks)
        if task.function.output in {"single", "ordered"}
    }
    return Report(
        command=plan.command,
        again=again(plan.command, out, split=material.prepared is not None),
        strategy=choice.name,
        reason=choice.reason,
        recipe=recipe,
        hardware=hardware,
        processes=crew.world,
        encoder=encoder,
        data={item.name: item.sha256 for item in material.sets},
        licences={item.name: item.card.licence for item in material.sets},
        rows={name: len(part.rows) for name, part in parts.items()},
        functions=functions,
        history=trained.history,
        best_step=trained.best_step,
        averaged=trained.averaged,
        seconds=took,
        dev=score_heads(trained.model, functions, parts["dev"], hardware),
        test=score_heads(trained.model, functions, parts["test"], hardware),
        baseline={name: _shown(base) for name, base in bases.items() if base is not None},
        confusion=_confusions(trained, material.tasks, parts["test"], hardware),
        temperatures=fitted(
            trained.model, functions, material.split.dev, parts["dev"].rows, hardware
        ),
        doubts=material.doubts(),
        notes=[*material.notes, *trained.notes],
    )


def _shown(value: Score) -> dict[str, float]:
    return {"rows": value.rows, "accuracy": value.accuracy, "macro_f1": value.macro_f1}


def _confusions(
    trained: Trained, tasks: Sequence[Task], part: Encoded, hardware: Hardware
) -> dict[str, Score]:
    if not part.rows:
        return {}
    said = predict(trained.model, part.rows, hardware)
    found = {}
    for place, task in enumerate(tasks):
        if task.function.output in {"single", "ordered"}:
            truths = [truths[place] for truths in part.truths]
            truth = np.array([t if isinstance(t, int) else MASKED for t in truths], dtype=np.int64)
            given = np.asarray(said[task.name]).argmax(axis=1)
            found[task.name] = score(truth, given, len(task.function.outputs))
    return {name: value for name, value in found.items() if value.rows}


def _write(  # noqa: PLR0913, PLR0917 - called once, above
    out: Path,
    plan: Plan,
    recipe: Recipe,
    material: Material,
    trained: Trained,
    report: Report,
    config: dict[str, object],
    encoder: Path,
) -> None:
    functions = tuple(task.function for task in material.tasks)

    def beside(directory: Path) -> None:
        write_report(report, directory)
        write_held_out(directory, held_out(material.split.dev, functions))
        material.write(directory)

    store.write_checkpoint(
        out,
        store.Checkpoint(
            functions=functions,
            max_tokens=recipe.max_tokens,
            max_chars=recipe.max_chars,
            truncation=functions[0].input.truncation,
            token_types=recipe.token_types,
            template=functions[0].input.template,
            languages=plan.languages,
            encoder=report.encoder,
            encoder_config=config,
            strategy=report.strategy,
            data=dict(report.data),
            licences=dict(report.licences),
            temperatures=dict(report.temperatures),
            metrics=_metrics(report),
            command=plan.command,
        ),
        trained.model,
        encoder / store.TOKENIZER,
        _samples(material),
        beside,
    )


def _metrics(report: Report) -> dict[str, dict[str, float]]:
    return {
        f"{name} {part}": {metric: round(value, 4) for metric, value in values.items()}
        for part, scores in (
            ("dev", report.dev),
            ("test", report.test),
            ("tfidf", report.baseline),
        )
        for name, values in scores.items()
    }


def _samples(material: Material) -> list[str]:
    """Return texts like those to come; without rows, what the functions say of their labels."""
    split = material.split
    texts = [example.text for part in (split.test, split.dev, split.train) for example in part]
    labels = [label for task in material.tasks for label in task.function.labels]
    texts = texts or [
        text for label in labels for text in (label.described(), *label.exemplars(None))
    ]
    return list(dict.fromkeys(texts))[:SAMPLES]


def fingerprint(
    plan: Plan,
    recipe: Recipe,
    material: Material,
    encoder: EncoderSource,
    processes: int,
    strategy: str,
) -> str:
    """Return a hash of all that decides a run's result."""
    said = (
        recipe,
        strategy,
        processes,
        encoder.sha256,
        material.prepared.snapshot if material.prepared else None,
        # A snapshot that was given tells the parts, not what is taken for true in them.
        [(e.id, e.text, e.truths) for part in material.split.parts.values() for e in part],
        [task.function for task in material.tasks],
        plan.precision,
    )
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()
