"""
A bundle, asked as a consumer would: one graph of it, on the CPU.

Rule: labels, temperatures (the graph's own, where it has one) and thresholds are the manifest's; a function file only adds what a manifest
does not hold (tests, slices, lexicon), and must have the same labels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from groundswell.errors import InputError
from groundswell.models.bundle import Graph, Head, Manifest, load_manifest
from groundswell.models.tokens import Row, Tokens
from groundswell.tasks import Function, Label, content_hash
from training.evaluation.predictors import (
    CONTRIBUTIONS,
    About,
    Answers,
    Asked,
    Read,
    collect,
    explained_of,
)

PREFERRED: Final = ("int8-reduced", "int8", "fp32", "fp16")
"""The graph that is asked unless one is named: what a consumer on any CPU would take."""


class BundlePredictor:
    """A bundle; see ``Predictor``."""

    def __init__(
        self, directory: Path, functions: Sequence[Function], *, precision: str, threads: int
    ) -> None:
        manifest = load_manifest(directory)
        graph = _graph(manifest, precision)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(directory / graph.file.path), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = frozenset(node.name for node in self._session.get_inputs())
        self._tokens = Tokens(
            directory / manifest.tokenizer.path,
            manifest.max_tokens,
            manifest.max_chars,
            truncation=manifest.truncation,
            shapes=manifest.token_types == "shape",
            words=True,
        )
        self.heads: Mapping[str, Asked] = {
            head.name: Asked(_function(head, functions), graph.temperature(head), head.threshold)
            for head in manifest.heads
        }
        self.max_chars = manifest.max_chars
        outputs = {node.name for node in self._session.get_outputs()}
        self.explains = explained_of(self.heads) if CONTRIBUTIONS in outputs else ""
        self.about = About(
            name=manifest.id,
            kind="bundle",
            precision=graph.precision,
            threads=threads,
            files={file.path: file.bytes for file in (graph.file, manifest.tokenizer)},
            data=manifest.data,
            notes=tuple(
                f"{head.name}: no function file has its labels, so it has no behavioural tests"
                for head in manifest.heads
                if _matching(head, functions) is None
            ),
        )

    def answer(self, texts: Sequence[str], *, explain: bool = False) -> Answers:
        """See ``Predictor``."""
        rows = self._tokens.encode(texts)

        def run(places: list[int], names: list[str]) -> list[npt.NDArray[Any]]:
            return list(self._session.run(names, self._feed([rows[place] for place in places])))

        return collect(
            self.heads, [_read(row) for row in rows], run, self.explains if explain else ""
        )

    def _feed(self, rows: Sequence[Row]) -> dict[str, npt.NDArray[np.int64]]:
        feed = {
            name: np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        for line, row in enumerate(rows):
            feed["input_ids"][line, : len(row)] = row.ids
            feed["attention_mask"][line, : len(row)] = 1
            if row.types is not None:
                feed["token_type_ids"][line, : len(row)] = list(row.types)
        return {name: value for name, value in feed.items() if name in self._inputs}


def _read(row: Row) -> Read:
    if row.words is None:
        return Read(len(row), (), ())
    units = tuple(zip(row.words.starts, row.words.ends, strict=True))
    return Read(len(row), row.words.places, units)


def _graph(manifest: Manifest, precision: str) -> Graph:
    graphs = {graph.precision: graph for graph in manifest.graphs}
    for name in (precision,) if precision else PREFERRED:
        for known, graph in graphs.items():
            if known == name:
                return graph
    raise InputError(
        f"--precision {precision}: bundle {manifest.id} has {', '.join(graphs)}; choose one of them"
    )


def _matching(head: Head, functions: Sequence[Function]) -> Function | None:
    same = [f for f in functions if f.name == head.name and f.outputs == head.labels]
    exact = [f for f in same if content_hash(f) == head.function]
    return next(iter((*exact, *same)), None)


def _function(head: Head, functions: Sequence[Function]) -> Function:
    """Return the function of a head: the file's, else what its labels tell."""
    found = _matching(head, functions)
    if found is not None:
        return found
    tokens = head.kind == "tokens"
    names = [n[2:] for n in head.labels if n.startswith("B-")] if tokens else list(head.labels)
    return Function(
        name=head.name,
        version=1,
        description=f"Labels of {head.name} as the bundle's manifest names them.",
        field="entities" if tokens else head.name,
        output=head.kind,
        labels=tuple(Label(name=name, description=name) for name in names),
        primary="entity_f1" if tokens else "macro_f1",
    )
