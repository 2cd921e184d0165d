"""
Texts to token ids, by the bundle's own tokenizer, with the words that they are pieces of.

Rules: a tokenizer is never shared between threads (it locks itself when its settings change); the
characters are capped before it sees them; truncation is set once, padding is not its business; of a text
that is cut to head and tail, a word whose beginning is gone counts from the first piece that stays. What
stands here is what ``training.encode`` does, and a test compares. Words and shapes cost about as much
again as the ids: they are found only for a bundle that needs them.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
from tokenizers import Encoding, Tokenizer

from groundswell.errors import BundleError
from groundswell.shape import shape_of

Truncation: TypeAlias = Literal["head", "head_tail"]
"""What is kept of a text with too many tokens: its beginning, or its beginning and its end."""
_Value = TypeVar("_Value")

MOST_SHAPES: Final = 20_000
"""How many words a thread remembers the shape of: a few MB, and most of a day's words."""


class Words(msgspec.Struct, frozen=True, gc=False):
    """
    The words of a text that were kept: the place of each one's first token, its start and its end.

    ``stop`` is the place after the last word's last token.
    """

    text: str
    """What the tokenizer saw: starts and ends count its characters, ends excluded."""
    places: list[int]
    starts: list[int]
    ends: list[int]
    stop: int


class Row(msgspec.Struct, frozen=True, gc=False):
    """A text as the model reads it. ``types`` has one byte a token; None where all are 0."""

    ids: list[int]
    types: bytes | None = None
    words: Words | None = None
    """Only for a model with a head of kind ``tokens``, or one that explains itself."""

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.ids)


def head_and_tail(values: list[_Value], most: int) -> list[_Value]:
    """
    Return at most ``most`` (2 or more) of ``values``: the first half of them, rounded up, and the last rest.

    Tokens, words and offsets of one text are cut alike; special tokens stand at both ends and stay.
    """
    if len(values) <= most:
        return values
    rest = most // 2
    return values[: most - rest] + values[-rest:]


class Tokens:
    """
    The tokenizer in ``path``; at most ``max_chars`` are read and ``max_tokens`` returned.

    ``shapes``: whether token types say the shape of each word; ``words``: whether rows hold the words;
    ``truncation``: what is kept of a text that has more tokens.
    """

    def __init__(
        self,
        path: Path,
        max_tokens: int,
        max_chars: int,
        *,
        truncation: Truncation = "head",
        shapes: bool = False,
        words: bool = False,
    ) -> None:
        self._source = path.read_text(encoding="utf-8")
        self._max_tokens = max_tokens
        self._max_chars = max_chars
        self._truncation = truncation
        self._shapes = shapes
        self._words = words
        self._local = threading.local()
        try:
            self._mine()
        except Exception as error:  # the library raises bare Exception
            raise BundleError(f"{path}: not a tokenizer ({error})") from error

    def encode(self, texts: Sequence[str]) -> list[Row]:
        """Return each text as the model reads it, special tokens included. Any thread may call."""
        cut = [text[: self._max_chars] for text in texts]
        tokenizer = self._mine()
        if not self._shapes and not self._words:
            return [Row(self._kept(encoding.ids)) for encoding in tokenizer.encode_batch_fast(cut)]
        encodings = tokenizer.encode_batch(cut)
        return [self._row(text, made) for text, made in zip(cut, encodings, strict=True)]

    def _kept(self, values: list[_Value]) -> list[_Value]:
        """Return what stays of a value a token; of ``head`` the tokenizer has cut the rest already."""
        return head_and_tail(values, self._max_tokens)

    def _row(self, text: str, encoding: Encoding) -> Row:
        places: list[int] = []
        lasts: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        known = None
        numbers, offsets = self._kept(encoding.word_ids), self._kept(encoding.offsets)
        for place, (number, (start, end)) in enumerate(zip(numbers, offsets, strict=True)):
            if number is None:
                continue
            if number == known:
                lasts[-1], ends[-1] = place, end
            else:
                known = number
                places.append(place)
                lasts.append(place)
                starts.append(start)
                ends.append(end)
        types = None
        if self._shapes:
            types = bytearray(len(numbers))
            for first, last, start, end in zip(places, lasts, starts, ends, strict=True):
                shape = self._shape(text[start:end])
                if shape:
                    types[first : last + 1] = bytes((shape,)) * (last + 1 - first)
        words = None
        if self._words:
            words = Words(text, places, starts, ends, lasts[-1] + 1 if lasts else 0)
        return Row(self._kept(encoding.ids), None if types is None else bytes(types), words)

    def _shape(self, word: str) -> int:
        """Return ``shape_of(word)``, remembered by this thread."""
        shapes: dict[str, int] = self._local.shapes
        shape = shapes.get(word)
        if shape is None:
            if len(shapes) >= MOST_SHAPES:
                shapes.clear()
            shape = shapes[word] = shape_of(word)
        return shape

    def _mine(self) -> Tokenizer:
        tokenizer: Tokenizer | None = getattr(self._local, "tokenizer", None)
        if tokenizer is None:
            tokenizer = Tokenizer.from_str(self._source)
            tokenizer.no_padding()
            if self._truncation == "head":
                tokenizer.enable_truncation(self._max_tokens)
            else:
                tokenizer.no_truncation()
            self._local.tokenizer = tokenizer
            self._local.shapes = {}
        return tokenizer
