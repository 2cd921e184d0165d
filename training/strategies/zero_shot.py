"""
Zero-shot: heads made of what a function says of its labels, without a labelled row.

A head's weights are the labels' prototypes (see ``groundswell.models.prototypes``), brought to the length
that the encoder's pooled vectors have here, so that a linear layer says what a cosine would. The
lexicon's words are texts of their label, too: the prior that a linear head can hold.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from groundswell.models.prototypes import TEMPERATURE, label_texts, prototypes_of
from groundswell.tasks import Function
from training.encode import Reader, TokenTypes, tokenise
from training.evaluate import Floats
from training.hardware import Hardware
from training.model import OpinionModel
from training.strategies.pooled import pooled_of

LEXICON: Final = 0.5
"""The weight of the lexicon's words beside descriptions and examples."""


def set_heads(
    model: OpinionModel,
    functions: Sequence[Function],
    tokenizer: Reader,
    token_types: TokenTypes,
    languages: Sequence[str],
    hardware: Hardware,
) -> None:
    """
    Set the weights of every head from its function.

    Raises ``InputError`` for a token function, or a label that says nothing.
    """

    def vectors(texts: Sequence[str]) -> Floats:
        return pooled_of(model, tokenise(tokenizer, texts, token_types), hardware)

    for function in functions:
        groups = [vectors(texts) for texts in label_texts(function, languages)]
        length = float(np.mean([np.linalg.norm(group, axis=1).mean() for group in groups]))
        prototypes = prototypes_of(groups)
        words = [function.lexicon.get(name, ()) for name in function.label_names]
        if all(words):
            said = prototypes_of([vectors(group) for group in words])
            prototypes = (1 - LEXICON) * prototypes + LEXICON * said
        # What all labels have in common tells none of them apart.
        weights = (prototypes - prototypes.mean(axis=0)) / (TEMPERATURE * length)
        head = model.head(function.name)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weights))
            head.bias.zero_()
