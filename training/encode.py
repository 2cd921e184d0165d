"""Texts to tensors: tokenised once, padded a batch at a time, with batches of similar lengths."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer
from torch import Tensor

from groundswell.errors import InputError

_MEGABATCH: Final = 40
"""Batches are cut from this many batches' worth of shuffled rows, sorted by length."""


def load_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Load ``tokenizer.json``, cutting at ``max_tokens`` and padding nothing; raises ``InputError``."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise InputError(f"{path}: not a tokenizer ({error})") from error
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def pad(ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """Return the model's three inputs, int64 [len(ids), longest], padded with zeros on the right."""
    longest = max(len(row) for row in ids)
    input_ids = torch.zeros(len(ids), longest, dtype=torch.int64)
    mask = torch.zeros_like(input_ids)
    for place, row in enumerate(ids):
        input_ids[place, : len(row)] = torch.tensor(row, dtype=torch.int64)
        mask[place, : len(row)] = 1
    return {
        "input_ids": input_ids,
        "attention_mask": mask,
        "token_type_ids": torch.zeros_like(input_ids),
    }


def batches(lengths: Sequence[int], size: int, shuffle: random.Random) -> list[list[int]]:
    """Return the places of the rows of each batch of one epoch: mixed anew, lengths alike in a batch."""
    order = list(range(len(lengths)))
    shuffle.shuffle(order)
    result: list[list[int]] = []
    for start in range(0, len(order), size * _MEGABATCH):
        part = sorted(order[start : start + size * _MEGABATCH], key=lambda place: lengths[place])
        result += [part[at : at + size] for at in range(0, len(part), size)]
    shuffle.shuffle(result)
    return result


def in_order_of_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield the places of batches for evaluation, shortest first."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    for start in range(0, len(order), size):
        yield order[start : start + size]
