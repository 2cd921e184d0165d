"""
Functions that the bundle has no head for, answered by similarity: `classify --function`.

A label of the function resembles its description and examples, embedded by the bundle itself; see
``groundswell.models.prototypes``. Where the bundle has a head of the function's name, the head speaks
for the labels that it was trained on and similarity for the new ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from consumers.news.asking import Asking
from consumers.news.ports import Labeller
from groundswell.errors import InputError, Rejected
from groundswell.models.bundle import Head
from groundswell.models.prototypes import (
    SEVERAL,
    join,
    label_texts,
    lexicon_prior,
    logits_of,
    probabilities_of,
    prototypes_of,
)
from groundswell.models.scores import Probabilities, Scores, apart
from groundswell.tasks import Function, parse_function
from groundswell.text import compose

TAKEN: Final = frozenset({"bundle", "composed", "error", "row"})
"""Fields of a row that hold something else."""
_BATCH: Final = 32


class Similar(NamedTuple):
    """A function with its prototypes; ``head`` reads its probabilities, ``trained`` is the bundle's."""

    function: Function
    prototypes: NDArray[np.float64]
    head: Head
    trained: Head | None

    def probabilities(self, texts: Sequence[str], scores: Scores) -> Probabilities:
        """Return the probabilities of ``head.labels`` for texts, of which ``scores`` hold embeddings."""
        vectors = np.zeros((len(texts), 0)) if scores.embedding is None else scores.embedding
        logits = logits_of(vectors, self.prototypes, lexicon_prior(self.function, texts))
        if self.trained is None:
            return probabilities_of(self.function, logits)
        said = scores.heads[self.trained.name]
        return join(self.function, logits, self.trained.labels, said)


def read_functions(paths: Sequence[Path]) -> tuple[Function, ...]:
    """Read functions from YAML files; raises ``InputError``."""
    functions: dict[str, Function] = {}
    for path in paths:
        try:
            source = path.read_bytes()
        except OSError as error:
            hint = ""
            if (
                not path.suffix
            ):  # a name: the trainer's own functions are no part of an online install
                hint = (
                    f"; give a YAML file: `groundswell functions show {path} > {path}.yaml` writes a shipped "
                    "function where the trainer is installed"
                )
            raise InputError(f"{path}: cannot be read ({error.strerror}){hint}") from error
        function = parse_function(source, str(path))
        if function.name in TAKEN:
            raise InputError(
                f"{path}: `{function.name}` is a field of every row; name it otherwise"
            )
        if function.name in functions:
            raise InputError(f"{path}: another file given declares {function.name!r}, too")
        functions[function.name] = function
    return tuple(functions.values())


def prepare(function: Function, model: Labeller, asking: Asking) -> Similar:
    """
    Embed the texts of a function's labels.

    Raises ``InputError`` for a function that similarity cannot answer, or that reads other fields.
    """
    manifest = model.manifest
    if function.input.template != manifest.template:
        raise InputError(
            f"{function.name}: it reads {function.input.template!r}, and bundle {manifest.id} reads "
            f"{manifest.template!r}"
        )
    groups = label_texts(function, manifest.languages or ("en",))
    vectors = [
        _embed([compose(text, "", manifest.max_chars) for text in group], model, asking, name)
        for name, group in zip(function.label_names, groups, strict=True)
    ]
    trained = next((head for head in manifest.heads if head.name == function.name), None)
    if trained is not None and (
        trained.kind == "tokens" or (trained.kind == "several") != (function.output == "several")
    ):
        raise InputError(
            f"{function.name}: its output is {function.output}, and the head of that name in bundle "
            f"{manifest.id} is of kind {trained.kind}; give the function another name"
        )
    several = function.output == "several"
    head = Head(
        name=function.name, kind="several" if several else "single", labels=function.label_names
    )
    if trained is not None or several:
        head = replace(head, threshold=trained.threshold if trained is not None else SEVERAL)
    return Similar(function, prototypes_of(vectors), head, trained)


def _embed(
    texts: Sequence[str], model: Labeller, asking: Asking, label: str
) -> NDArray[np.float64]:
    rows = model.encode(texts)
    vectors: list[NDArray[np.float64]] = []
    for at in range(0, len(rows), _BATCH):
        for answer in asking.ask(
            rows[at : at + _BATCH], lambda scores, part: apart(scores, len(part))
        ):
            if isinstance(answer, Rejected) or answer.embedding is None:
                raise InputError(
                    f"label {label}: the model cannot read one of its texts ({answer})"
                )
            vectors.append(answer.embedding)
    return np.concatenate(vectors)
