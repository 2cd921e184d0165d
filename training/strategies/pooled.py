"""The encoder's pooled vectors of texts: what heads without training, or with little of it, start from."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from training.encode import Tokens, in_order_of_length, pad
from training.evaluate import Floats
from training.hardware import Hardware
from training.model import OpinionModel


def pool(model: OpinionModel, inputs: dict[str, Tensor]) -> Tensor:
    """Return the mean of each text's tokens, [rows, hidden], with gradients where they are on."""
    hidden = model.bert(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    return cast("Tensor", (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0))


def pooled_of(model: OpinionModel, rows: Sequence[Tokens], hardware: Hardware) -> Floats:
    """Return the pooled vectors of rows, float32 [rows, hidden], in their order."""
    model.eval()
    nn.Module.to(model, hardware.device)
    result = np.zeros((len(rows), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for places in in_order_of_length([len(row.ids) for row in rows], 64):
            inputs = pad([rows[place] for place in places])
            inputs = {name: value.to(hardware.device) for name, value in inputs.items()}
            result[places] = pool(model, inputs).float().cpu().numpy()
    return result
