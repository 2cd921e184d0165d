"""
What makes a training step cheaper on a CPU: the same formulas as the modules', computed another way.

Two parts of torch are slow there. Dropout draws one number of 64 bits an element; here one such number
serves four. And attention with dropout, or in bf16 going backward, takes a path made for nothing in
particular; for short texts plain products of matrices are several times faster.

Rule: hung on the modules for a step, as ``training.regularise`` does, with no trace in the weights; on a
GPU, and in evaluation, nothing changes.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertSdpaSelfAttention

from training.model import OpinionModel

_LEVELS: Final = 2**16
"""A chance is rounded to a multiple of one over this many."""


class _Dropped(torch.autograd.Function):
    """Multiply by a mask, the same in both directions; cheaper than autograd's product of two tensors."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, mask: Tensor) -> Tensor:
        ctx.mask = mask
        return value * mask

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.mask, None


def dropped(value: Tensor, chance: float) -> Tensor:
    """Return ``value`` with each element zero by ``chance``, and the others scaled to the same mean."""
    limit = round(chance * _LEVELS)
    if limit in {0, _LEVELS}:
        return nn.functional.dropout(value, chance, training=True)
    count = value.numel()
    numbers = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = numbers.view(torch.int16)[:count].view(value.shape)
    mask = torch.ge(bits, limit - _LEVELS // 2, out=torch.empty_like(value, requires_grad=False))
    return cast("Tensor", _Dropped.apply(value, mask.mul_(_LEVELS / (_LEVELS - limit))))


def attended(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, chance: float
) -> Tensor:
    """
    Return scaled dot-product attention with dropout of its probabilities; the softmax is in float32.

    All [batch, heads, tokens, size]; ``mask``, which broadcasts to [batch, heads, tokens, tokens], is
    added to the scores.
    """
    scores = ((query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)).float()
    if mask is not None:
        scores = scores.add_(mask)
    probabilities = scores.softmax(dim=-1).to(value.dtype)
    return dropped(probabilities, chance) @ value


@contextmanager
def quickened(model: OpinionModel, *, on: bool) -> Iterator[None]:
    """While inside, and ``on``, the model's dropout and attention are the functions of this file."""
    ours = list(_ours(model)) if on else []
    try:
        for module, forward in ours:
            module.forward = forward
        yield
    finally:
        for module, _ in ours:
            # What hides the class's own.
            vars(module).pop("forward", None)


def _ours(model: OpinionModel) -> Iterator[tuple[nn.Module, Any]]:
    for module in model.modules():
        if isinstance(module, BertSdpaSelfAttention):
            yield module, _attention(module)
        elif type(module) is nn.Dropout:
            yield module, _dropout(module)


def _dropout(layer: nn.Dropout) -> Any:
    def forward(value: Tensor) -> Tensor:
        return dropped(value, layer.p) if layer.training else value

    return forward


def _attention(layer: BertSdpaSelfAttention) -> Any:
    def forward(
        hidden: Tensor,
        attention_mask: Tensor | None = None,
        *_: Any,
        **__: Any,
    ) -> tuple[Tensor, None]:
        shape = (*hidden.shape[:2], layer.num_attention_heads, layer.attention_head_size)
        query, key, value = (
            part(hidden).view(shape).transpose(1, 2)
            for part in (layer.query, layer.key, layer.value)
        )
        chance = layer.dropout_prob if layer.training else 0.0
        found = attended(query, key, value, attention_mask, chance)
        return found.transpose(1, 2).flatten(2), None

    return forward
