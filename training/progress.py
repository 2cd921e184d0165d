"""
A run that can be taken up again: all that the loop remembers between two steps, in one file.

Rules: the file is written aside and renamed, so there is a whole one or none; it is safetensors, nothing
is unpickled; what belongs to another run is refused. Random numbers need no place in it, since those of
a step follow from the seed and the step's number.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from groundswell.errors import CannotContinue, InputError
from training.hardware import Hardware
from training.optimise import Movement
from training.recipe import Recipe

_KEY: Final = "progress"


class Evaluation(msgspec.Struct, frozen=True):
    """The mean score on the dev part after ``step`` steps, the mean loss since the last one, the heads'."""

    step: int
    loss: float
    score: float
    heads: dict[str, float] = {}


class Place(msgspec.Struct, kw_only=True):
    """
    Where a run stands: ``step`` steps are done; ``losses`` are those since the last evaluation.

    ``threads`` and ``precision`` are what was measured to be fastest: other ones round otherwise, so a run
    goes on with them.
    """

    fingerprint: str
    threads: int = 0
    precision: str = "auto"
    step: int = 0
    history: list[Evaluation] = []
    best_step: int = 0
    best_score: float = -1.0
    """Below every score; JSON knows no infinity."""
    since_best: int = 0
    losses: list[float] = []
    over: bool = False


@dataclass(slots=True)
class Progress:
    """The place of a run, its best weights, and the weights at its last evaluations."""

    place: Place
    best: dict[str, Tensor] = field(default_factory=dict)
    last: list[dict[str, Tensor]] = field(default_factory=list)

    def pass_over(self, step: int, rounding: int) -> None:
        """Forget which evaluation was best at the step where rounding begins: it knew nothing of it."""
        if step == rounding:
            self.place.best_score, self.place.since_best = -1.0, 0

    def note(
        self, heads: dict[str, float], score: float, movement: Movement, recipe: Recipe
    ) -> None:
        """Write an evaluation down: keep the weights if they are the best, and say when it is over."""
        place = self.place
        loss = sum(place.losses) / len(place.losses)
        place.history.append(Evaluation(place.step, loss, score, heads))
        place.losses = []
        if recipe.average:
            self.last = [*self.last, snapshot(movement)][-recipe.average :]
        if score > place.best_score:
            place.best_step, place.best_score, place.since_best = place.step, score, 0
            self.best = snapshot(movement)
        else:
            place.since_best += 1
            place.over = place.since_best >= recipe.patience


class Keeper:
    """
    Keeps a run's progress in ``path``; ``due`` says when it is time again (every ``seconds``).

    ``path`` ``None`` keeps nothing.
    """

    def __init__(
        self,
        path: Path | None,
        fingerprint: str,
        seconds: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        hardware: Hardware | None = None,
    ) -> None:
        self._path, self._fingerprint, self._hardware = path, fingerprint, hardware
        self._seconds, self._clock = seconds, clock
        self._saved = clock()

    def due(self) -> bool:
        """Say whether the last save is long ago."""
        return self._path is not None and self._clock() - self._saved >= self._seconds

    def save(self, progress: Progress, movement: Movement) -> None:
        """Write everything down; raises ``CannotContinue`` when the disk does not take it."""
        if self._path is None:
            return
        tensors: dict[str, Tensor] = {}
        state = movement.optimiser.state
        for name, parameter in movement.named:
            tensors[f"now/{name}"] = parameter.detach()
            for key, value in state.get(parameter, {}).items():
                tensors[f"optimiser.{key}/{name}"] = torch.as_tensor(value)
        for group, weights in (
            ("best", progress.best),
            *((f"last.{number}", weights) for number, weights in enumerate(progress.last)),
        ):
            tensors |= {f"{group}/{name}": value for name, value in weights.items()}
        # Tensors that share memory cannot be saved: each is copied.
        tensors = {name: value.cpu().clone().contiguous() for name, value in tensors.items()}
        aside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, aside, {_KEY: msgspec.json.encode(progress.place).decode()})
            aside.replace(self._path)
        except (OSError, SafetensorError) as error:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise CannotContinue(
                f"{self._path}: the run's progress cannot be written ({error}); make room on the disk "
                "and give the same command again: it goes on from the last save"
            ) from error
        self._saved = self._clock()

    def load(self, movement: Movement) -> Progress:
        """
        Return the progress that was kept, the weights and the optimiser set to it; else a beginning.

        Raises ``InputError`` when the file is not one of this run.
        """
        if self._path is None or not self._path.exists():
            return Progress(self._beginning())
        try:
            with safe_open(self._path, framework="pt") as file:
                place = _place_of(file)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, msgspec.DecodeError) as error:
            raise InputError(
                f"{self._path}: cannot be read ({error}); remove it to begin anew"
            ) from error
        if place.fingerprint != self._fingerprint:
            raise InputError(
                f"{self._path}: left by a run with other data, functions, encoder or options; give the "
                "same command to go on with it, or remove it to begin anew"
            )
        _put(movement, tensors)
        numbers = sorted({name.partition("/")[0] for name in tensors if name.startswith("last.")})
        return Progress(
            place,
            _group(tensors, "best"),
            [_group(tensors, number) for number in sorted(numbers, key=lambda n: int(n[5:]))],
        )

    def _beginning(self) -> Place:
        if self._hardware is None:
            return Place(fingerprint=self._fingerprint)
        return Place(
            fingerprint=self._fingerprint,
            threads=self._hardware.threads,
            precision=self._hardware.precision,
        )

    def forget(self) -> None:
        """Remove what was kept: the run is over and its result is safe."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def earlier(path: Path) -> Place | None:
    """Return where the run stood that left ``path``; ``None`` where there is none that can be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return _place_of(file)
    except (OSError, SafetensorError, KeyError, msgspec.DecodeError):
        return None


def _place_of(file: Any) -> Place:
    return msgspec.json.decode((file.metadata() or {})[_KEY], type=Place)


def _put(movement: Movement, tensors: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in movement.named:
            parameter.copy_(tensors[f"now/{name}"])
    keys = {
        name.partition("/")[0].removeprefix("optimiser.")
        for name in tensors
        if name.startswith("optimiser.")
    }
    for name, parameter in movement.named:
        found = {
            key: tensors[f"optimiser.{key}/{name}"].to(parameter.device)
            for key in keys
            if f"optimiser.{key}/{name}" in tensors
        }
        if found:
            movement.optimiser.state[parameter] = found


def _group(tensors: Mapping[str, Tensor], group: str) -> dict[str, Tensor]:
    return {
        name.partition("/")[2]: value
        for name, value in tensors.items()
        if name.startswith(f"{group}/")
    }


def snapshot(movement: Movement) -> dict[str, Tensor]:
    """Return a copy of every parameter that moves, by its name."""
    return {name: parameter.detach().clone() for name, parameter in movement.named}


def restore(movement: Movement, weights: Mapping[str, Tensor]) -> None:
    """Set the parameters to ``weights``."""
    with torch.no_grad():
        for name, parameter in movement.named:
            parameter.copy_(weights[name])


def mean(several: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of weights, name by name (Izmailov et al. 2018)."""
    return {
        name: torch.stack([weights[name] for weights in several]).mean(dim=0) for name in several[0]
    }
