"""
The model: a BERT encoder, masked mean pooling, and one linear layer a head.

Since pooling is a mean and the heads are linear, a head's logits are the sum of what each token adds,
plus the bias: ``contributions`` is that exact decomposition, and it costs nothing.
"""

from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, BertPreTrainedModel

EXPLAINED: Final = "sentiment"
"""The head whose token contributions are given; where it is absent, the first one."""


class OpinionModel(BertPreTrainedModel):
    """
    An encoder with several heads; ``config.heads`` maps each head's name to its number of labels.

    ``forward`` takes int64 tensors [batch, tokens] and returns the logits [batch, labels] of each head
    under its name, ``embedding`` [batch, hidden] of length 1, and ``contributions``
    [batch, tokens, labels] of the explained head.
    """

    config_class = BertConfig

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(config.hidden_size, size) for name, size in config.heads.items()}
        )
        self.explained = EXPLAINED if EXPLAINED in config.heads else next(iter(config.heads))
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> dict[str, Tensor]:
        """See the class."""
        hidden = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        # Each token's part in the mean; sums to one over the tokens that are not padding.
        part = mask / mask.sum(dim=1, keepdim=True).clamp(min=1.0)
        pooled = (hidden * part).sum(dim=1)
        dropped = self.dropout(pooled)
        outputs = {name: head(dropped) for name, head in self.heads.items()}
        outputs["embedding"] = nn.functional.normalize(pooled, dim=-1, eps=1e-6)
        explained = cast("nn.Linear", self.heads[self.explained])
        outputs["contributions"] = nn.functional.linear(hidden * part, explained.weight)
        return outputs


def build(
    config: dict[str, Any], heads: dict[str, int], *, attention: str = "sdpa"
) -> OpinionModel:
    """
    Make the model with random weights from an encoder's configuration.

    ``attention`` is ``sdpa``, or ``eager``, whose graph onnxruntime can fuse.
    """
    known = {key: value for key, value in config.items() if key not in _NOT_OURS}
    return OpinionModel(BertConfig(**known, heads=heads, attn_implementation=attention))


_NOT_OURS: Final = frozenset(
    {"_name_or_path", "architectures", "torch_dtype", "transformers_version", "model_type", "heads"}
)


def load_encoder(model: OpinionModel, weights: dict[str, Tensor]) -> None:
    """
    Copy an encoder's weights in, whether or not their names begin with ``bert.``.

    Raises ``KeyError`` with the names that are missing; those of a pooler or of other heads are ignored.
    """
    ours = model.bert.state_dict()
    named = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
    missing = sorted(ours.keys() - named.keys())
    if missing:
        raise KeyError(", ".join(missing))
    model.bert.load_state_dict({name: named[name].to(torch.float32) for name in ours})
