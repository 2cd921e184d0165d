"""
The training loop, read from top to bottom.

Rules: one seed decides everything that is random, a step's random numbers follow from its own number;
the weights of the best evaluation on the dev part are what comes back, whatever happened after it; a
loss that is not finite ends the run with an error that says why.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from groundswell.errors import CannotContinue, InputError
from groundswell.tasks import Function
from training.evaluate import dev_scores
from training.hardware import Hardware, repeatable
from training.losses import Encoded, class_weights
from training.model import OpinionModel
from training.optimise import Movement
from training.parallel import Alone, Workers
from training.progress import Evaluation, Keeper, mean, restore
from training.recipe import Recipe, rounds_from
from training.sampling import epoch_batches, kinds_of, shares
from training.step import Step


@dataclass(frozen=True, slots=True)
class Fitted:
    """Every evaluation, the best one's step, and whether averaged weights took its place."""

    history: tuple[Evaluation, ...]
    best_step: int
    best_score: float
    averaged: bool = False


def fit(  # noqa: PLR0913 - the run's parts, each by its name
    model: OpinionModel,
    functions: Sequence[Function],
    train: Encoded,
    dev: Encoded,
    recipe: Recipe,
    hardware: Hardware,
    console: Console,
    *,
    workers: Workers | None = None,
    keeper: Keeper | None = None,
    after_step: Callable[[int], None] = lambda _: None,
    after_evaluation: Callable[[Evaluation], None] = lambda _: None,
) -> Fitted:
    """
    Train ``model`` in place; on return it holds the weights of the best evaluation.

    The best is the highest mean of the heads' primary metrics on ``dev``; of equals the earliest.
    ``after_step`` is called with the number of steps done, ``after_evaluation`` with each evaluation;
    what they raise ends the run. Raises ``CannotContinue`` when the loss is
    not finite or progress cannot be kept, ``InputError`` for a recipe that the model does not bear.
    """
    workers, keeper = workers or Alone(), keeper or Keeper(None, "")
    repeatable()
    nn.Module.to(model, hardware.device)
    keys = train.kinds()
    kinds = [kind for kind in kinds_of(keys) if any(keys[kind[0]])]
    per_epoch = sum(shares([len(kind) for kind in kinds], recipe.batch, recipe.balance))
    steps = per_epoch * recipe.epochs
    if not steps:
        raise InputError("no row has a label to train on, or --epochs is 0")
    every = -(-per_epoch // recipe.evaluations)
    movement = Movement(model, recipe, steps)
    weights = {
        function.name: class_weights(
            function, [truths[place] for truths in train.truths], recipe.class_weights
        )
        for place, function in enumerate(functions)
    }
    compute = Step(model, functions, train, recipe, hardware, workers, movement, weights)
    progress = keeper.load(movement)
    place = progress.place

    def evaluate() -> dict[str, float]:
        return dev_scores(model, functions, dev, hardware) if workers.rank == 0 else {}

    epoch, plan, rounding = -1, list[list[int]](), rounds_from(steps, recipe)

    with _bar(console, shown=workers.rank == 0) as bar:
        task = bar.add_task("training", total=steps, completed=place.step, note="")
        while place.step < steps and not place.over:
            # One step: its rates, its random numbers, its rows.
            number = place.step
            if number // per_epoch != epoch:
                epoch = number // per_epoch
                plan = epoch_batches(
                    kinds,
                    [len(row.ids) for row in train.rows],
                    batch=recipe.batch,
                    balance=recipe.balance,
                    seed=recipe.seed,
                    epoch=epoch,
                )
            movement.at(number)
            torch.manual_seed((recipe.seed * 1_000_003 + number) * workers.world + workers.rank)
            progress.pass_over(number, rounding)
            loss = compute(plan[number % per_epoch], rounding=number >= rounding)
            if not math.isfinite(loss):
                raise CannotContinue(compute.why(loss, number + 1, steps, plan[number % per_epoch]))
            place.losses.append(loss)
            place.step += 1
            note = f"loss {loss:.3f}  best {max(place.best_score, 0):.3f}"
            bar.update(task, completed=place.step, note=note)

            # From time to time: how good is it, and is it still getting better?
            if place.step % every == 0 or place.step == steps:
                heads = evaluate()
                progress.note(heads, workers.share(_mean(heads)), movement, recipe)
                after_evaluation(place.history[-1])
            if workers.rank == 0 and keeper.due():
                keeper.save(progress, movement)
            after_step(place.step)

    averaged = False
    if len(progress.last) > 1:
        restore(movement, mean(progress.last))
        averaged = workers.share(_mean(evaluate())) >= place.best_score
    if not averaged:
        restore(movement, progress.best)
    model.eval()
    return Fitted(tuple(place.history), place.best_step, place.best_score, averaged)


def _mean(heads: Mapping[str, float]) -> float:
    return sum(heads.values()) / max(1, len(heads))


def seed(value: int) -> None:
    """Seed torch, before anything is drawn: the heads' first weights among it."""
    torch.manual_seed(value)


def _bar(console: Console, *, shown: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, console=console, transient=True, disable=not shown)
