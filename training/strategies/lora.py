"""
LoRA: small matrices of low rank learn in place of the encoder's own (Hu et al. 2022), through peft.

Rules: the heads train in full and stay where they are; the adapters are added into the weights before
anything is written, and what comes out must say what went in.
"""

from collections.abc import Sequence
from typing import Final

import torch

from groundswell.errors import CannotContinue
from training.encode import Tokens, pad
from training.model import OpinionModel

TARGETS: Final = ("query", "key", "value", "dense")
"""The linear layers of attention and of the feed-forward blocks."""
MOST: Final = 1e-4
"""The largest difference of a logit that merging may make."""


def inject(model: OpinionModel, *, rank: int, alpha: int, dropout: float) -> None:
    """Freeze the encoder and put an adapter beside each of its linear layers; the heads stay trainable."""
    from peft import LoraConfig, inject_adapter_in_model

    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and name.startswith("bert.encoder.")
        and name.rpartition(".")[2] in TARGETS
    ]
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=layers)
    inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith("heads."))


def merge(model: OpinionModel, rows: Sequence[Tokens]) -> float:
    """
    Add the adapters into the weights, and take them away.

    Returns the largest difference of a logit on ``rows``; raises ``CannotContinue`` when it is more than
    ``MOST`` (relative to the largest logit, where that is above 1).
    """
    from peft.tuners.lora import LoraLayer

    model.eval()
    before = _said(model, rows)
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge(safe_merge=True)
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
    after = _said(model, rows)
    apart = max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True))
    scale = max(1.0, *(float(a.abs().max()) for a in before))
    if not apart <= MOST * scale:
        raise CannotContinue(
            f"the merged model's logits differ from the adapted one's by {apart:.1e}: nothing is written; "
            "train with --precision fp32, or with --strategy full"
        )
    return apart


def _said(model: OpinionModel, rows: Sequence[Tokens]) -> list[torch.Tensor]:
    with torch.inference_mode():
        device = next(model.parameters()).device
        outputs = model(**{name: value.to(device) for name, value in pad(rows).items()})
    return [outputs[name] for name in model.heads]
