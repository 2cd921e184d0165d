"""
`speed`: what a step of training costs on the CPU, part by part, and how much the quick way of it saves.

A MiniLM of random weights and three heads, on random tokens: time does not hang on what they say. Both
ways take turns in one run, for a machine that others use is not as fast at one minute as at the next.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import torch
from torch import nn

from groundswell.tasks import Function
from training.cpu import quickened
from training.encode import Tokens, Word, pad
from training.evaluation.tables import table
from training.examples import Spans, Truth
from training.functions import find_function
from training.hardware import Hardware, autocast
from training.losses import loss_sum, target
from training.model import OpinionModel, build
from training.optimise import Movement
from training.recipe import Recipe

Result = TypeVar("Result")

_MINILM: Final[dict[str, Any]] = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
_HEADS: Final = ("sentiment", "topic", "entities")
_LENGTHS: Final = ((18, 24), (40, 56), (84, 96))
"""The shortest and longest text of a batch, in tokens: batches are cut by length."""
_ROWS: Final = 32
_ROUNDS: Final = 9


def measure(threads: int) -> str:
    """Return a table of milliseconds a step: medians of what follows the first two."""
    functions = [find_function(name) for name in _HEADS]
    lines = []
    for precision in ("bf16", "fp32"):
        hardware = Hardware("cpu", threads, precision)
        for shortest, longest in _LENGTHS:
            lines += _compared(functions, hardware, shortest, longest)
    parts = ("pad", "targets", "forward", "backward", "clip", "optimiser")
    return "\n".join(table(["precision", "tokens", "way", *parts, "step", "times as fast"], lines))


def _compared(
    functions: Sequence[Function], hardware: Hardware, shortest: int, longest: int
) -> list[list[str]]:
    torch.set_num_threads(hardware.threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.manual_seed(1)
    model = build(
        _MINILM,
        {function.name: len(function.outputs) for function in functions},
        token_heads=[f.name for f in functions if f.output == "tokens"],
        token_types=16,
        dropout=0.1,
    ).train()
    movement = Movement(model, Recipe(), 1000)
    movement.at(100)
    rows = _rows(shortest, longest)
    ways: dict[str, list[list[float]]] = {"as torch has it": [], "quick": []}
    for _ in range(_ROUNDS):
        for way, taken in ways.items():
            # What the quick way is compared with is a step as it was, filled tensors and all.
            torch.utils.deterministic.fill_uninitialized_memory = (  # type: ignore[attr-defined]
                way != "quick"
            )
            with quickened(model, on=way == "quick"):
                taken.append(_step(model, functions, movement, hardware, rows))
    medians = {
        way: [statistics.median(part) for part in zip(*taken[2:], strict=True)]
        for way, taken in ways.items()
    }
    before = sum(medians["as torch has it"])
    return [
        [
            hardware.precision,
            f"{shortest}–{longest}",
            way,
            *(f"{part * 1000:.1f}" for part in median),
            f"{sum(median) * 1000:.0f}",
            f"{before / sum(median):.2f}",
        ]
        for way, median in medians.items()
    ]


def _step(
    model: OpinionModel,
    functions: Sequence[Function],
    movement: Movement,
    hardware: Hardware,
    rows: Sequence[Tokens],
) -> list[float]:
    """Do what ``training.step`` does with a batch; return the seconds of each part."""
    movement.optimiser.zero_grad(set_to_none=True)
    taken: list[float] = []
    inputs = _timed(taken, lambda: pad(rows))
    truths = _timed(taken, lambda: [target(f, rows, _truths(f, rows)) for f in functions])

    def forward() -> torch.Tensor:
        with autocast(hardware):
            outputs = model(**inputs)
        return torch.stack(
            [
                loss_sum(function.output, outputs[function.name], truth, 0.05) / truth.count
                for function, truth in zip(functions, truths, strict=True)
            ]
        ).sum()

    loss = _timed(taken, forward)
    _timed(taken, loss.backward)
    _timed(taken, lambda: nn.utils.clip_grad_norm_(list(movement.moving()), 1.0))
    _timed(taken, movement.optimiser.step)
    return taken


def _timed(taken: list[float], part: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    result = part()
    taken.append(time.perf_counter() - start)
    return result


def _rows(shortest: int, longest: int) -> list[Tokens]:
    draw = random.Random(1)
    rows = []
    for _ in range(_ROWS):
        length = draw.randint(shortest, longest)
        ids = [draw.randrange(1000, 30000) for _ in range(length)]
        words = tuple(Word(6 * at, 6 * at + 5, at) for at in range(1, length - 1))
        rows.append(Tokens(ids, [draw.randrange(16) for _ in ids], words))
    return rows


def _truths(function: Function, rows: Sequence[Tokens]) -> list[Truth]:
    if function.output == "tokens":
        return [Spans((), frozenset(function.label_names)) for _ in rows]
    return [place % len(function.outputs) for place, _ in enumerate(rows)]
