"""Carries out a rung of the ladder: a model goes in, a trained one with what was measured comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from safetensors.torch import load_file

from groundswell.errors import InputError
from groundswell.shape import SHAPES
from groundswell.tasks import Function
from training.checkpoint import WEIGHTS
from training.encode import Reader
from training.encoder import Encoder
from training.hardware import Hardware
from training.loop import fit, seed
from training.losses import Encoded
from training.model import OpinionModel, build, load_encoder
from training.parallel import Workers
from training.progress import Evaluation, Keeper
from training.recipe import Recipe
from training.strategies.choice import Choice
from training.strategies.lora import inject, merge
from training.strategies.zero_shot import set_heads

_COMPARED = 16
"""Rows on which a merged model is compared with the adapted one."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The model with its best weights, and what the loop saw on the way to them."""

    model: OpinionModel
    history: tuple[Evaluation, ...] = ()
    best_step: int = 0
    averaged: bool = False
    notes: tuple[str, ...] = ()


def begin(encoder: Encoder, functions: Sequence[Function], recipe: Recipe) -> OpinionModel:
    """Return the model as it begins: the encoder's weights under heads that follow from the seed."""
    seed(recipe.seed)
    model = build(
        encoder.config,
        {function.name: len(function.outputs) for function in functions},
        token_heads=[function.name for function in functions if function.output == "tokens"],
        token_types=SHAPES if recipe.token_types == "shape" else 0,
        dropout=recipe.dropout,
    )
    try:
        load_encoder(model, load_file(encoder.directory / WEIGHTS))
    except KeyError as error:
        raise InputError(f"encoder {encoder.source.name}: weights are missing: {error}") from error
    longest = int(model.config.max_position_embeddings)
    if recipe.max_tokens > longest:
        raise InputError(f"--max-tokens {recipe.max_tokens}: the encoder reads {longest}")
    return model


def carry_out(  # noqa: PLR0913 - the run's parts, each by its name
    choice: Choice,
    model: OpinionModel,
    functions: Sequence[Function],
    parts: Mapping[str, Encoded],
    recipe: Recipe,
    hardware: Hardware,
    console: Console,
    *,
    tokenizer: Reader,
    languages: Sequence[str],
    workers: Workers,
    keeper: Keeper,
) -> Trained:
    """Train ``model`` in place by the chosen rung; raises what the rung raises."""
    if choice.name == "zero-shot":
        set_heads(model, functions, tokenizer, recipe.token_types, languages, hardware)
        return Trained(model)
    if choice.name == "few-shot":
        from training.strategies.few_shot import fit_few

        fit_few(
            model,
            functions,
            parts["train"],
            recipe,
            hardware,
            console,
            tokenizer=tokenizer,
            languages=languages,
        )
        return Trained(model)
    notes: tuple[str, ...] = ()
    if choice.name == "lora":
        inject(model, rank=recipe.lora_rank, alpha=recipe.lora_alpha, dropout=recipe.dropout)
    fitted = fit(
        model,
        functions,
        parts["train"],
        parts["dev"],
        recipe,
        hardware,
        console,
        workers=workers,
        keeper=keeper,
    )
    if choice.name == "lora":
        apart = merge(model, parts["train"].rows[:_COMPARED])
        notes = (f"adapters merged: logits differ by at most {apart:.1e}",)
    return Trained(model, fitted.history, fitted.best_step, fitted.averaged, notes)
