"""
The training loop, read from top to bottom.

Rules: one seed decides everything that is random; the weights of the best step on the dev part are what
comes back, whatever happened after it; a loss that is not finite ends the run with an error.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from groundswell.errors import CannotContinue
from training.data import MASKED, Example
from training.encode import batches, pad
from training.evaluate import dev_score, predict
from training.hardware import Hardware, autocast
from training.model import OpinionModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """
    How to train; the defaults suit a small encoder on two cores.

    ``head_factor`` multiplies the learning rate for the heads, ``patience`` is in evaluations without a
    better score.
    """

    epochs: int = 4
    seed: int = 1
    batch: int = 32
    learning_rate: float = 2e-4
    head_factor: float = 5.0
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    smoothing: float = 0.05
    freeze: str = "embeddings"
    evaluations: int = 2
    """Evaluations an epoch."""
    patience: int = 4
    max_tokens: int = 128
    max_chars: int = 2000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The mean macro-F1 on the dev part after ``step`` steps, and the mean loss since the last one."""

    step: int
    loss: float
    score: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """Examples as token ids, with their labels [rows, heads]."""

    ids: tuple[list[int], ...]
    labels: Tensor

    @classmethod
    def of(cls, ids: Sequence[list[int]], examples: Sequence[Example]) -> "Encoded":
        """Join token ids with the labels of their examples."""
        return cls(tuple(ids), torch.tensor([e.labels for e in examples], dtype=torch.int64))


def fit(
    model: OpinionModel,
    train: Encoded,
    dev: Encoded,
    recipe: Recipe,
    hardware: Hardware,
    console: Console,
) -> list[Evaluation]:
    """
    Train ``model`` in place; on return it holds the weights of the best evaluation.

    The best is the highest mean macro-F1 on ``dev``; of equals the earliest. Returns every evaluation.
    Raises ``CannotContinue`` when the loss is not finite.
    """
    seed(recipe.seed)
    shuffle = random.Random(recipe.seed)  # noqa: S311 - an order is no secret
    heads = list(model.heads)
    nn.Module.to(model, hardware.device)
    freeze(model, recipe.freeze)
    optimiser = make_optimiser(model, recipe)
    per_epoch = -(-len(train.ids) // recipe.batch)
    steps = per_epoch * recipe.epochs
    every = -(-per_epoch // recipe.evaluations)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: pace(step, steps, recipe))

    history: list[Evaluation] = []
    best: dict[str, Tensor] = {}
    best_score, since_best, losses = float("-inf"), 0, []
    with _bar(console) as bar:
        task = bar.add_task("training", total=steps, note="")
        for step, places in enumerate(_stream(train, recipe, shuffle), start=1):
            model.train()
            inputs = {
                k: v.to(hardware.device) for k, v in pad([train.ids[p] for p in places]).items()
            }
            labels = train.labels[places].to(hardware.device)
            with autocast(hardware):
                outputs = model(**inputs)
                loss = masked_loss([outputs[head] for head in heads], labels, recipe.smoothing)
            value = float(loss.detach())
            if not torch.isfinite(loss.detach()):
                raise CannotContinue(
                    f"the loss is {value} at step {step} of {steps}; train again with a lower "
                    f"--learning-rate than {recipe.learning_rate:g}, or with --precision fp32"
                )
            losses.append(value)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimiser.step()
            schedule.step()
            bar.update(
                task, completed=step, note=f"loss {value:.3f}  best {max(best_score, 0):.3f}"
            )

            if step % every and step != steps:
                continue
            logits = predict(model, dev.ids, hardware)
            score = dev_score([logits[head] for head in heads], dev.labels.numpy())
            history.append(Evaluation(step, sum(losses) / len(losses), score))
            losses = []
            if score > best_score:
                best_score, since_best = score, 0
                best = {name: p.detach().clone() for name, p in model.state_dict().items()}
            else:
                since_best += 1
                if since_best >= recipe.patience:
                    break
    model.load_state_dict(best)
    model.eval()
    return history


def masked_loss(logits: Sequence[Tensor], labels: Tensor, smoothing: float) -> Tensor:
    """
    Return the sum over the heads of the mean cross entropy of the rows that have a label.

    ``labels`` is [rows, heads], ``MASKED`` where there is none; a head without a labelled row adds 0.
    """
    total = logits[0].new_zeros(())
    for place, head in enumerate(logits):
        count = (labels[:, place] != MASKED).sum().clamp(min=1)
        total = total + (
            nn.functional.cross_entropy(
                head.float(),
                labels[:, place],
                ignore_index=MASKED,
                label_smoothing=smoothing,
                reduction="sum",
            )
            / count
        )
    return total


def pace(step: int, steps: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: a linear warm-up, then a linear way down to zero."""
    warm = max(1, round(steps * recipe.warmup))
    if step < warm:
        return (step + 1) / warm
    return max(0.0, (steps - step) / max(1, steps - warm))


def freeze(model: OpinionModel, what: str) -> None:
    """Take the encoder's embeddings out of training, or nothing (``none``)."""
    for parameter in model.bert.embeddings.parameters():
        parameter.requires_grad_(what != "embeddings")


def make_optimiser(model: OpinionModel, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; heads learn faster, biases and layer norms do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            kind = (name.startswith("heads."), parameter.ndim > 1)
            groups.setdefault(kind, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": recipe.learning_rate * (recipe.head_factor if is_head else 1.0),
                "weight_decay": recipe.weight_decay if is_matrix else 0.0,
            }
            for (is_head, is_matrix), parameters in groups.items()
        ],
        fused=True,
    )


def seed(value: int) -> None:
    """Seed torch, and have it refuse what is not deterministic."""
    torch.manual_seed(value)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)


def _stream(train: Encoded, recipe: Recipe, shuffle: random.Random) -> Iterator[list[int]]:
    lengths = [len(ids) for ids in train.ids]
    for _ in range(recipe.epochs):
        yield from batches(lengths, recipe.batch, shuffle)


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, console=console, transient=True)
