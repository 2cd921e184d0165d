"""A loaded model asked about texts for drift, and the reference sample that its bundle carries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from groundswell.drift.observed import Units, observe
from groundswell.drift.sample import Reference, decode
from groundswell.errors import BundleError
from groundswell.models.bundle import Manifest, check_file
from groundswell.models.scores import apart, together
from groundswell.models.session import Model

REFERENCE: Final = "reference.npz"
_BATCH: Final = 32


def read_reference(directory: Path, manifest: Manifest, precision: str) -> Reference:
    """Read the sample of a graph, its hash checked; raises ``BundleError`` where there is none."""
    if manifest.reference is None:
        raise BundleError(
            f"bundle {manifest.id}: it carries no reference sample; export the checkpoint again, or give "
            "an earlier window of the stream with --reference"
        )
    return decode(check_file(directory, manifest.reference).read_bytes(), precision)


def unknown_token(tokenizer: Path) -> int | None:
    """Return the id of what a tokenizer does not know, None if it knows every byte."""
    try:
        held: dict[str, Any] = msgspec.json.decode(tokenizer.read_bytes())
        model = held["model"]
        name, vocabulary = model.get("unk_token"), model["vocab"]
    except (OSError, msgspec.DecodeError, KeyError, AttributeError) as error:
        raise BundleError(f"{tokenizer}: not a tokenizer ({error})") from error
    if isinstance(vocabulary, dict):
        return vocabulary.get(name) if name is not None else None
    number = model.get("unk_id")  # unigram: a list of pieces
    return number if isinstance(number, int) else None


def measure(model: Model, directory: Path, texts: Sequence[str], story: Sequence[int]) -> Units:
    """
    Return what is looked at of texts; ``model`` must have been loaded with its embedding.

    ``story`` says which texts are near-duplicates; texts that it cannot answer are left out. Raises ``ModelError`` when the session fails.
    """
    rows = model.encode(texts)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    parts = []
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        parts += apart(model.run([rows[place] for place in places]), len(places))
    back = np.argsort(order)
    scores = together([parts[place] for place in back])
    if scores.embedding is None:
        raise BundleError(f"bundle {model.id}: it was loaded without its embedding")
    units = observe(
        texts,
        [row.ids for row in rows],
        unknown_token(directory / model.manifest.tokenizer.path),
        scores.heads,
        scores.embedding,
        story,
    )
    return units.take([place for place in range(len(units)) if place not in scores.broken])
