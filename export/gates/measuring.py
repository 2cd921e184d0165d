"""From the answers on the bench to the values that the gates decide on. Pure, but for asking a model again."""

from collections.abc import Sequence
from math import ceil
from typing import Final

import numpy as np

from export.gates.bench import Bench, Beside, comparable
from export.gates.core.measured import Churn, Compared, Gold, Part, Sureness, Tried
from training.evaluation import probes
from training.evaluation.bootstrap import mcnemar, resample
from training.evaluation.decide import Said, calibration_of, said_of
from training.evaluation.judged import Floats, Judged, scores_of
from training.evaluation.leakage import near_to
from training.evaluation.predictors import Material, Predictor
from training.evaluation.scores import Bools
from training.evaluation.slices import AGREEMENT, COMPUTED, metric, value_of

_TAIL: Final = 50
"""Draws of the bootstrap that shall stand beyond the bound that is asked for."""
_LEAST: Final = 2000
_MOST: Final = 50_000


def gold_of(beside: Beside, train: Sequence[str] | None) -> Gold:
    """Count the gold rows of a head by label, and those that resemble a training row."""
    true = beside.judged.counts[:, 2].sum(axis=0)
    labels = dict(zip(beside.judged.labels, (int(count) for count in true), strict=True))
    near = None
    if train is not None:
        near = int(near_to(train, [example.text for example in beside.examples]).sum())
    return Gold(beside.asked.function.name, len(beside.rows), labels, near)


def compared_of(beside: Beside, error: float) -> Compared | None:
    """Compare a head with the champion's; None if that has no such head."""
    if beside.champion is None:
        return None
    theirs = beside.champion[2]
    name = metric(beside.asked.function)
    difference, low = lower_bound(beside.judged, theirs, name, error)
    better, worse = _apart(beside.judged.right, theirs.right)
    return Compared(
        head=beside.asked.function.name,
        metric=name.replace("_f1", "-F1"),
        rows=len(beside.rows),
        difference=difference,
        low=low,
        error=error,
        better=better,
        worse=worse,
        p=mcnemar(better, worse),
    )


def lower_bound(ours: Judged, theirs: Judged, name: str, error: float) -> tuple[float, float]:
    """
    Return the difference of a score, and its lower bound at a one-sided ``error``.

    Paired bootstrap: both judgements are of the same rows, which are drawn together.
    """
    width = ours.flat.shape[1]
    both = np.column_stack([ours.flat, theirs.flat])
    draws = min(_MOST, max(_LEAST, ceil(_TAIL / error)))
    whole, drawn = both.sum(axis=0), resample(both, draws)

    def difference(sums: Floats) -> Floats:
        return _score(sums[..., :width], ours, name) - _score(sums[..., width:], theirs, name)

    return float(difference(whole)), float(np.quantile(difference(drawn), error, method="lower"))


def _score(sums: Floats, judged: Judged, name: str) -> Floats:
    if name == "accuracy":
        return np.asarray(sums[..., -1] / len(judged))
    return scores_of(sums, len(judged.labels))[name]


def _apart(ours: Bools, theirs: Bools) -> tuple[int, int]:
    return int((ours & ~theirs).sum()), int((theirs & ~ours).sum())


def parts_of(beside: Beside) -> list[Part]:
    """Return the slices of a head's gold rows, beside the champion; none without it."""
    if beside.champion is None:
        return []
    function, found = beside.asked.function, []
    for by in dict.fromkeys([*COMPUTED, *function.slices, "source", AGREEMENT]):
        values = np.array(
            [(e.source if by == "source" else value_of(by, e)) or "" for e in beside.examples]
        )
        for value in sorted(set(values.tolist()) - {""}):
            kept = values == value
            ours, theirs = beside.judged.right[kept], beside.champion[2].right[kept]
            if not kept.all():
                better, worse = _apart(ours, theirs)
                name = f"{by} {value}"
                found.append(Part(function.name, name, int(kept.sum()), better, worse))
    return found


def churn_of(
    ours: Predictor, champion: Predictor, texts: Sequence[str], source: str
) -> list[Churn]:
    """Count the texts that each head of whole texts labels otherwise than the champion's."""
    mine, its = ours.answer(texts), champion.answer(texts)
    found = []
    for name, asked in sorted(ours.heads.items()):
        other = comparable(asked, champion)
        if other is None or asked.function.output == "tokens":
            continue
        pairs = zip(
            said_of(asked, mine, range(len(texts))).key,
            said_of(other, its, range(len(texts))).key,
            strict=True,
        )
        found.append(Churn(name, len(texts), sum(a != b for a, b in pairs), source))
    return found


def sureness_of(beside: Beside) -> Sureness | None:
    """Measure the calibration of a head as served, and the champion's; None for a token head."""
    found = calibration_of(beside.said, beside.truths)
    if found is None:
        return None
    champion = None
    if beside.champion is not None:
        its = calibration_of(beside.champion[1], beside.truths)
        champion = its.ece if its else None
    return Sureness(beside.asked.function.name, len(beside.rows), found.ece, champion)


def behaviour_of(bench: Bench) -> list[Tried]:
    """Run the behavioural tests of all heads on this bundle."""
    return [tried for b in bench.heads for tried in _tried(bench.ours, b, b.said)]


def champion_behaviour(bench: Bench) -> list[Tried] | None:
    """Run the behavioural tests of the comparable heads on the champion; None without one."""
    if bench.theirs is None:
        return None
    return [
        tried
        for beside in bench.heads
        if beside.champion is not None
        for tried in _tried(bench.theirs, beside, beside.champion[1])
    ]


def _tried(material: Material, beside: Beside, said: Said) -> list[Tried]:
    tests = probes.behaviour(material, beside.place, beside.rows, said, [])
    function = beside.asked.function
    return [
        Tried(
            head=function.name,
            name=test.name,
            kind=test.kind,
            whole=function.output != "tokens",
            tried=test.tried - test.same,
            failures=test.failures,
        )
        for test in tests
    ]
