"""The optimiser: which parameters move, how fast each does, and by what rule."""

import re
from collections.abc import Iterator
from typing import Final

import torch
from torch import nn

from training.model import OpinionModel
from training.recipe import Recipe, frozen_layers, pace

_LAYER: Final = re.compile(r"(?:^|\.)encoder\.layer\.(\d+)\.")


def depth_of(name: str, layers: int) -> int:
    """Return how far up a parameter stands: 0 the embeddings, 1 to ``layers``, then the heads."""
    if match := _LAYER.search(name):
        return int(match[1]) + 1
    return 0 if ".embeddings." in f".{name}" else layers + 1


class Movement:
    """
    The parameters of a model with their optimiser; ``at(step)`` sets rates and freezes.

    Parameters that do not require a gradient when this is made (the base of an adapter) never do.
    """

    def __init__(self, model: OpinionModel, recipe: Recipe, steps: int) -> None:
        self._recipe, self._steps = recipe, steps
        self._layers = int(model.config.num_hidden_layers)
        frozen_layers(recipe, 0, steps, self._layers)
        self._named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self._named:
            factor = self._factor(name)
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((factor, decay), []).append(parameter)
        self._factors = [factor for factor, _ in groups]
        listed = [
            {"params": parameters, "weight_decay": decay, "lr": 0.0}
            for (_, decay), parameters in groups.items()
        ]
        self.optimiser: torch.optim.Optimizer
        if recipe.optimiser == "sgd":
            self.optimiser = torch.optim.SGD(listed, momentum=0.9)
        else:
            self.optimiser = torch.optim.AdamW(listed, fused=True)

    def at(self, step: int) -> None:
        """Set the learning rates, and what is frozen, for ``step`` (from 0)."""
        rate = self._recipe.learning_rate * pace(step, self._steps, self._recipe)
        for group, factor in zip(self.optimiser.param_groups, self._factors, strict=True):
            group["lr"] = rate * factor
        still = frozen_layers(self._recipe, step, self._steps, self._layers)
        for name, parameter in self._named:
            moves = depth_of(name, self._layers) >= still
            parameter.requires_grad_(moves)
            if not moves:
                parameter.grad = None

    def moving(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that have a gradient now."""
        for _, parameter in self._named:
            if parameter.grad is not None:
                yield parameter

    @property
    def named(self) -> list[tuple[str, nn.Parameter]]:
        """Every parameter that moves at some step, with its name."""
        return self._named

    def _factor(self, name: str) -> float:
        depth = depth_of(name, self._layers)
        if depth > self._layers:
            return self._recipe.head_factor
        return float(self._recipe.layer_decay ** (self._layers - depth))
