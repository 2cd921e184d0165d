"""
Texts to tensors: tokenised once, padded a batch at a time, with batches of similar lengths.

Rule: what stands here is what ``groundswell.models.tokens`` does when a bundle serves; a test compares.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from groundswell.errors import InputError
from groundswell.models.tokens import Truncation, head_and_tail
from groundswell.shape import shape_of

TokenTypes: TypeAlias = Literal["zeros", "shape"]

_MEGABATCH: Final = 40
"""Batches are cut from this many batches' worth of shuffled rows, sorted by length."""


class Word(NamedTuple):
    """A word of the text: its characters, ``end`` excluded, and the place of its first token."""

    start: int
    end: int
    place: int


class Tokens(NamedTuple):
    """A text as the model reads it: ids, token types (as many), and the words that were kept."""

    ids: list[int]
    types: list[int]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """A tokenizer and what it keeps of a text: ``max_tokens`` of its head, or of head and tail."""

    tokenizer: Tokenizer
    max_tokens: int


def load_tokenizer(path: Path, max_tokens: int, truncation: Truncation = "head") -> Reader:
    """Load ``tokenizer.json``, keeping ``max_tokens`` and padding nothing; raises ``InputError``."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise InputError(f"{path}: not a tokenizer ({error})") from error
    if truncation == "head":
        tokenizer.enable_truncation(max_tokens)
    else:  # cut after tokenising, where both ends are known
        tokenizer.no_truncation()
    tokenizer.no_padding()
    return Reader(tokenizer, max_tokens)


def tokenise(
    reader: Reader, texts: Sequence[str], token_types: TokenTypes = "zeros"
) -> list[Tokens]:
    """Return the tokens of each text."""
    return [
        _tokens(text, encoding, reader.max_tokens, token_types)
        for text, encoding in zip(texts, reader.tokenizer.encode_batch(list(texts)), strict=True)
    ]


def _tokens(text: str, encoding: Encoding, most: int, token_types: TokenTypes) -> Tokens:
    starts: dict[int, Word] = {}
    ids = head_and_tail(encoding.ids, most)
    numbers = head_and_tail(encoding.word_ids, most)
    offsets = head_and_tail(encoding.offsets, most)
    for place, (number, (start, end)) in enumerate(zip(numbers, offsets, strict=True)):
        if number is not None:
            first = starts.get(number, Word(start, end, place))
            starts[number] = Word(first.start, end, first.place)
    types = [0] * len(ids)
    if token_types == "shape":
        shapes = {number: shape_of(text[word.start : word.end]) for number, word in starts.items()}
        types = [0 if number is None else shapes[number] for number in numbers]
    return Tokens(ids, types, tuple(starts.values()))


def pad(rows: Sequence[Tokens]) -> dict[str, Tensor]:
    """Return the model's three inputs, int64 [len(rows), longest], padded with zeros on the right."""
    longest = max(len(row.ids) for row in rows)
    input_ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask, types = torch.zeros_like(input_ids), torch.zeros_like(input_ids)
    for place, row in enumerate(rows):
        input_ids[place, : len(row.ids)] = torch.tensor(row.ids, dtype=torch.int64)
        types[place, : len(row.ids)] = torch.tensor(row.types, dtype=torch.int64)
        mask[place, : len(row.ids)] = 1
    return {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": types}


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
