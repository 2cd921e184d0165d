"""
Why a model says what it says of one text: the part of each word, and what it would say without it.

Pooling is a mean and the head is linear, so the logits are the sum of what the tokens add, plus the bias:
the parts come with the answer. They say what the model read where, not what would change the label; leaving
each word out asks that, at one pass a word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from groundswell.drift.observed import Floats
from groundswell.errors import BundleError
from groundswell.models.bundle import Head, load_manifest
from groundswell.models.providers import open_session
from groundswell.models.session import INPUTS, Model
from groundswell.models.tokens import Row, Tokens

CONTRIBUTIONS: Final = "contributions"
EXPLAINED: Final = "sentiment"
_BATCH: Final = 32


class Word(NamedTuple):
    """
    A word, where it stands in the text, and what it does for the label that was given.

    ``part`` is in logits: what it adds to the label, over the mean of what it adds to the others. ``without``
    is the change of the label's probability when the word is left out; None where that was not asked.
    """

    text: str
    start: int
    end: int
    part: float
    without: float | None = None


class Explained(NamedTuple):
    """What was read, what each head of whole texts says, and the words behind the label of ``head``."""

    text: str
    probabilities: dict[str, dict[str, float]]
    head: str
    label: str
    words: tuple[Word, ...]


def explain(directory: Path, text: str, *, leave_out: bool = False) -> Explained:
    """
    Explain the label of a text, as it is composed (``groundswell.text``).

    Raises ``BundleError`` where the bundle cannot be used or its graph gives no contributions.
    """
    manifest = load_manifest(directory)
    opened = open_session(directory, manifest, ("cpu",), {}, 1, 1)
    if CONTRIBUTIONS not in {node.name for node in opened.session.get_outputs()}:
        raise BundleError(f"bundle {manifest.id}: its graph has no output {CONTRIBUTIONS!r}")
    shapes = manifest.token_types == "shape"  # noqa: S105 - tokens of text
    tokens = Tokens(
        directory / manifest.tokenizer.path,
        manifest.max_tokens,
        manifest.max_chars,
        truncation=manifest.truncation,
        shapes=shapes,
        words=True,
    )
    whole = [head for head in manifest.heads if head.kind != "tokens"]
    model = Model(manifest, opened, tokens, whole)
    scores = model.run(model.encode([text]))
    said = {
        head.name: dict(zip(head.labels, map(float, scores.heads[head.name][0]), strict=True))
        for head in whole
    }
    head = next((head for head in whole if head.name == EXPLAINED), whole[0])
    label = int(scores.heads[head.name][0].argmax())
    row = tokens.encode([text])[0]
    declared = {node.name for node in opened.session.get_inputs()}
    feed = {name: value for name, value in _feed(row).items() if name in declared}
    parts = np.asarray(opened.session.run([CONTRIBUTIONS], feed)[0][0], dtype=np.float64)
    words = _words(row, parts, label)
    if leave_out:
        words = _without(model, head, text, words, float(scores.heads[head.name][0, label]), label)
    return Explained(text, said, head.name, head.labels[label], tuple(words))


def _feed(row: Row) -> dict[str, np.ndarray]:
    ids = np.array([row.ids], dtype=np.int64)
    types = np.frombuffer(row.types or bytes(len(row.ids)), dtype=np.uint8).astype(np.int64)
    return dict(zip(INPUTS, (ids, np.ones_like(ids), types[None, :]), strict=True))


def _words(row: Row, parts: Floats, label: int) -> list[Word]:
    """Add up the tokens of each word: from its first to the next word's first."""
    if row.words is None:
        return []
    others = [place for place in range(parts.shape[1]) if place != label]
    ahead = parts[:, label] - parts[:, others].mean(axis=1)
    stops = [*row.words.places[1:], len(row.ids)]
    found = []
    for place, stop, start, end in zip(
        row.words.places, stops, row.words.starts, row.words.ends, strict=True
    ):
        # The closing token belongs to no word.
        last = min(stop, len(row.ids) - 1) if stop == len(row.ids) else stop
        part = float(ahead[place:last].sum())
        found.append(Word(row.words.text[start:end], start, end, part))
    return found


def _without(
    model: Model, head: Head, text: str, words: Sequence[Word], before: float, label: int
) -> list[Word]:
    """Ask the model about the text without each word in turn."""
    left = [text[: word.start] + text[word.end :] for word in words]
    after: list[float] = []
    for start in range(0, len(left), _BATCH):
        scores = model.run(model.encode(left[start : start + _BATCH]))
        after += scores.heads[head.name][:, label].tolist()
    return [word._replace(without=value - before) for word, value in zip(words, after, strict=True)]
