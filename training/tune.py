"""
The search for a recipe: trials of the loop on a share of the rows, kept in a journal.

Rules: the first trial is the recipe as it was given, so that the table shows what the search gained; a
trial's proposal follows from the seed and the trials that ended, so a search that is killed and taken up
again goes on as it would have; nothing of the test part is looked at.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import optuna
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from groundswell.errors import CannotContinue, InputError
from training import checkpoint as store
from training.encode import load_tokenizer
from training.encoder import locate
from training.hardware import choose, read_cpu_flags
from training.loop import fit
from training.material import gather
from training.parallel import Alone
from training.progress import Evaluation
from training.recipe import Recipe
from training.strategies.choice import pick
from training.strategies.lora import inject
from training.strategies.rungs import begin
from training.train import Plan, encode, fingerprint

BEST: Final = "best.json"
TABLE: Final = "trials.md"
JOURNAL: Final = "trials.journal"
_STUDY: Final = "groundswell"
_MARK: Final = "fingerprint"
SEARCHED: Final = ("learning_rate", "epochs", "layer_decay", "smoothing", "dropout", "r_drop")
"""The parts of a recipe that are searched."""
_ENDED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
_UNPRUNED: Final = 3
"""Trials before the first may be cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to search: trials in all, the share of the training rows, and where the journal stands."""

    trials: int
    share: float = 0.3
    storage: Path | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial: the score of its best evaluation (of the last, if it was cut short), and its recipe."""

    number: int
    score: float
    cut: bool
    given: bool
    recipe: Recipe
    settings: dict[str, Any]


def tune(plan: Plan, recipe: Recipe, search: Search, out: Path, console: Console) -> list[Tried]:
    """
    Search, write ``best.json`` and ``trials.md`` into ``out``, and return the trials, best first.

    Raises ``InputError`` for whatever the user gave that cannot be used, ``CannotContinue`` when a trial's
    loss is not finite for the recipe as it was given.
    """
    encoder = locate(plan.encoder)
    material = gather(plan.sources)
    functions = [task.function for task in material.tasks]
    choice = pick(plan.strategy, functions, material.split.train)
    if choice.name not in {"lora", "full"}:
        raise InputError(
            f"there is nothing to search for with --strategy {choice.name} ({choice.reason}): give more "
            "rows, or --strategy lora or full"
        )
    rows = material.split.train
    kept = sorted(
        random.Random(recipe.seed).sample(  # noqa: S311 - a share is no secret
            range(len(rows)), max(1, round(len(rows) * search.share))
        )
    )
    recipe = choice.settle(recipe)
    tokenizer = load_tokenizer(
        encoder.directory / store.TOKENIZER, recipe.max_tokens, functions[0].input.truncation
    )
    train = encode([rows[place] for place in kept], tokenizer, recipe)
    dev = encode(material.split.dev, tokenizer, recipe)
    hardware = choose(
        begin(encoder, functions, recipe),
        device=plan.device,
        threads=plan.threads,
        precision=plan.precision,
        cpu_flags=read_cpu_flags(),
    )
    mark = fingerprint(plan, recipe, material, encoder.source, 1, choice.name)
    mark = hashlib.sha256(f"{mark}/{search.share}".encode()).hexdigest()
    study = open_study(search.storage or out / JOURNAL, mark)
    console.print(
        f"strategy {choice.name}: {choice.reason}; {len(kept)} of {len(rows)} rows to train on, "
        f"{len(dev.rows)} to score; {hardware.device}, {hardware.threads} threads, {hardware.precision}"
    )

    def score(trial: optuna.Trial, how: Recipe) -> float:
        model = begin(encoder, functions, how)
        if choice.name == "lora":
            inject(model, rank=how.lora_rank, alpha=how.lora_alpha, dropout=how.dropout)
        seen: list[Evaluation] = []

        def watch(evaluation: Evaluation) -> None:
            seen.append(evaluation)
            trial.report(evaluation.score, len(seen))
            if trial.should_prune():
                raise optuna.TrialPruned

        return fit(
            model,
            functions,
            train,
            dev,
            how,
            hardware,
            console,
            workers=Alone(),
            after_evaluation=watch,
        ).best_score

    carry_out(study, recipe, search.trials, score, console)
    found = sorted(
        (tried_of(trial, recipe) for trial in study.get_trials(states=_ENDED)),
        key=lambda tried: (tried.cut, -tried.score, tried.number),
    )
    out.mkdir(parents=True, exist_ok=True)
    best = msgspec.json.encode(found[0].recipe)
    (out / BEST).write_bytes(msgspec.json.format(best, indent=1))
    (out / TABLE).write_text(table(found), encoding="utf-8")
    return found


def carry_out(
    study: optuna.Study,
    recipe: Recipe,
    trials: int,
    score: Callable[[optuna.Trial, Recipe], float],
    console: Console,
) -> None:
    """Run trials until so many have ended, the recipe as it was given first."""
    while (number := len(study.get_trials(states=_ENDED))) < trials:
        study.sampler = optuna.samplers.TPESampler(
            seed=recipe.seed * 100_003 + number, n_startup_trials=_UNPRUNED
        )
        if not number:
            study.enqueue_trial({name: getattr(recipe, name) for name in SEARCHED})
        trial = study.ask()
        try:
            study.tell(trial, score(trial, propose(trial, recipe)))
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except CannotContinue:
            # A learning rate at which weights run away is a result, too.
            if not number:
                raise
            study.tell(trial, 0.0)
        ended = tried_of(study.trials[trial.number], recipe)
        console.print(
            f"trial {number + 1} of {trials}: {ended.score:.4f}{', cut short' * ended.cut}"
        )


def open_study(path: Path, mark: str) -> optuna.Study:
    """
    Return the study of a journal, new or taken up; trials that were killed are done with.

    Raises ``InputError`` when the journal is another search's, or cannot be read.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            study_name=_STUDY,
            storage=JournalStorage(JournalFileBackend(str(path))),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED),
            direction="maximize",
            load_if_exists=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not the journal of a search ({error}); remove it") from error
    if study.user_attrs.setdefault(_MARK, mark) != mark:
        raise InputError(
            f"{path}: left by a search over other data, functions, encoder or options; give the same "
            "command to go on with it, or another --out"
        )
    study.set_user_attr(_MARK, mark)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def propose(trial: optuna.Trial, recipe: Recipe) -> Recipe:
    """Return the recipe of a trial: around the one that was given."""
    settings: dict[str, Any] = {
        "learning_rate": trial.suggest_float(
            "learning_rate", recipe.learning_rate / 5, recipe.learning_rate * 5, log=True
        ),
        "epochs": trial.suggest_int("epochs", max(1, recipe.epochs // 2), recipe.epochs * 2),
        "layer_decay": trial.suggest_float("layer_decay", min(0.6, recipe.layer_decay), 1.0),
        "smoothing": trial.suggest_float("smoothing", 0.0, max(0.2, recipe.smoothing)),
        "dropout": trial.suggest_float("dropout", 0.0, max(0.3, recipe.dropout)),
        "r_drop": trial.suggest_categorical("r_drop", sorted({0.0, 0.5, 1.0, recipe.r_drop})),
    }
    return msgspec.structs.replace(recipe, **settings)


def tried_of(trial: FrozenTrial, recipe: Recipe) -> Tried:
    """Return what a trial that ended came to."""
    settings = {name: trial.params[name] for name in SEARCHED}
    how = msgspec.structs.replace(recipe, **settings)
    # Of a trial that was cut short optuna takes what it reported last for its value.
    score = trial.value if trial.value is not None else 0.0
    return Tried(
        trial.number, score, trial.state is TrialState.PRUNED, how == recipe, how, settings
    )


def table(found: Sequence[Tried]) -> str:
    """Return the trials as Markdown, in their order."""
    lines = [
        f"| trial | dev | {' | '.join(SEARCHED)} |",
        "|---" * (len(SEARCHED) + 2) + "|",
    ]
    for tried in found:
        name = f"{tried.number}{' (as given)' * tried.given}"
        score = f"{tried.score:.4f}{' cut short' * tried.cut}"
        values = " | ".join(f"{tried.settings[key]:.4g}" for key in SEARCHED)
        lines.append(f"| {name} | {score} | {values} |")
    return "\n".join(lines) + "\n"
