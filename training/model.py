"""
The model: a BERT encoder, masked mean pooling, and one linear layer a head.

A sentence head reads the mean over the tokens, a token head each token. Since pooling is a mean and the
heads are linear, a sentence head's logits are the sum of what each token adds, plus the bias:
``contributions`` is that exact decomposition, and it costs nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, BertPreTrainedModel

EXPLAINED: Final = "sentiment"
"""The head whose token contributions are given; where it is absent, the first sentence head."""
_TOKEN_TYPES: Final = "embeddings.token_type_embeddings.weight"


class OpinionModel(BertPreTrainedModel):
    """
    An encoder with several heads.

    ``config.heads`` maps each head's name to its number of outputs, ``config.token_heads`` names those
    that read tokens. ``forward`` takes int64 tensors [batch, tokens] and returns the logits of each head
    under its name ([batch, outputs], or [batch, tokens, outputs]), ``embedding`` [batch, hidden] of
    length 1 and, where there is a sentence head, ``contributions`` [batch, tokens, outputs] of the
    explained one.
    """

    config_class = BertConfig

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(config.hidden_size, size) for name, size in config.heads.items()}
        )
        self.token_heads = frozenset(config.token_heads)
        sentence = [name for name in config.heads if name not in self.token_heads]
        self.explained = EXPLAINED if EXPLAINED in sentence else next(iter(sentence), "")
        self.post_init()

    def head(self, name: str) -> nn.Linear:
        """Return the layer of a head."""
        return cast("nn.Linear", self.heads[name])

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
        words = self.dropout(hidden) if self.token_heads else hidden
        outputs = {
            name: head(words if name in self.token_heads else dropped)
            for name, head in self.heads.items()
        }
        outputs["embedding"] = nn.functional.normalize(pooled, dim=-1, eps=1e-6)
        if self.explained:
            explained = self.head(self.explained)
            outputs["contributions"] = nn.functional.linear(hidden * part, explained.weight)
        return outputs


def build(
    config: Mapping[str, Any],
    heads: Mapping[str, int],
    *,
    token_heads: Collection[str] = (),
    token_types: int = 0,
    dropout: float | None = None,
    attention: str = "sdpa",
) -> OpinionModel:
    """
    Make the model with random weights from an encoder's configuration.

    ``token_types`` is the size of the token-type vocabulary (0: the encoder's own). ``attention`` is
    ``sdpa``, or ``eager``, whose graph onnxruntime can fuse.
    """
    known = {key: value for key, value in config.items() if key not in _NOT_OURS}
    if token_types:
        known["type_vocab_size"] = token_types
    if dropout is not None:
        known["hidden_dropout_prob"] = known["attention_probs_dropout_prob"] = dropout
    return OpinionModel(
        BertConfig(
            **known,
            heads=dict(heads),
            token_heads=sorted(token_heads),
            attn_implementation=attention,
        )
    )


_NOT_OURS: Final = frozenset(
    {
        "_name_or_path",
        "architectures",
        "torch_dtype",
        "transformers_version",
        "model_type",
        "heads",
        "token_heads",
    }
)


def load_encoder(model: OpinionModel, weights: Mapping[str, Tensor]) -> None:
    """
    Copy an encoder's weights in, whether or not their names begin with ``bert.``.

    Where the model knows more token types than the encoder, each new one starts as a copy of the first,
    so that training starts from the very same function. Raises ``KeyError`` with the names that are
    missing; those of a pooler or of other heads are ignored.
    """
    ours = model.bert.state_dict()
    named = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
    missing = sorted(ours.keys() - named.keys())
    if missing:
        raise KeyError(", ".join(missing))
    types, wanted = named[_TOKEN_TYPES], len(ours[_TOKEN_TYPES])
    if len(types) != wanted:
        named[_TOKEN_TYPES] = types[:1].expand(wanted, -1)
    model.bert.load_state_dict({name: named[name].to(torch.float32) for name in ours})
