"""
The recipe: how to train, and what follows from it for a step; plain functions of the step's number.

Rule: nothing here remembers anything, so a run that is taken up again at a step goes on as it would have.
"""

import math
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from groundswell.errors import InputError

Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0.0)]


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How to train; the defaults suit a small encoder on two cores.

    ``freeze`` is ``none``, ``embeddings``, ``layers:N`` (embeddings and the first N layers) or
    ``gradual`` (from the top down, a layer a part of the first half of the run).
    """

    epochs: Annotated[int, Meta(ge=0)] = 0
    """0: by the number of rows; the loop itself needs one at least."""
    seed: Annotated[int, Meta(ge=0)] = 1
    batch: Annotated[int, Meta(ge=1)] = 32
    """Rows a step, over all processes."""
    accumulate: Annotated[int, Meta(ge=1)] = 1
    """Parts in which a step's rows are computed, to save memory; the result is the same."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 2e-4
    head_factor: Positive = 5.0
    """Multiplies the learning rate of the heads."""
    layer_decay: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    """Multiplies the learning rate once for every layer further down (discriminative rates)."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Share = 0.1
    """The share of the steps in which the learning rate rises."""
    weight_decay: Annotated[float, Meta(ge=0.0)] = 0.01
    clip: Positive = 1.0
    """The largest norm of the gradient."""
    dropout: Share = 0.1
    smoothing: Share = 0.05
    """Label smoothing of heads with one label a text."""
    class_weights: Literal["none", "sqrt", "balanced"] = "none"
    """Rare labels count more: by the inverse of their share, or its root."""
    freeze: str = "embeddings"
    r_drop: Annotated[float, Meta(ge=0.0)] = 0.0
    """Weight of the divergence between two passes with other dropout (Liang et al. 2021)."""
    fgm: Annotated[float, Meta(ge=0.0)] = 0.0
    """Length of an adversarial step on the embeddings' output (Miyato et al. 2017); 0: none."""
    lora_rank: Annotated[int, Meta(ge=1)] = 16
    lora_alpha: Annotated[int, Meta(ge=1)] = 32
    average: Annotated[int, Meta(ge=0)] = 0
    """The mean of the weights at this many last evaluations is tried at the end; 0: it is not."""
    fake_int8: Share = 0.0
    """In this last part of the steps weights and activations are rounded as int8 will round them, so that
    the model learns to bear it; only evaluations in it can be the best."""
    balance: Share = 1.0
    """Rows of a kind are drawn in proportion to (their number)^balance."""
    evaluations: Annotated[int, Meta(ge=1)] = 2
    """Evaluations an epoch."""
    patience: Annotated[int, Meta(ge=1)] = 4
    """Evaluations without a better score before it ends."""
    max_tokens: Annotated[int, Meta(ge=8, le=8192)] = 128
    max_chars: Annotated[int, Meta(ge=64)] = 2000
    token_types: Literal["zeros", "shape"] = "shape"
    """What ``token_type_ids`` carry: nothing, or the shape of each word."""


def pace(step: int, steps: int, recipe: Recipe) -> float:
    """
    Return the factor of the learning rate at ``step`` (from 0) of ``steps``.

    A linear warm-up, then a line or half a cosine down to zero, or no change.
    """
    warm = max(1, round(steps * recipe.warmup))
    if step < warm:
        return (step + 1) / warm
    left = max(0.0, (steps - step) / max(1, steps - warm))
    match recipe.schedule:
        case "linear":
            return left
        case "cosine":
            return 0.5 * (1 - math.cos(math.pi * left))
        case "constant":
            return 1.0


def rounds_from(steps: int, recipe: Recipe) -> int:
    """Return the first step (from 0) that rounds as int8 does; ``steps`` where none does."""
    return steps - round(steps * recipe.fake_int8)


def frozen_layers(recipe: Recipe, step: int, steps: int, layers: int) -> int:
    """
    Return how much of the encoder stands still at ``step``.

    0 is nothing, 1 the embeddings, n the first n - 1 layers as well. Gradual unfreezing (Howard & Ruder 2018) begins with the heads alone, adds a layer from the top
    after each ``layers + 1``-th of the first half of the run, and never moves the embeddings. Raises
    ``InputError`` for a freezing that is unknown, or freezes more layers than there are.
    """
    match recipe.freeze.partition(":"):
        case ("none", "", ""):
            return 0
        case ("embeddings", "", ""):
            return 1
        case ("gradual", "", ""):
            phase = step * 2 * (layers + 1) // max(1, steps)
            return max(1, layers + 1 - phase)
        case ("layers", ":", number) if number.isdecimal() and int(number) <= layers:
            return int(number) + 1
    raise InputError(
        f"--freeze {recipe.freeze}: must be none, embeddings, gradual, or layers:N with N up to {layers}"
    )
