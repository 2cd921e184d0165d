"""
Everything that is measured of one head.

Rule: whatever could not be measured is named in the notes with its reason; nothing is left out silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.neighbours import SIMILAR, clusters, shingles, similarity
from training.evaluation import probes
from training.evaluation.bootstrap import Estimate, estimates, paired, share
from training.evaluation.decide import (
    Said,
    as_places,
    calibration_of,
    coverage_of,
    judge,
    said_of,
)
from training.evaluation.entities import ByToken, Units, by_token
from training.evaluation.figures import Comparison, HeadFigures, Neighbours
from training.evaluation.judged import Judged, judge_several, judge_single
from training.evaluation.predictors import Answers, Asked, Predictor
from training.evaluation.scores import Bools, score
from training.evaluation.slices import metric, slices_of
from training.examples import Example, Spans, Truth


@dataclass(frozen=True, slots=True)
class Material:
    """
    What there is to measure with.

    ``heads`` are in the order of the examples' truths. ``answers`` are the model's to ``examples``,
    ``other`` those of the model that it is compared with. ``train`` holds what it was trained on, with
    truths in the same order, or nothing. ``most`` bounds the texts that a test may ask about.
    """

    predictor: Predictor
    heads: tuple[Asked, ...]
    examples: tuple[Example, ...]
    answers: Answers
    other: tuple[Predictor, Answers] | None = None
    train: tuple[Example, ...] = ()
    most: int = 300


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
    baseline = _baseline(asked, material.train, examples, place, judged, notes)
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
        against=_against(material, asked, rows, truths, said, judged, notes),
        neighbours=_neighbours(material.train, examples, judged, notes),
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


def _baseline(
    asked: Asked,
    train: Sequence[Example],
    examples: Sequence[Example],
    place: int,
    judged: Judged,
    notes: list[str],
) -> Comparison | None:
    from training.baseline import answers

    function = asked.function
    known = [example for example in train if example.truths[place] is not None]
    if function.output == "tokens":
        notes.append("no TF-IDF baseline: it labels whole texts")
        return None
    if not known:
        notes.append("no TF-IDF baseline: no training rows of this head (--train-data)")
        return None
    width = len(function.labels)
    truths = [example.truths[place] for example in known]
    given = answers([e.text for e in known], truths, [e.text for e in examples], width)
    if given is None:
        notes.append("no TF-IDF baseline: the training rows hold one label only")
        return None
    asked_truths = [example.truths[place] for example in examples]
    if function.output == "several":
        true = np.zeros(given.shape, dtype=bool)
        for row, truth in enumerate(asked_truths):
            if isinstance(truth, frozenset):
                true[row, sorted(truth)] = True
        other = judge_several(true, given.astype(bool), function.label_names)
    else:
        other = judge_single(as_places(asked_truths), given.argmax(axis=1), function.label_names)
    name = f"TF-IDF, trained on {len(known):,} rows"
    return Comparison(
        name=name,
        scores=estimates(other),
        paired=paired(judged, other),
        agreement=_agreement((judged.counts[:, 1] == other.counts[:, 1]).all(axis=1).tolist()),
    )


def _against(
    material: Material,
    asked: Asked,
    rows: Sequence[int],
    truths: Sequence[Truth],
    said: Said,
    judged: Judged,
    notes: list[str],
) -> Comparison | None:
    if material.other is None:
        return None
    predictor, answers = material.other
    theirs = predictor.heads.get(asked.function.name)
    if theirs is None or theirs.function.outputs != asked.function.outputs:
        notes.append(f"not compared: {predictor.about.name} has no head with these labels")
        return None
    answered = said_of(theirs, answers, rows)
    other = judge(theirs, answered, truths)
    about = predictor.about
    return Comparison(
        name=f"{about.name} ({about.precision})",
        scores=estimates(other),
        paired=paired(judged, other),
        agreement=_agreement(
            [ours == its for ours, its in zip(said.key, answered.key, strict=True)]
        ),
    )


def _agreement(same: Sequence[bool]) -> Estimate:
    return share(sum(same), len(same))


def _neighbours(
    train: Sequence[Example], examples: Sequence[Example], judged: Judged, notes: list[str]
) -> Neighbours | None:
    if not train:
        notes.append("near-duplicates of the training rows: not known without them (--train-data)")
        return None
    near = near_to([e.text for e in train], [e.text for e in examples])
    return Neighbours(
        similar=SIMILAR,
        near=int(near.sum()),
        rows=len(near),
        near_scores=estimates(judged.only(near)) if near.any() else None,
        other_scores=estimates(judged.only(~near)) if not near.all() else None,
    )


def near_to(train: Sequence[str], texts: Sequence[str]) -> Bools:
    """Return which of ``texts`` have a near-duplicate in ``train``, bool [texts]."""
    cluster = clusters([*train, *texts])
    members: dict[int, list[frozenset[int]]] = {}
    for text, number in zip(train, cluster, strict=False):
        members.setdefault(number, []).append(shingles(text))
    near = np.zeros(len(texts), dtype=bool)
    for place, (text, number) in enumerate(zip(texts, cluster[len(train) :], strict=True)):
        own = shingles(text) if number in members else frozenset()
        near[place] = any(similarity(own, other) >= SIMILAR for other in members.get(number, ()))
    return near
