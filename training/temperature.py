"""
Temperatures of the heads that speak of whole texts, fitted on the dev rows.

Rules: nothing was trained on these rows; a temperature is taken only where, fitted on some of them, it
makes the others likelier and does not worsen their calibration error (``calibrate``). It divides all of
a head's logits, so that no label changes. The rows stay in the checkpoint, for what an exporter makes of
the model is calibrated anew.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from groundswell.errors import InputError
from groundswell.tasks import Function
from training.data.split import cluster_examples
from training.encode import Tokens
from training.evaluate import predict
from training.evaluation.calibration import calibrate, two_of_each
from training.examples import Example
from training.hardware import Hardware
from training.model import OpinionModel

HELD_OUT: Final = "held_out.jsonl"
MOST: Final = 2000
"""Rows that are kept: enough for one number a head, and quick to ask a graph about."""


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    A dev row: its text, its ``cluster`` of near-duplicates, and the places of its labels by head.

    A head that gives several labels has a list of places; one that says nothing of the row is absent.
    """

    text: str
    cluster: int
    truths: dict[str, int | list[int]]


def held_out(dev: Sequence[Example], functions: Sequence[Function]) -> list[HeldOut]:
    """Return the rows that have a label of a whole text; truths stand in the order of ``functions``."""
    rows = []
    kept = dev[:MOST]
    for example, cluster in zip(kept, cluster_examples(kept), strict=True):
        truths: dict[str, int | list[int]] = {}
        for function, truth in zip(functions, example.truths, strict=True):
            if isinstance(truth, int):
                truths[function.name] = truth
            elif isinstance(truth, frozenset):
                truths[function.name] = sorted(truth)
        if truths:
            rows.append(HeldOut(text=example.text, cluster=cluster, truths=truths))
    return rows


def temperatures(
    rows: Sequence[HeldOut],
    logits: Mapping[str, npt.NDArray[Any]],
    served: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """
    Return the temperature of each head that gains by one.

    ``logits`` hold [rows, labels] by head, ``served`` the temperatures in use (1 where none is named); what
    is returned takes their place.
    """
    found = {}
    for name, answers in logits.items():
        before = (served or {}).get(name, 1.0)
        factor = _factor(name, answers / before, rows)
        if factor != 1.0:
            found[name] = round(before * factor, 4)
    return found


def fitted(
    model: OpinionModel,
    functions: Sequence[Function],
    dev: Sequence[Example],
    rows: Sequence[Tokens],
    hardware: Hardware,
) -> dict[str, float]:
    """Return the temperatures of a model; ``rows`` are the texts of ``dev`` as it reads them."""
    kept = held_out(dev, functions)
    if not kept:
        return {}
    read = {example.text: row for example, row in zip(dev, rows, strict=True)}
    said = predict(model, [read[row.text] for row in kept], hardware)
    whole = [function.name for function in functions if function.output != "tokens"]
    return temperatures(kept, {name: np.asarray(said[name]) for name in whole})


def _factor(name: str, logits: npt.NDArray[Any], rows: Sequence[HeldOut]) -> float:
    places = [place for place, row in enumerate(rows) if name in row.truths]
    if not places:
        return 1.0
    asked = logits[places]
    groups = np.array([rows[place].cluster for place in places], dtype=np.int64)
    truths = [rows[place].truths[name] for place in places]
    if isinstance(truths[0], list):
        several = np.zeros(asked.shape, dtype=bool)
        for line, labels in enumerate(truths):
            several[line, labels] = True
        asked, truth = two_of_each(asked, several)
        groups = np.repeat(groups, logits.shape[1])
    else:
        truth = np.array(truths, dtype=np.int64)
    found = calibrate(asked, truth, groups)
    return found.temperature if found.adopted else 1.0


def write_held_out(directory: Path, rows: Sequence[HeldOut]) -> None:
    """Write the rows into a checkpoint's directory; raises ``OSError``."""
    (directory / HELD_OUT).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def read_held_out(directory: Path) -> list[HeldOut]:
    """Return a checkpoint's rows, none where an earlier release made it; raises ``InputError``."""
    path = directory / HELD_OUT
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=HeldOut) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); train again") from error
