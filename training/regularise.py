"""
What makes training harder so that the model generalises: adversarial embeddings, and rounding to int8.

Both hang on the modules as hooks and leave no trace in the weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from training.model import OpinionModel


class Perturbation:
    """
    An adversarial step on the output of the embeddings (FGM, Miyato et al. 2017).

    ``watch`` before a forward pass keeps the embeddings' gradient; ``push`` during a second pass adds the
    step of ``length`` along that gradient, normalised a text at a time.
    """

    def __init__(self, model: OpinionModel, length: float) -> None:
        self._module = model.bert.embeddings
        self._length = length
        self._seen: Tensor | None = None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep the embeddings of the pass inside, with the gradient that its ``backward`` gives them."""

        def keep(_: nn.Module, __: Any, output: Tensor) -> Tensor:
            # Frozen embeddings have no gradient of their own, so the output becomes a leaf.
            self._seen = output if output.requires_grad else output.detach().requires_grad_()
            self._seen.retain_grad()
            return self._seen

        handle = self._module.register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def push(self) -> Iterator[None]:
        """Move the embeddings of the pass inside."""
        if self._seen is None or self._seen.grad is None:
            raise RuntimeError("watch a pass, and go backward, before push")
        seen, self._seen = self._seen.grad, None

        def move(_: nn.Module, __: Any, output: Tensor) -> Tensor:
            # The pass that was watched may have held every row twice.
            gradient = seen.reshape(-1, *output.shape).sum(dim=0)
            norm = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
            moved: Tensor = output + (self._length * gradient / norm[:, None, None]).to(
                output.dtype
            )
            return moved

        handle = self._module.register_forward_hook(move)
        try:
            yield
        finally:
            handle.remove()


class _Rounded(torch.autograd.Function):
    """Round to a grid going forward; let the gradient pass as if nothing had been (straight through)."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:  # noqa: ARG004
        return torch.clamp(torch.round(value / scale), low, high) * scale

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ARG004
        return gradient, None, None, None


def round_activations(value: Tensor) -> Tensor:
    """Round as dynamic quantisation does: 8 bits over the range of the whole tensor, zero on the grid."""
    value = value.float()  # in bf16 the grid itself would be rounded
    with torch.no_grad():
        low, high = value.min().clamp(max=0), value.max().clamp(min=0)
        scale = ((high - low) / 255).clamp(min=1e-12)
        zero = torch.round(-low / scale)
    return cast("Tensor", _Rounded.apply(value, scale, -zero, 255 - zero))


def round_weights(weight: Tensor) -> Tensor:
    """Round each output channel to 7 bits and a sign over its own range: the reduced range of export."""
    with torch.no_grad():
        scale = (weight.abs().amax(dim=1, keepdim=True) / 63.5).clamp(min=1e-12)
        edge = torch.tensor(64.0, device=weight.device)
    return cast("Tensor", _Rounded.apply(weight, scale, -edge, edge))


@contextmanager
def rounded(model: OpinionModel, *, on: bool) -> Iterator[None]:
    """While inside, the encoder's linear layers compute as int8 will; outside as ever."""
    if not on:
        yield
        return
    layers = [m for m in model.bert.encoder.modules() if isinstance(m, nn.Linear)]
    try:
        for layer in layers:
            layer.forward = _rounding(layer)  # type: ignore[method-assign]
        yield
    finally:
        for layer in layers:
            # What hides the class's own.
            vars(layer).pop("forward", None)


def _rounding(layer: nn.Linear) -> Any:
    def forward(value: Tensor) -> Tensor:
        return nn.functional.linear(
            round_activations(value), round_weights(layer.weight), layer.bias
        )

    return forward
