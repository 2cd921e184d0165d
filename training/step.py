"""One step of training: rows to gradients to weights, with what makes it harder where that is asked."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from groundswell.tasks import Function
from training.cpu import quickened
from training.distil import pull_sum
from training.encode import pad
from training.hardware import Hardware, autocast
from training.losses import Encoded, Target, divergence, loss_sum, target, totals
from training.model import OpinionModel
from training.optimise import Movement
from training.parallel import Workers
from training.recipe import Recipe
from training.regularise import Perturbation, rounded

_PULLED = ""
"""Stands for no head: the rows that are pulled to an earlier model's answers."""


class Step:
    """
    Called with the places of a step's rows: moves the weights and returns the loss a head, summed.

    The rows are dealt over processes and, in each, over ``recipe.accumulate`` parts; every part's loss is
    divided by the whole step's number of labels, so that the result does not depend on the dealing.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the loop's parts, handed on once
        self,
        model: OpinionModel,
        functions: Sequence[Function],
        train: Encoded,
        recipe: Recipe,
        hardware: Hardware,
        workers: Workers,
        movement: Movement,
        weights: Mapping[str, Tensor | None],
    ) -> None:
        self._model, self._functions, self._train = model, functions, train
        self._recipe, self._hardware, self._workers = recipe, hardware, workers
        self._movement = movement
        self._weights = {
            name: None if value is None else value.to(hardware.device)
            for name, value in weights.items()
        }
        self._forward = workers.wrap(model, movement)
        self._perturbation = Perturbation(model, recipe.fgm) if recipe.fgm else None

    def __call__(self, places: Sequence[int], *, rounding: bool = False) -> float:
        """See the class; the weights stay as they were when the loss is not finite."""
        self._model.train()
        self._movement.optimiser.zero_grad(set_to_none=True)
        counts = totals(self._targets(places))
        if self._train.pull:
            counts[_PULLED] = self._train.pull.count(places)
        loss = 0.0
        parts = self._workers.world * self._recipe.accumulate
        for part in range(self._workers.rank, parts, self._workers.world):
            # Every process goes backward equally often: one without a row takes the first, for nothing.
            rows, weight = (places[part::parts], 1.0) if part < len(places) else (places[:1], 0.0)
            loss += self._part(rows, counts, weight, rounding=rounding)
        loss = self._workers.total(loss)
        if not math.isfinite(loss):
            return loss
        norm = nn.utils.clip_grad_norm_(list(self._movement.moving()), self._recipe.clip)
        if not torch.isfinite(norm):
            return float(norm)
        self._movement.optimiser.step()
        return loss

    def why(self, loss: float, step: int, steps: int, places: Sequence[int]) -> str:
        """Say what a loss that is not finite comes from: some rows, or weights that ran away."""
        self._model.eval()
        names = []
        for place in places:
            with torch.inference_mode():
                alone = self._loss([place], totals(self._targets([place])), twice=False)
            if not torch.isfinite(alone):
                names.append(self._train.names[place] if self._train.names else f"{place + 1}")
        what = f"the loss is {loss} at step {step} of {steps}"
        lower = f"a lower --learning-rate than {self._recipe.learning_rate:g}"
        if not names:
            return f"{what}, though no row alone gives it; train with {lower}, or --precision fp32"
        if len(names) == len(places) > 1:
            return f"{what}, and each row gives it: the weights have run away; train with {lower}"
        return (
            f"{what}: alone, {len(names)} of its {len(places)} rows give it, first {names[0]}; "
            f"look at them, or train with {lower}"
        )

    def _targets(self, places: Sequence[int]) -> dict[str, Target]:
        """Return the truths of the heads for which one of the rows has a label."""
        rows = [self._train.rows[place] for place in places]
        found = {
            function.name: target(
                function, rows, [self._train.truths[place][number] for place in places]
            )
            for number, function in enumerate(self._functions)
        }
        return {name: value for name, value in found.items() if value.count}

    def _part(
        self, places: Sequence[int], counts: Mapping[str, int], weight: float, *, rounding: bool
    ) -> float:
        """Go forward and backward over some of a step's rows; return their part of the loss."""
        perturbation = self._perturbation
        twice = self._recipe.r_drop > 0
        on_cpu = self._hardware.device == "cpu"
        with quickened(self._model, on=on_cpu), rounded(self._model, on=rounding):
            with perturbation.watch() if perturbation else nullcontext():
                loss = self._loss(places, counts, twice=twice) * weight
            self._workers.backward(loss * self._workers.world)
            if perturbation and torch.isfinite(loss):
                with perturbation.push():
                    again = self._loss(places, counts, twice=False) * weight
                self._workers.backward(again * self._workers.world)
        return float(loss.detach())

    def _loss(self, places: Sequence[int], counts: Mapping[str, int], *, twice: bool) -> Tensor:
        device = self._hardware.device
        rows = [self._train.rows[place] for place in places]
        inputs = pad(rows)
        inputs = {name: value.to(device) for name, value in inputs.items()}
        if twice:
            inputs = {name: torch.cat([value, value]) for name, value in inputs.items()}
        with autocast(self._hardware):
            outputs = self._forward(**inputs)
        total = next(iter(outputs.values())).new_zeros((), dtype=torch.float32)
        for name, truth in self._targets(places).items():
            function = next(f for f in self._functions if f.name == name)
            held = truth.to(device)
            passes = outputs[name].chunk(2) if twice else (outputs[name],)
            for logits in passes:
                part = loss_sum(
                    function.output, logits, held, self._recipe.smoothing, self._weights[name]
                )
                total = total + part / (counts[name] * len(passes))
            if twice:
                apart = divergence(function.output, outputs[name], held.labelled(function.output))
                total = total + self._recipe.r_drop * apart / counts[name]
        if self._train.pull and _PULLED in counts:
            kinds = {function.name: function.output for function in self._functions}
            pulled = pull_sum(self._train.pull, kinds, outputs, places, rows)
            total = total + pulled / counts[_PULLED]
        if torch.is_grad_enabled() and not total.requires_grad:
            # A part of a batch in which nothing is labelled still goes backward, as the others do.
            total = total + 0.0 * sum(value.float().sum() for value in outputs.values())
        return total
