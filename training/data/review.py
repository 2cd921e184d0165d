"""
The review file: labels that a person should look at, one JSON object a line.

Two reasons: ``conflict`` (a text, or one at least ``ALIKE`` to it, bears another label) and ``suspect``
(confident learning doubts it). Rule: the file only shows. Rows stay as they are unless the run asks for
``drop_conflicts``; what is suspect is never dropped, since a model doubts what is rare as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

from training.data.confident import FOLDS, Floats, cross_fit, features_of, suspects
from training.data.duplicates import joined
from training.data.neighbours import shingles, similarity
from training.examples import Example, Spans, Truth
from training.functions import Task

ALIKE: Final = 0.9
"""The similarity of shingles from which two texts should bear one label."""
NAME: Final = "review.jsonl"
_COMPARED: Final = 200
"""Of a larger cluster each row is compared with so many that follow it."""


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """One label in doubt; ``suggested`` is another row's for a conflict, the model's for a suspect."""

    id: str
    source: str
    file: str
    line: int
    text: str
    function: str
    field: str
    given: str
    suggested: str
    probability: float | None = None
    reason: Literal["conflict", "suspect"]
    other: str = ""
    """For a conflict: ``FILE:LINE`` of the other row."""


def find_conflicts(
    examples: Sequence[Example], clusters: Sequence[int], tasks: Sequence[Task]
) -> list[Doubt]:
    """
    Return both sides of each conflict, once a row and task, in the order of the examples.

    ``clusters`` are the examples' clusters of near-duplicates (``cluster_examples``). Token tasks conflict
    only where the texts are the same.
    """
    groups: dict[int, list[int]] = {}
    for row, cluster in enumerate(clusters):
        groups.setdefault(cluster, []).append(row)
    found: dict[tuple[int, int], Doubt] = {}
    for group in groups.values():
        sets: dict[int, frozenset[int]] = {}
        for place, row in enumerate(group):
            for other in group[place + 1 : place + 1 + _COMPARED]:
                a, b = examples[row], examples[other]
                at = [n for n in range(len(tasks)) if _contradict(a, b, n)]
                if not at or not _alike(a.text, b.text, row, other, sets):
                    continue
                for n in at:
                    found.setdefault((row, n), _conflict(a, b, n, tasks[n]))
                    found.setdefault((other, n), _conflict(b, a, n, tasks[n]))
    return [found[key] for key in sorted(found)]


def _alike(a: str, b: str, row: int, other: int, sets: dict[int, frozenset[int]]) -> bool:
    """Whether two texts are at least ``ALIKE``; ``sets`` remembers shingles by row."""
    if a == b:
        return True
    for place, text in ((row, a), (other, b)):
        if place not in sets:
            sets[place] = shingles(text)
    return similarity(sets[row], sets[other]) >= ALIKE


def _contradict(a: Example, b: Example, place: int) -> bool:
    one, other = a.truths[place], b.truths[place]
    if one is None or other is None or one == other:
        return False
    if isinstance(one, Spans):
        return a.text == b.text and joined((one,), (other,)) is None
    # Rows about two entities of one text may well differ.
    return a.fields.get("entity") == b.fields.get("entity")


def find_suspects(
    examples: Sequence[Example],
    clusters: Sequence[int],
    tasks: Sequence[Task],
    probabilities: Mapping[str, Floats] | None = None,
    *,
    folds: int = FOLDS,
    seed: int = 1,
) -> list[Doubt]:
    """
    Return the suspect labels of all but token tasks, the clearest of each question first.

    Where several labels may apply each is a question of its own: whether it does. ``probabilities`` maps a
    task's name to out-of-fold probabilities [examples with a truth, labels]; for the others a linear model
    is cross-fitted, which needs scikit-learn.
    """
    doubts = []
    for place, task in enumerate(tasks):
        rows = [row for row, e in enumerate(examples) if e.truths[place] is not None]
        if task.function.output == "tokens" or not rows:
            continue
        known = (probabilities or {}).get(task.name)
        features = None if known is not None else features_of([examples[r].text for r in rows])
        groups = [clusters[row] for row in rows]
        for question in _questions([examples[row].truths[place] for row in rows], task):
            given = question.of(known)
            if given is None and len(set(question.labels)) > 1:
                given = cross_fit(
                    features, question.labels, groups, question.size, folds=folds, seed=seed
                )
            for suspect in [] if given is None else suspects(given, question.labels):
                example = examples[rows[suspect.row]]
                truth = example.truths[place]
                doubts.append(
                    _doubt(
                        example,
                        task,
                        given=shown(truth, task),
                        suggested=shown(question.answer(truth, suspect.suggested), task),
                        reason="suspect",
                        probability=round(suspect.probability, 4),
                    )
                )
    return doubts


@dataclass(frozen=True, slots=True)
class _Question:
    """What a label is doubted by: which of all, or for label number ``label`` whether it applies."""

    labels: Sequence[int]
    size: int
    label: int | None = None

    def of(self, known: Floats | None) -> Floats | None:
        """Return the probabilities [rows, size] of the question, of those of all labels."""
        if known is None or self.label is None:
            return known
        return np.stack([1 - known[:, self.label], known[:, self.label]], axis=1)

    def answer(self, truth: Truth, suggested: int) -> Truth:
        """Return the truth that would answer the question otherwise."""
        if self.label is None or not isinstance(truth, frozenset):
            return suggested
        return truth ^ {self.label}


def _questions(truths: Sequence[Truth], task: Task) -> list[_Question]:
    size = len(task.function.labels)
    if task.function.output != "several":
        return [_Question([truth for truth in truths if isinstance(truth, int)], size)]
    sets = [truth for truth in truths if isinstance(truth, frozenset)]
    return [_Question([int(n in truth) for truth in sets], 2, n) for n in range(size)]


def shown(truth: Truth, task: Task) -> str:
    """Return a truth as a reader would write it."""
    names = task.function.label_names
    if isinstance(truth, Spans):
        return ", ".join(f"{span.start}-{span.end} {span.label}" for span in truth.spans)
    if isinstance(truth, int):
        return names[truth]
    return ", ".join(names[place] for place in sorted(truth or ()))


def _conflict(a: Example, b: Example, place: int, task: Task) -> Doubt:
    return _doubt(
        a,
        task,
        given=shown(a.truths[place], task),
        suggested=shown(b.truths[place], task),
        reason="conflict",
        other=b.origin,
    )


def _doubt(
    example: Example,
    task: Task,
    *,
    given: str,
    suggested: str,
    reason: Literal["conflict", "suspect"],
    probability: float | None = None,
    other: str = "",
) -> Doubt:
    file, _, line = example.origin.rpartition(":")
    return Doubt(
        id=example.id,
        source=example.source,
        file=file,
        line=int(line) if line.isdigit() else 0,
        text=example.text,
        function=task.name,
        field=task.function.field,
        given=given,
        suggested=suggested,
        probability=probability,
        reason=reason,
        other=other,
    )


def write_review(directory: Path, doubts: Iterable[Doubt]) -> Path:
    """Write the doubts into ``review.jsonl`` of ``directory``; an empty file says that there are none."""
    path = directory / NAME
    path.write_bytes(b"".join(msgspec.json.encode(doubt) + b"\n" for doubt in doubts))
    return path


def conflicting(
    doubts: Iterable[Doubt], tasks: Sequence[Task]
) -> dict[tuple[str, str], frozenset[int]]:
    """Return the tasks whose truth conflicts, by source and id of the row: what ``mask_truths`` takes."""
    places = {task.name: place for place, task in enumerate(tasks)}
    found: dict[tuple[str, str], frozenset[int]] = {}
    for doubt in doubts:
        if doubt.reason == "conflict":
            key = (doubt.source, doubt.id)
            found[key] = found.get(key, frozenset()) | {places[doubt.function]}
    return found
