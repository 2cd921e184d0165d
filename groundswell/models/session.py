"""
The model of a bundle: texts in, probabilities out.

Rules: only what its user asked for is read from the graph; a graph whose inputs, outputs
or widths are not the manifest's is refused at loading; what the hardware answers is compared with the
golden texts (``groundswell.models.golden``) before anybody reads an opinion.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from groundswell.errors import BundleError, GroundswellError
from groundswell.models.bundle import Graph, Head, Manifest, load_manifest
from groundswell.models.providers import Opened, open_session
from groundswell.models.scores import Probabilities, Scores, of_words, sigmoid, softmax
from groundswell.models.tokens import Row, Tokens

INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
EMBEDDING: Final = "embedding"
"""The graph's output of shape [batch, width] that says where a text lies among others."""
CONTRIBUTIONS: Final = "contributions"
"""The graph's output of shape [batch, tokens, labels]: what each token adds to the tone's logits."""
EXPLAINED: Final = "sentiment"
"""The head that the contributions are of."""


class ModelError(GroundswellError):
    """The session failed on a batch: one of its texts, or the device, is at fault."""


class Model:
    """
    A loaded bundle. ``heads`` are those that it answers for; ``embedding``: whether it embeds, too.

    ``explaining``: whether it says what each token adds to the logits of head ``sentiment``.

    ``encode`` may be called by any number of threads, ``run`` by ``workers`` at once (nothing breaks
    with more, but the cores are shared).
    """

    def __init__(
        self,
        manifest: Manifest,
        opened: Opened,
        tokens: Tokens,
        heads: Sequence[Head],
        *,
        embedding: bool = False,
        explaining: bool = False,
    ) -> None:
        self.manifest = manifest
        self.graph: Graph = opened.choice.graph
        self.provider = opened.provider
        self.reason = f"{opened.reason}; {opened.choice.graph.precision} for {opened.choice.reason}"
        self.workers = opened.workers
        self.heads = tuple(heads)
        self._embedding = embedding
        self._explaining = explaining
        self._session = opened.session
        self._tokens = tokens
        self._inputs = _inputs(opened.session, manifest)
        self._outputs = [head.name for head in heads]
        self._outputs += [EMBEDDING] * embedding + [CONTRIBUTIONS] * explaining
        _check_outputs(opened.session, manifest, self._outputs)

    @property
    def id(self) -> str:
        """The bundle's name and version."""
        return self.manifest.id

    def encode(self, texts: Sequence[str]) -> list[Row]:
        """Return each text as the model reads it, at most ``manifest.max_tokens`` long."""
        return self._tokens.encode(texts)

    def run(self, rows: Sequence[Row]) -> Scores:
        """
        Label a batch of encoded texts (at least one).

        Raises ``ModelError`` if the session fails, or answers in another shape than the manifest's.
        """
        feed = self._feed(rows)
        try:
            answers = self._session.run(self._outputs, feed)
        except Exception as error:  # onnxruntime's have no common base
            raise ModelError(f"{self.id}: the session failed: {error}") from error
        heads: dict[str, Probabilities] = {}
        words: dict[str, list[Probabilities]] = {}
        fine = np.ones(len(rows), dtype=bool)
        for head, answer in zip(self.heads, answers, strict=False):
            tokens = feed["input_ids"].shape if head.kind == "tokens" else (len(rows),)
            if answer.shape != (*tokens, len(head.labels)):
                raise ModelError(f"{self.id}: head {head.name} answered in shape {answer.shape}")
            if head.kind == "tokens":
                words[head.name] = of_words(answer, rows, self.graph.temperature(head), fine)
                continue
            fine &= np.isfinite(answer).all(axis=1)
            to_probabilities = sigmoid if head.kind == "several" else softmax
            heads[head.name] = to_probabilities(answer, self.graph.temperature(head))
        embedding = None
        if self._embedding:
            embedding = np.asarray(answers[len(self.heads)], dtype=np.float64)
            fine &= np.isfinite(embedding).all(axis=1)
        adds = list(answers[-1]) if self._explaining else None
        return Scores(heads, frozenset(np.flatnonzero(~fine).tolist()), words, embedding, adds)

    def _feed(self, rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
        lengths = np.array([len(row.ids) for row in rows])
        mask = np.arange(max(1, int(lengths.max()))) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = list(chain.from_iterable(row.ids for row in rows))
        feed = {"input_ids": ids}
        if "attention_mask" in self._inputs:
            feed["attention_mask"] = mask.astype(np.int64)
        if "token_type_ids" in self._inputs:
            types = np.zeros_like(ids)
            if self.manifest.token_types == "shape":  # noqa: S105 - tokens of text
                joined = b"".join(row.types or bytes(len(row.ids)) for row in rows)
                types[mask] = np.frombuffer(joined, dtype=np.uint8)
            feed["token_type_ids"] = types
        return feed


def load(  # noqa: PLR0913 - how a session is made, and what is asked of it
    directory: Path,
    providers: Sequence[str] = ("cpu",),
    provider_options: Mapping[str, Mapping[str, str]] | None = None,
    threads: int = 0,
    workers: int = 1,
    *,
    heads: Collection[str] | None = None,
    embedding: bool = False,
    explain: bool = False,
) -> Model:
    """
    Load the bundle in ``directory`` on the first provider that works; ``threads`` 0: one per core.

    ``workers`` is how many batches will be run at once (0: as many as is best). The model answers for
    those of ``heads`` that the bundle has (None: all), with the ``embedding`` if wanted, and where
    ``explain`` says so with the contributions to the tone, if the graph has them.

    Raises ``BundleError`` if the bundle is not what it says, ``CannotStart`` if no provider works.
    """
    manifest = load_manifest(directory)
    opened = open_session(
        directory, manifest, providers, provider_options or {}, threads or _cores(), workers
    )
    wanted = [head for head in manifest.heads if heads is None or head.name in heads]
    explaining = explain and _explains(opened.session, wanted)
    tokens = Tokens(
        directory / manifest.tokenizer.path,
        manifest.max_tokens,
        manifest.max_chars,
        truncation=manifest.truncation,
        shapes=manifest.token_types == "shape",  # noqa: S105 - tokens of text
        words=explaining or any(head.kind == "tokens" for head in wanted),
    )
    return Model(manifest, opened, tokens, wanted, embedding=embedding, explaining=explaining)


def _explains(session: onnxruntime.InferenceSession, heads: Sequence[Head]) -> bool:
    """Say whether the graph tells what each token adds to the tone, a number a label."""
    shapes = {node.name: list(node.shape or ()) for node in session.get_outputs()}
    *axes, width = shapes.get(CONTRIBUTIONS) or [None]
    return len(axes) == len(("texts", "tokens")) and any(
        head.name == EXPLAINED and len(head.labels) == width for head in heads
    )


def _inputs(session: onnxruntime.InferenceSession, manifest: Manifest) -> frozenset[str]:
    declared = frozenset(node.name for node in session.get_inputs())
    unknown = declared - set(INPUTS)
    if unknown or "input_ids" not in declared:
        raise BundleError(
            f"bundle {manifest.id}: the graph asks for {', '.join(sorted(declared))}; known are "
            + ", ".join(INPUTS)
        )
    if manifest.token_types == "shape" and "token_type_ids" not in declared:  # noqa: S105
        raise BundleError(
            f"bundle {manifest.id}: the manifest says that token types are word shapes, and the graph "
            "has no input token_type_ids"
        )
    return declared


def _check_outputs(
    session: onnxruntime.InferenceSession, manifest: Manifest, wanted: Sequence[str]
) -> None:
    shapes = {node.name: list(node.shape or ()) for node in session.get_outputs()}
    for name in wanted:
        if name not in shapes:
            raise BundleError(f"bundle {manifest.id}: the graph has no output {name!r}")
        if name in {EMBEDDING, CONTRIBUTIONS}:
            continue
        head = manifest.head(name)
        axes = 3 if head.kind == "tokens" else 2
        if len(shapes[name]) != axes:
            raise BundleError(
                f"bundle {manifest.id}: head {name} is of kind {head.kind}, and the graph's output has "
                f"{len(shapes[name])} axes instead of {axes}"
            )
        width = shapes[name][-1]
        if isinstance(width, int) and width != len(head.labels):
            raise BundleError(
                f"bundle {manifest.id}: head {name} has {width} outputs and {len(head.labels)} labels"
            )


def _cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
