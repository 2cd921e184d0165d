"""
Everything that is measured of one head.

Rule: whatever could not be measured is named in the notes with its reason; nothing is left out silently.
"""

from collections.abc import Sequence

from training.evaluation import probes
from training.evaluation.bootstrap import estimates
from training.evaluation.compare import with_baseline, with_other
from training.evaluation.decide import (
    Said,
    as_places,
    calibration_of,
    coverage_of,
    judge,
    said_of,
)
from training.evaluation.entities import ByToken, Units, by_token
from training.evaluation.figures import HeadFigures
from training.evaluation.leakage import neighbours_of
from training.evaluation.predictors import Asked, Material
from training.evaluation.scores import score
from training.evaluation.slices import metric, slices_of
from training.examples import Example, Spans, Truth


def measure_head(material: Material, place: int) -> HeadFigures:
    """Measure the head whose truths stand at ``place``; at least one row has one."""
    asked = material.heads[place]
    function = asked.function
    rows = [n for n, e in enumerate(material.examples) if e.truths[place] is not None]
    examples = [material.examples[n] for n in rows]
    truths = [example.truths[place] for example in examples]
    said = said_of(asked, material.answers, rows)
    judged = judge(asked, said, truths)
    notes: list[str] = []
    baseline = with_baseline(asked, material.train, examples, place, judged, notes)
    against = None
    if material.other is not None:
        against = with_other(material.other, asked, rows, truths, said, judged, notes)
    behaviour = probes.behaviour(material, place, rows, said, notes)
    explained = probes.explanations(material, asked, rows, said, notes)
    return HeadFigures(
        name=function.name,
        output=function.output,
        labels=function.label_names,
        primary=metric(function),
        scores=estimates(judged),
        confusion=_confusion(said, truths, len(function.labels)),
        by_token=_by_token(
            asked, examples, truths, said, [material.answers.words[n] for n in rows]
        ),
        baseline=baseline,
        against=against,
        neighbours=neighbours_of(material.train, examples, judged, notes),
        calibration=calibration_of(said, truths),
        coverage=coverage_of(said, judged),
        slices=slices_of(function, examples, judged),
        behaviour=behaviour,
        faithfulness=explained,
        notes=tuple(notes),
    )


def _confusion(
    said: Said, truths: Sequence[Truth], labels: int
) -> tuple[tuple[int, ...], ...] | None:
    if said.places is None:
        return None
    return score(as_places(truths), said.places, labels).confusion


def _by_token(
    asked: Asked,
    examples: Sequence[Example],
    truths: Sequence[Truth],
    said: Said,
    words: Sequence[Units],
) -> ByToken | None:
    if asked.function.output != "tokens":
        return None
    marked = [truth for truth in truths if isinstance(truth, Spans)]
    return by_token(examples, marked, said.spans, words, asked.function.outputs)
