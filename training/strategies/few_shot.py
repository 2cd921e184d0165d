"""
Few-shot: the encoder learns to bring texts of one label together, then a linear head is fitted.

Supervised contrastive learning (Khosla et al. 2020) on batches with several texts a label, as SetFit
(Tunstall et al. 2022) does with pairs; then a logistic regression on the pooled vectors. The examples
that stand in the function count as rows.
"""

import random
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from groundswell.errors import InputError
from groundswell.tasks import Function
from training.encode import Reader, Tokens, TokenTypes, pad, tokenise
from training.examples import Truth
from training.hardware import Hardware, autocast
from training.losses import Encoded
from training.model import OpinionModel
from training.optimise import Movement
from training.recipe import Recipe
from training.strategies.pooled import pool, pooled_of

TEMPERATURE: Final = 0.1
A_LABEL: Final = 6
"""Texts of a label in a batch, at most."""
STEPS: Final = 120
STRENGTH: Final = 10.0
"""Inverse regularisation of the logistic regression, on vectors of length one."""


def fit_few(  # noqa: PLR0913 - the run's parts, each by its name
    model: OpinionModel,
    functions: Sequence[Function],
    train: Encoded,
    recipe: Recipe,
    hardware: Hardware,
    console: Console,
    *,
    tokenizer: Reader,
    languages: Sequence[str],
) -> None:
    """
    Train the encoder and set the heads, in place.

    Raises ``InputError`` where a function has rows of fewer than two labels.
    """
    torch.manual_seed(recipe.seed)
    shuffle = random.Random(recipe.seed)  # noqa: S311 - an order is no secret
    rows, truths = _with_examples(functions, train, tokenizer, recipe.token_types, languages)
    nn.Module.to(model, hardware.device)
    movement = Movement(model, recipe, STEPS)
    with console.status(f"bringing {len(rows)} texts together"):
        for step in range(STEPS):
            movement.at(step)
            model.train()
            place = step % len(functions)
            chosen = _batch([t[place] for t in truths], shuffle)
            if len(chosen) < 2:  # noqa: PLR2004 - a pair
                continue
            inputs = pad([rows[at] for at, _ in chosen])
            inputs = {name: value.to(hardware.device) for name, value in inputs.items()}
            with autocast(hardware):
                pooled = pool(model, inputs)
            labels = torch.tensor([label for _, label in chosen], device=hardware.device)
            movement.optimiser.zero_grad(set_to_none=True)
            contrast(pooled.float(), labels).backward()
            nn.utils.clip_grad_norm_(list(movement.moving()), recipe.clip)
            movement.optimiser.step()
    vectors = pooled_of(model, rows, hardware)
    for place, function in enumerate(functions):
        _set_head(model, function, vectors, [t[place] for t in truths], recipe.seed)


def contrast(vectors: Tensor, labels: Tensor) -> Tensor:
    """
    Return the supervised contrastive loss of a batch: vectors [rows, hidden], labels int64 [rows].

    Of each row with a companion: the mean negative log share, among all other rows, of those of its
    label (Khosla et al. 2020, eq. 2).
    """
    unit = nn.functional.normalize(vectors, dim=-1)
    alike = unit @ unit.T / TEMPERATURE
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    share = alike - alike.masked_fill(itself, float("-inf")).logsumexp(dim=1, keepdim=True)
    same = (labels[:, None] == labels[None, :]) & ~itself
    companions = same.sum(dim=1)
    kept = companions > 0
    if not bool(kept.any()):
        return vectors.sum() * 0.0
    return -((share * same).sum(dim=1)[kept] / companions[kept]).mean()


def _with_examples(
    functions: Sequence[Function],
    train: Encoded,
    tokenizer: Reader,
    token_types: TokenTypes,
    languages: Sequence[str],
) -> tuple[list[Tokens], list[tuple[Truth, ...]]]:
    rows, truths = list(train.rows), list(train.truths)
    for place, function in enumerate(functions):
        for at, label in enumerate(function.labels):
            texts = dict.fromkeys(text for tag in languages for text in label.exemplars(tag))
            said = tokenise(tokenizer, list(texts), token_types)
            truth: Truth = frozenset({at}) if function.output == "several" else at
            rows += said
            truths += [
                tuple(truth if n == place else None for n in range(len(functions))) for _ in said
            ]
    return rows, truths


def _batch(truths: Sequence[Truth], shuffle: random.Random) -> list[tuple[int, int]]:
    """Return places with their labels: up to ``A_LABEL`` rows of each, of several labels one by chance."""
    groups: dict[int, list[int]] = {}
    for place, truth in enumerate(truths):
        if truth is None or (isinstance(truth, frozenset) and not truth):
            continue
        if isinstance(truth, frozenset):
            groups.setdefault(shuffle.choice(sorted(truth)), []).append(place)
        elif isinstance(truth, int):
            groups.setdefault(truth, []).append(place)
    labels = sorted(groups)
    if len(labels) > 8:  # noqa: PLR2004 - a batch stays small
        labels = shuffle.sample(labels, 8)
    return [
        (place, label)
        for label in labels
        for place in shuffle.sample(groups[label], min(A_LABEL, len(groups[label])))
    ]


def _set_head(
    model: OpinionModel,
    function: Function,
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    truths: Sequence[Truth],
    seed: int,
) -> None:
    """Fit the linear layer on vectors of mean length one, and give it back their length."""
    length = float(np.linalg.norm(vectors, axis=1).mean())
    unit = vectors / length
    outputs = len(function.outputs)
    weights = np.zeros((outputs, vectors.shape[1]))
    bias = np.full(outputs, -20.0 if function.output == "several" else -10.0)
    if function.output == "several":
        kept = [place for place, truth in enumerate(truths) if isinstance(truth, frozenset)]
        for at in range(outputs):
            hit = np.array([at in (truths[place] or frozenset()) for place in kept])  # type: ignore[operator]
            if hit.all():
                bias[at] = -bias[at]
            elif hit.any():
                fitted = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
                fitted.fit(unit[kept], hit)
                weights[at], bias[at] = fitted.coef_[0], fitted.intercept_[0]
    else:
        kept = [place for place, truth in enumerate(truths) if isinstance(truth, int)]
        if len({truths[place] for place in kept}) < 2:  # noqa: PLR2004 - a choice
            raise InputError(
                f"{function.name}: its rows and examples hold fewer than two labels; give some of others"
            )
        fitted = LogisticRegression(
            C=STRENGTH, class_weight="balanced", max_iter=1000, random_state=seed
        )
        fitted.fit(unit[kept], [truths[place] for place in kept])
        if len(fitted.classes_) == 2:  # noqa: PLR2004 - one line parts two labels
            first, second = fitted.classes_
            weights[second], bias[second] = fitted.coef_[0] / 2, fitted.intercept_[0] / 2
            weights[first], bias[first] = -fitted.coef_[0] / 2, -fitted.intercept_[0] / 2
        else:
            weights[fitted.classes_] = fitted.coef_
            bias[fitted.classes_] = fitted.intercept_
    head = model.head(function.name)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights / length))
        head.bias.copy_(torch.from_numpy(bias))
