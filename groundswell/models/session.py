"""
The model of a bundle: token ids in, probabilities out.

Rules: only the heads are asked for, never the embedding or the contributions; a graph whose inputs,
outputs or widths are not the manifest's is refused at loading; what the hardware answers is compared
with the golden texts before anybody reads an opinion.
"""

import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from groundswell.errors import BundleError, GroundswellError
from groundswell.models.bundle import Golden, Graph, Head, Manifest, load_manifest
from groundswell.models.providers import Opened, open_session
from groundswell.models.tokens import Tokens

Probabilities: TypeAlias = NDArray[np.float64]
"""Shape [texts, labels]; each row sums to one."""

INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
TOLERANCE: Final = {"fp32": 1e-3, "fp16": 5e-3, "int8": 0.02, "int8-reduced": 0.02}
"""Per precision, the mean distance to fp32's probabilities that the golden texts may have."""
MARGIN: Final = 0.1
"""Where fp32's best two labels are closer than this, another one may win."""


class ModelError(GroundswellError):
    """The session failed on a batch: one of its texts, or the device, is at fault."""


class Scores(NamedTuple):
    """
    What the model says of a batch: per head the probabilities, rows in the order of the batch.

    ``broken`` holds the rows for which it answered NaN or infinity.
    """

    heads: Mapping[str, Probabilities]
    broken: frozenset[int]


class Model:
    """
    A loaded bundle.

    ``encode`` may be called by any number of threads, ``run`` by ``workers`` at once (nothing breaks
    with more, but the cores are shared).
    """

    def __init__(self, manifest: Manifest, opened: Opened, tokens: Tokens) -> None:
        self.manifest = manifest
        self.graph: Graph = opened.choice.graph
        self.provider = opened.provider
        self.reason = f"{opened.reason}; {opened.choice.graph.precision} for {opened.choice.reason}"
        self.workers = opened.workers
        self._session = opened.session
        self._tokens = tokens
        self._inputs = _inputs(opened.session, manifest)
        _check_outputs(opened.session, manifest)
        self._outputs = [head.name for head in manifest.heads]

    @property
    def id(self) -> str:
        """The bundle's name and version."""
        return self.manifest.id

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, at most ``manifest.max_tokens``."""
        return self._tokens.encode(texts)

    def run(self, rows: Sequence[Sequence[int]]) -> Scores:
        """
        Label a batch of token ids (at least one row).

        Raises ``ModelError`` if the session fails, or answers in another shape than the manifest's.
        """
        try:
            logits = self._session.run(self._outputs, self._feed(rows))
        except Exception as error:  # onnxruntime's have no common base
            raise ModelError(f"{self.id}: the session failed: {error}") from error
        heads: dict[str, Probabilities] = {}
        fine = np.ones(len(rows), dtype=bool)
        for head, answer in zip(self.manifest.heads, logits, strict=True):
            if answer.shape != (len(rows), len(head.labels)):
                raise ModelError(f"{self.id}: head {head.name} answered in shape {answer.shape}")
            fine &= np.isfinite(answer).all(axis=1)
            heads[head.name] = _softmax(answer, head.temperature)
        return Scores(heads, frozenset(np.flatnonzero(~fine).tolist()))

    def _feed(self, rows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
        lengths = np.array([len(row) for row in rows])
        mask = np.arange(max(1, int(lengths.max()))) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = list(chain.from_iterable(rows))
        feed = {"input_ids": ids}
        if "attention_mask" in self._inputs:
            feed["attention_mask"] = mask.astype(np.int64)
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(ids)
        return feed


def load(
    directory: Path,
    providers: Sequence[str] = ("cpu",),
    provider_options: Mapping[str, Mapping[str, str]] | None = None,
    threads: int = 0,
    workers: int = 1,
) -> Model:
    """
    Load the bundle in ``directory`` on the first provider that works; ``threads`` 0: one per core.

    ``workers`` is how many batches will be run at once (0: as many as is best).

    Raises ``BundleError`` if the bundle is not what it says, ``CannotStart`` if no provider works.
    """
    manifest = load_manifest(directory)
    opened = open_session(
        directory, manifest, providers, provider_options or {}, threads or _cores(), workers
    )
    tokens = Tokens(directory / manifest.tokenizer.path, manifest.max_tokens, manifest.max_chars)
    return Model(manifest, opened, tokens)


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
            said = row.probabilities.get(head.name, ())
            if len(said) != len(head.labels):
                raise BundleError(f"{path}:{number}: not one probability per label of {head.name}")
            best = dict(zip(head.labels, said, strict=True)).get(row.labels.get(head.name, ""))
            if head.name in row.labels and best != max(said):
                raise BundleError(
                    f"{path}:{number}: head {head.name} said {row.labels[head.name]!r}, which the "
                    "manifest has in another place: its labels stand in another order than the graph's"
                )
        rows.append(row)
    if not rows:
        raise BundleError(f"{path}: there are no golden texts to check this machine with")
    return rows


def check_golden(model: Model, golden: Sequence[Golden]) -> dict[str, float]:
    """
    Compare the model's answers on this machine with fp32's; return each head's mean distance.

    Raises ``BundleError`` that names the head, the text, and what is most likely wrong.
    """
    answers: dict[str, list[NDArray[np.float64]]] = {head.name: [] for head in model.manifest.heads}
    for number, ids in enumerate(model.encode([row.text for row in golden])):
        try:
            scores = model.run([ids])
        except ModelError as error:
            raise BundleError(f"golden text {number}: {error}") from error
        if scores.broken:
            raise BundleError(f"{model.id}: golden text {number}: the model answered NaN")
        for name, rows in scores.heads.items():
            answers[name].append(rows[0])
    return {
        head.name: _compare(
            model,
            head,
            np.array([row.probabilities[head.name] for row in golden]),
            np.array(answers[head.name]),
        )
        for head in model.manifest.heads
    }


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


def _softmax(logits: NDArray[np.float32], temperature: float) -> Probabilities:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = logits.astype(np.float64) / temperature
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _inputs(session: onnxruntime.InferenceSession, manifest: Manifest) -> frozenset[str]:
    declared = frozenset(node.name for node in session.get_inputs())
    unknown = declared - set(INPUTS)
    if unknown or "input_ids" not in declared:
        raise BundleError(
            f"bundle {manifest.id}: the graph asks for {', '.join(sorted(declared))}; known are "
            + ", ".join(INPUTS)
        )
    return declared


def _check_outputs(session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    widths = {node.name: node.shape[-1] for node in session.get_outputs() if node.shape}
    for head in manifest.heads:
        if head.name not in widths:
            raise BundleError(f"bundle {manifest.id}: the graph has no output {head.name!r}")
        width = widths[head.name]
        if isinstance(width, int) and width != len(head.labels):
            raise BundleError(
                f"bundle {manifest.id}: head {head.name} has {width} outputs and "
                f"{len(head.labels)} labels"
            )


def _cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
