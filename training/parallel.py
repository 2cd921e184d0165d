"""
Several processes that train one model: what the loop asks of them.

``Alone`` is one process; ``Accelerated`` is one of those that ``accelerate launch`` started, on GPUs or on
CPUs. Rule: every process walks through the same batches and takes its own rows of each, so the sum of what
they compute is what one process would have computed.
"""

import os
from collections.abc import Callable
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from training.model import OpinionModel
from training.optimise import Movement


class Workers(Protocol):
    """The processes of a run, seen from one of them."""

    rank: int
    world: int

    def wrap(self, model: OpinionModel, movement: Movement) -> Callable[..., dict[str, Tensor]]:
        """Return what the loop calls for a forward pass of ``model``."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``, the mean over all processes."""
        ...

    def share(self, value: float) -> float:
        """Return what the first process holds."""
        ...

    def total(self, value: float) -> float:
        """Return the sum over all processes."""
        ...

    def wait(self) -> None:
        """Return when every process has come here."""
        ...


class Alone:
    """One process."""

    rank = 0
    world = 1

    def wrap(self, model: OpinionModel, movement: Movement) -> Callable[..., dict[str, Tensor]]:  # noqa: ARG002
        """See ``Workers``."""
        return cast("Callable[..., dict[str, Tensor]]", model)

    def backward(self, loss: Tensor) -> None:
        """See ``Workers``."""
        loss.backward()

    def share(self, value: float) -> float:
        """See ``Workers``."""
        return value

    def total(self, value: float) -> float:
        """See ``Workers``."""
        return value

    def wait(self) -> None:
        """See ``Workers``."""


class Accelerated:
    """One of the processes of ``accelerate launch``."""

    def __init__(self, *, cpu: bool) -> None:
        from accelerate import Accelerator, DistributedDataParallelKwargs

        # A batch has the labels of some heads only, so the others get no gradient.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator: Any = Accelerator(cpu=cpu, kwargs_handlers=[unused])
        self.rank: int = self._accelerator.process_index
        self.world: int = self._accelerator.num_processes

    @property
    def device(self) -> str:
        """The torch device of this process."""
        return str(self._accelerator.device)

    def wrap(self, model: OpinionModel, movement: Movement) -> Callable[..., dict[str, Tensor]]:
        """See ``Workers``."""
        wrapped, movement.optimiser = self._accelerator.prepare(model, movement.optimiser)
        return cast("Callable[..., dict[str, Tensor]]", wrapped)

    def backward(self, loss: Tensor) -> None:
        """See ``Workers``."""
        self._accelerator.backward(loss)

    def share(self, value: float) -> float:
        """See ``Workers``."""
        held = torch.tensor([value], dtype=torch.float64, device=self._accelerator.device)
        if self.world > 1:
            torch.distributed.broadcast(held, src=0)
        return float(held)

    def total(self, value: float) -> float:
        """See ``Workers``."""
        held = torch.tensor([value], dtype=torch.float64, device=self._accelerator.device)
        return float(self._accelerator.reduce(held, reduction="sum"))

    def wait(self) -> None:
        """See ``Workers``."""
        self._accelerator.wait_for_everyone()


def workers(*, cpu: bool) -> Workers:
    """Return the processes that this one belongs to, as the environment tells."""
    return Accelerated(cpu=cpu) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
