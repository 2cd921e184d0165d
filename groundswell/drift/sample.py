"""
The reference sample of a bundle: what was measured of held-out texts when it was made, and no text.

It is an ``npz`` of plain arrays, bounded in rows, read without unpickling. Each graph has its own answers,
since a smaller one answers a little differently and that would look like drift.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from groundswell.drift.observed import Floats, Units
from groundswell.errors import BundleError

MOST: Final = 600
"""Texts of a sample."""
_COMMON: Final = ("length", "unknown", "script", "story")
_AXES: Final = 2


class Reference(NamedTuple):
    """The units of a graph, and how it answered labelled rows: counts [predicted, true] by head."""

    units: Units
    confusions: Mapping[str, Floats]


def encode(references: Mapping[str, Reference]) -> bytes:
    """Return the bytes of a sample; ``references`` are by precision, of the same texts (``MOST`` of them)."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for precision, reference in references.items():
        units = reference.units.take(range(min(MOST, len(reference.units))))
        arrays |= {
            "length": units.length.astype(np.float32),
            "unknown": units.unknown.astype(np.float32),
            "script": np.array(units.script),
            "story": units.story,
            f"{precision}/embedding": units.embedding.astype(np.float16),
        }
        for name, rows in units.probabilities.items():
            arrays[f"{precision}/probabilities/{name}"] = rows.astype(np.float32)
        for name, counts in reference.confusions.items():
            arrays[f"{precision}/confusion/{name}"] = counts.astype(np.int32)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def decode(data: bytes, precision: str) -> Reference:
    """Return the sample of a graph; raises ``BundleError`` for anything that is none."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            held = {name: np.asarray(arrays[name]) for name in arrays.files}
        embedding = held[f"{precision}/embedding"].astype(np.float64)
        units = Units(
            embedding=embedding,
            probabilities=_named(held, f"{precision}/probabilities/"),
            length=held["length"].astype(np.float64),
            unknown=held["unknown"].astype(np.float64),
            script=tuple(map(str, held["script"].tolist())),
            story=held["story"].astype(np.int64),
        )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise BundleError(
            f"the reference sample cannot be read for {precision} ({error})"
        ) from error
    rows = {len(embedding), len(units), len(units.length), len(units.unknown), len(units.script)}
    rows |= {len(each) for each in units.probabilities.values()}
    finite = all(np.isfinite(each).all() for each in (embedding, *units.probabilities.values()))
    if len(rows) != 1 or not finite or embedding.ndim != _AXES:
        raise BundleError(f"the reference sample for {precision} does not fit together")
    return Reference(units, _named(held, f"{precision}/confusion/"))


def _named(held: Mapping[str, npt.NDArray[np.generic]], start: str) -> dict[str, Floats]:
    return {
        name.removeprefix(start): rows.astype(np.float64)
        for name, rows in held.items()
        if name.startswith(start)
    }
