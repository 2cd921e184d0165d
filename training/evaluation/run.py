"""
The run of ``groundswell evaluate``: reads, asks, measures, writes.

Rule: what cannot be judged or written is refused before the model is asked.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST
from groundswell.tasks import Function
from training.data import DataSet, read_card
from training.evaluation.figures import DataFigures, Evaluation
from training.evaluation.folder import check_free, write
from training.evaluation.material import (
    choose_heads,
    examples_of,
    read,
    recorded_files,
    train_examples,
)
from training.evaluation.measure import measure_head
from training.evaluation.predictors import Answers, Logits, Material, Predictor
from training.evaluation.served import BundlePredictor
from training.evaluation.speed import speed_of
from training.examples import Example
from training.functions import FOLDER, load_function


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
    against_precision: str = ""
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
        plan.against,
        functions,
        precision=plan.against_precision,
        device=plan.device,
        threads=plan.threads,
    )
    return other, other.answer(texts)


def _figures(sets: Sequence[DataSet]) -> tuple[DataFigures, ...]:
    return tuple(
        DataFigures(name=s.name, sha256=s.sha256, licence=s.card.licence, rows=len(s.rows))
        for s in sets
    )
