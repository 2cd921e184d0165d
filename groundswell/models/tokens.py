"""
Texts to token ids, by the bundle's own tokenizer.

Rules: a tokenizer is never shared between threads (it locks itself when its settings change); the
characters are capped before it sees them; truncation is set once, padding is not its business.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from groundswell.errors import BundleError


class Tokens:
    """The tokenizer in ``path``; at most ``max_chars`` are read and ``max_tokens`` returned."""

    def __init__(self, path: Path, max_tokens: int, max_chars: int) -> None:
        self._source = path.read_text(encoding="utf-8")
        self._max_tokens = max_tokens
        self._max_chars = max_chars
        self._local = threading.local()
        try:
            self._mine()
        except Exception as error:  # the library raises bare Exception
            raise BundleError(f"{path}: not a tokenizer ({error})") from error

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, special tokens included. Any thread may call."""
        cut = [text[: self._max_chars] for text in texts]
        return [encoding.ids for encoding in self._mine().encode_batch_fast(cut)]

    def _mine(self) -> Tokenizer:
        tokenizer: Tokenizer | None = getattr(self._local, "tokenizer", None)
        if tokenizer is None:
            tokenizer = Tokenizer.from_str(self._source)
            tokenizer.no_padding()
            tokenizer.enable_truncation(self._max_tokens)
            self._local.tokenizer = tokenizer
        return tokenizer
