"""The run of a refresh: from the champion's weights, or from the base encoder over all rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from torch import nn

from groundswell.tasks import content_hash
from training import checkpoint as store
from training.begun import Start
from training.distil import Pull
from training.encoder import DEFAULT, Encoder, locate
from training.evaluate import predict
from training.functions import Task
from training.hardware import Hardware
from training.losses import Encoded
from training.material import Sources
from training.model import OpinionModel
from training.recipe import Recipe
from training.refresh.material import Combined, is_new
from training.report import Report
from training.train import Plan, run

PULL = 0.3
"""Weight of the pull to what the champion says of the rows that are learnt again."""
WARM = {"epochs": 3, "learning_rate": 1e-4, "head_factor": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How to train: ``recipe`` holds what differs from the usual; the rest as ``groundswell train``."""

    encoder: str = DEFAULT
    recipe: dict[str, Any] = field(default_factory=dict)
    pull: float = PULL
    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    languages: tuple[str, ...] = ("en",)
    save_every: float = 120.0
    command: str = "groundswell refresh"


def same_functions(checkpoint: store.Checkpoint, tasks: Sequence[Task]) -> bool:
    """Whether the checkpoint has the heads that are to be trained, label for label."""
    theirs = [content_hash(function) for function in checkpoint.functions]
    return theirs == [content_hash(task.function) for task in tasks]


def train(
    combined: Combined, champion: Path | None, how: How, seed: int, out: Path, console: Console
) -> Report:
    """
    Write a checkpoint into ``out``; ``champion`` holds the weights to begin with (None: the base encoder).

    A run that was killed goes on from its last save. Raises as ``training.train.run``.
    """
    if champion is None:
        start = Start(material=combined.material, encoder=locate(how.encoder))
        recipe = _recipe({**how.recipe, "seed": seed})
        languages = how.languages
    else:
        checkpoint = store.read_checkpoint(champion)
        start = _from_champion(combined, champion, checkpoint, how)
        recipe = _recipe(
            WARM
            | how.recipe
            | {
                "seed": seed,
                "max_tokens": checkpoint.max_tokens,
                "max_chars": checkpoint.max_chars,
                "token_types": checkpoint.token_types,
            }
        )
        languages = checkpoint.languages
    plan = Plan(
        sources=Sources(data=()),
        strategy="full",
        encoder=how.encoder,
        languages=languages,
        device=how.device,
        threads=how.threads,
        precision=how.precision,
        save_every=how.save_every,
        command=how.command,
    )
    return run(plan, recipe, out, console, start)


def _recipe(values: dict[str, Any]) -> Recipe:
    return msgspec.convert(values, Recipe, strict=False)


def _from_champion(
    combined: Combined, champion: Path, checkpoint: store.Checkpoint, how: How
) -> Start:
    model = store.load_model(champion, checkpoint, attention="sdpa")
    split = combined.material.split

    def taught(train: Encoded, hardware: Hardware) -> Encoded:
        free = [is_new(example) for example in split.train]
        return replace(train, pull=pull_to(model, train, free, how.pull, hardware))

    return Start(
        material=combined.material,
        encoder=Encoder(champion, checkpoint.encoder_config, checkpoint.encoder),
        model=model,
        taught=taught if how.pull else (lambda train, _: train),
    )


def pull_to(
    model: OpinionModel, train: Encoded, free: Sequence[bool], weight: float, hardware: Hardware
) -> Pull:
    """Return the pull to what a model says now of the rows that are not ``free``."""
    nn.Module.to(model, hardware.device)
    said = predict(model, train.rows, hardware)
    return Pull(
        weight,
        {
            name: [None if out else answers[place] for place, out in enumerate(free)]
            for name, answers in said.items()
        },
    )
