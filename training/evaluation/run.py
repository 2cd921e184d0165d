"""
The run of ``groundswell evaluate``: reads, asks, measures, writes.

Rule: everything is written aside and put in place at the end, so that a report is whole.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST
from groundswell.tasks import Function
from training.data import DataSet, read_card
from training.evaluation.figures import DataFigures, Evaluation, Speed
from training.evaluation.material import (
    choose_heads,
    examples_of,
    read,
    recorded_files,
    train_examples,
)
from training.evaluation.measure import Material, measure_head
from training.evaluation.predictors import Answers, Logits, Predictor
from training.evaluation.report import as_markdown
from training.evaluation.served import BundlePredictor
from training.examples import Example
from training.functions import FOLDER, load_function

REPORT: Final = "report.json"
CHECKPOINT: Final = "checkpoint.json"
"""It holds a ``report.json`` of its own, and is never written over."""
_TIMED: Final = 128
_ALONE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; ``functions`` are names of heads, or files that describe them."""

    model: Path
    data: tuple[str, ...]
    functions: tuple[str, ...] = ()
    cards: tuple[Path, ...] = ()
    train_data: tuple[str, ...] = ()
    against: Path | None = None
    precision: str = ""
    device: str = "cpu"
    threads: int = 1
    most: int = 300
    command: str = ""


def open_model(
    path: Path, functions: Sequence[Function], *, precision: str, device: str, threads: int
) -> Predictor:
    """Open a bundle (it holds a manifest) or a checkpoint; raises ``InputError``, ``BundleError``."""
    if (path / MANIFEST).is_file():
        return BundlePredictor(path, functions, precision=precision, threads=threads)
    if not path.is_dir():
        raise InputError(f"{path}: no such directory; name a checkpoint or a bundle")
    from training.evaluation.trained import CheckpointPredictor

    return CheckpointPredictor(path, functions, precision=precision, device=device, threads=threads)


def run(plan: Plan, out: Path) -> Evaluation:
    """Measure, and write the report into ``out``; raises ``InputError`` and ``BundleError``."""
    check_free(out)
    return write(evaluate(plan), out)


def evaluate(plan: Plan, clock: Callable[[], float] = time.perf_counter) -> Evaluation:
    """Measure; nothing is written. Raises ``InputError`` and ``BundleError``."""
    files = [name for name in plan.functions if name.endswith((".yaml", ".yml"))]
    given = [load_function(Path(name)) for name in files]
    shipped = [load_function(path) for path in sorted(FOLDER.glob("*.yaml"))]
    own = {function.name for function in given}
    functions = [*given, *(function for function in shipped if function.name not in own)]
    predictor = open_model(
        plan.model, functions, precision=plan.precision, device=plan.device, threads=plan.threads
    )
    _check_labels(predictor, given)
    wanted = [*own, *(name for name in plan.functions if name not in files)]
    notes = list(predictor.about.notes)
    cards = [read_card(path) for path in plan.cards]
    sets = read(plan.data, cards)
    heads = choose_heads(predictor, sets, wanted, notes)
    examples = examples_of(heads, sets, predictor.max_chars, notes)
    trained = plan.train_data or tuple(recorded_files(predictor.about))
    train_sets = read(trained, cards) if trained else ()
    train = train_examples(heads, train_sets, predictor.max_chars, notes) if trained else ()
    if not trained:
        notes.append("the training rows are not known: name them with --train-data")
    texts = [example.text for example in examples]
    material = Material(
        predictor=predictor,
        heads=heads,
        examples=examples,
        answers=_finite(predictor, examples, predictor.answer(texts)),
        other=_other(plan, functions, texts),
        train=train,
        most=plan.most,
    )
    return Evaluation(
        command=plan.command,
        model=predictor.about,
        against=material.other[0].about if material.other else None,
        data=_figures(sets),
        train_data=_figures(train_sets),
        rows=sum(len(each.rows) for each in sets),
        judged=len({example.origin for example in examples}),
        heads=tuple(measure_head(material, place) for place in range(len(heads))),
        speed=speed_of(predictor, texts, clock),
        bytes=sum(predictor.about.files.values()),
        notes=tuple(notes),
    )


def _finite(predictor: Predictor, examples: Sequence[Example], answers: Answers) -> Answers:
    """Refuse answers that are no numbers: every score would be a lie."""
    for place, example in enumerate(examples):
        said: list[Logits] = [logits[place] for logits in answers.sentences.values()]
        said += [logits[place] for logits in answers.tokens.values()]
        if not all(np.isfinite(one).all() for one in said):
            raise InputError(
                f"{predictor.about.name}: answers NaN or infinity to {example.origin}; its weights are "
                "broken, train or export it again"
            )
    return answers


def _check_labels(predictor: Predictor, given: Sequence[Function]) -> None:
    for function in given:
        asked = predictor.heads.get(function.name)
        if asked is not None and asked.function.outputs != function.outputs:
            raise InputError(
                f"--function: {function.name} declares {', '.join(function.label_names)}; "
                f"{predictor.about.name} was trained on {', '.join(asked.function.label_names)}"
            )


def _other(
    plan: Plan, functions: Sequence[Function], texts: Sequence[str]
) -> tuple[Predictor, Answers] | None:
    if plan.against is None:
        return None
    other = open_model(
        plan.against, functions, precision="", device=plan.device, threads=plan.threads
    )
    return other, other.answer(texts)


def _figures(sets: Sequence[DataSet]) -> tuple[DataFigures, ...]:
    return tuple(
        DataFigures(name=s.name, sha256=s.sha256, licence=s.card.licence, rows=len(s.rows))
        for s in sets
    )


def speed_of(predictor: Predictor, texts: Sequence[str], clock: Callable[[], float]) -> Speed:
    """Time the model on the first texts of the data (at least one), after a warm-up."""
    timed = list(texts[:_TIMED])
    predictor.answer(timed[:8])
    began = clock()
    predictor.answer(timed)
    batched = clock() - began
    alone = []
    for text in timed[:_ALONE]:
        began = clock()
        predictor.answer([text])
        alone.append(clock() - began)
    return Speed(
        items=len(timed),
        items_per_second=len(timed) / max(batched, 1e-9),
        milliseconds_alone=1000 * sorted(alone)[len(alone) // 2],
    )


def check_free(directory: Path) -> None:
    """Raise ``InputError`` when ``directory`` holds anything but an earlier report."""
    if not directory.exists():
        return
    if not directory.is_dir() or (not (directory / REPORT).is_file() and any(directory.iterdir())):
        raise InputError(f"{directory}: exists and is no report; choose another --out")
    if (directory / MANIFEST).exists() or (directory / CHECKPOINT).exists():
        raise InputError(f"{directory}: is a model; choose another --out")


def write(found: Evaluation, directory: Path) -> Evaluation:
    """
    Write ``report.md``, ``report.json`` and the pictures into ``directory``, in place of an earlier report.

    Raises ``InputError``.
    """
    from training.evaluation.plots import draw

    check_free(directory)
    aside = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        pictures = {head.name: tuple(draw(head, aside)) for head in found.heads}
        whole = msgspec.structs.replace(found, pictures=pictures)
        encoded = msgspec.json.format(msgspec.json.encode(whole), indent=1)
        (aside / REPORT).write_bytes(encoded)
        (aside / "report.md").write_text(as_markdown(whole), encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        aside.rename(directory)
    except OSError as error:
        raise InputError(f"{directory}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return whole
