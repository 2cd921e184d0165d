"""
The golden texts: whether this machine says what the one that made the bundle said.

Rule: whoever uses a bundle asks before it uses it. Quantised graphs may differ a little from fp32 on
other processors; another order of labels, another tokenizer or a broken graph differs a lot.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from groundswell.errors import BundleError
from groundswell.models.bundle import Golden, Head, Manifest
from groundswell.models.scores import Probabilities, Scores, at_temperature
from groundswell.models.session import Model, ModelError
from groundswell.models.spans import spans_of
from groundswell.models.tokens import Row

TOLERANCE: Final = {"fp32": 1e-3, "fp16": 5e-3, "int8": 0.02, "int8-reduced": 0.02}
"""Per precision, the mean distance to fp32's probabilities that the golden texts may have."""
MARGIN: Final = 0.1
"""Where fp32's best two labels are closer than this, another one may win."""
OTHER_SPANS: Final = {"fp32": 0.02, "fp16": 0.05, "int8": 0.1, "int8-reduced": 0.1}
"""
Per precision, the share of golden texts whose stretches may be others than fp32's.

A text counts as another if one of its words is tagged otherwise, and a word on the edge of two tags can
be turned by rounding: one text of 64 in fp32, six in int8. A wrong tokenizer, shape or order of tags
changes most of them.
"""


def read_golden(directory: Path, manifest: Manifest) -> list[Golden]:
    """Read the golden texts; raises ``BundleError`` that names the line, or if there are none."""
    path = directory / manifest.golden.path
    rows: list[Golden] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = msgspec.json.decode(line, type=Golden)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BundleError(f"{path}:{number}: {error}") from error
        for head in manifest.heads:
            fault = _tokens_fault(row, head) if head.kind == "tokens" else _text_fault(row, head)
            if fault:
                raise BundleError(f"{path}:{number}: {fault}")
        rows.append(row)
    if not rows:
        raise BundleError(f"{path}: there are no golden texts to check this machine with")
    return rows


def _text_fault(row: Golden, head: Head) -> str:
    said = row.probabilities.get(head.name, ())
    if len(said) != len(head.labels):
        return f"not one probability per label of {head.name}"
    best = dict(zip(head.labels, said, strict=True)).get(row.labels.get(head.name, ""))
    if head.name in row.labels and best != max(said):
        return (
            f"head {head.name} said {row.labels[head.name]!r}, which the manifest has in another place: "
            "its labels stand in another order than the graph's"
        )
    return ""


def _tokens_fault(row: Golden, head: Head) -> str:
    if head.name not in row.spans:
        return f"no spans of head {head.name}"
    for start, end, label in row.spans[head.name]:
        if not 0 <= start < end <= len(row.text):
            return f"a span of head {head.name} lies outside the text: {start} to {end}"
        if f"B-{label}" not in head.labels:
            return f"head {head.name} has no tag B-{label}"
    return ""


def check_golden(model: Model, golden: Sequence[Golden]) -> dict[str, float]:
    """
    Compare the model's answers on this machine with fp32's, for each head that it answers for.

    Returns the mean distance of a head's probabilities; of a ``tokens`` head the share of texts with
    other stretches. Raises ``BundleError`` that names the head, the text, and what is most likely wrong.
    """
    rows = model.encode([row.text for row in golden])
    answers = [_ask(model, number, row) for number, row in enumerate(rows)]
    distances: dict[str, float] = {}
    for head in model.heads:
        if head.kind == "tokens":
            distances[head.name] = _compare_spans(model, head, golden, rows, answers)
            continue
        distances[head.name] = _compare(
            model,
            head,
            np.array([row.probabilities[head.name] for row in golden]),
            # The golden texts hold fp32's answers at the head's own temperature.
            at_temperature(
                np.concatenate([scores.heads[head.name] for scores in answers]),
                model.graph.temperature(head),
                head.temperature,
                several=head.kind == "several",
            ),
        )
    return distances


def _ask(model: Model, number: int, row: Row) -> Scores:
    try:
        scores = model.run([row])
    except ModelError as error:
        raise BundleError(f"golden text {number}: {error}") from error
    if scores.broken:
        raise BundleError(f"{model.id}: golden text {number}: the model answered NaN")
    return scores


def _compare_spans(
    model: Model,
    head: Head,
    golden: Sequence[Golden],
    rows: Sequence[Row],
    answers: Sequence[Scores],
) -> float:
    others: list[str] = []
    for number, (row, encoded, scores) in enumerate(zip(golden, rows, answers, strict=True)):
        words = encoded.words
        got = spans_of(head.labels, scores.words[head.name][0], words) if words else []
        said, should = tuple(span[:3] for span in got), row.spans[head.name]
        if said != should:
            others.append(f"text {number} has {said} and should have {should}")
    share = len(others) / len(golden)
    if share > OTHER_SPANS[model.graph.precision]:
        raise BundleError(
            f"{model.id}: head {head.name} disagrees with the golden texts on this machine: {others[0]}; "
            f"{len(others)} of {len(golden)} differ, allowed {OTHER_SPANS[model.graph.precision]:.0%}; "
            "the tokenizer, the word shapes or the graph is not the one that the bundle was made with"
        )
    return share


def _compare(model: Model, head: Head, expected: Probabilities, got: Probabilities) -> float:
    distance = float(np.abs(expected - got).mean())
    best = np.sort(expected, axis=1)
    clear = best[:, -1] - best[:, -2] >= MARGIN
    other = np.flatnonzero(clear & (expected.argmax(axis=1) != got.argmax(axis=1)))
    limit = TOLERANCE[model.graph.precision]
    if not other.size and distance <= limit:
        return distance
    number = int(other[0]) if other.size else int(np.abs(expected - got).mean(axis=1).argmax())
    said, should = (head.labels[int(side[number].argmax())] for side in (got, expected))
    raise BundleError(
        f"{model.id}: head {head.name} disagrees with the golden texts on this machine: text {number} "
        f"is {said} and should be {should}; mean distance {distance:.4f}, allowed {limit:g}; "
        f"{_suspect(expected, got, limit)}"
    )


def _suspect(expected: Probabilities, got: Probabilities, limit: float) -> str:
    """Name the likely cause: a permutation of the columns would make the answers agree, or not."""
    apart = np.abs(expected[:, :, None] - got[:, None, :]).mean(axis=0)
    order = apart.argmin(axis=1)
    columns = list(range(len(order)))
    moved = order.tolist() != columns and sorted(order.tolist()) == columns
    if moved and apart.min(axis=1).mean() <= limit:
        return "the labels stand in another order in the manifest than in the graph"
    return "the tokenizer, or the graph, is not the one that the bundle was made with"
