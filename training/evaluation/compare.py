"""The model against others on the same rows: TF-IDF of its own training rows, or another model."""

from collections.abc import Sequence

from training.evaluation.bootstrap import Estimate, estimates, paired, share
from training.evaluation.decide import Said, as_chosen, as_places, judge, said_of
from training.evaluation.figures import Comparison
from training.evaluation.judged import Judged, judge_several, judge_single
from training.evaluation.predictors import Answers, Asked, Predictor
from training.examples import Example, Truth


def with_baseline(
    asked: Asked,
    train: Sequence[Example],
    examples: Sequence[Example],
    place: int,
    judged: Judged,
    notes: list[str],
) -> Comparison | None:
    """Compare with TF-IDF that was trained on ``train``; None, with a note, where that cannot be."""
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
        true = as_chosen(asked_truths, width)
        other = judge_several(true, given, function.label_names)
    else:
        other = judge_single(as_places(asked_truths), given.argmax(axis=1), function.label_names)
    name = f"TF-IDF, trained on {len(known):,} rows"
    return Comparison(
        name=name,
        scores=estimates(other),
        paired=paired(judged, other),
        agreement=_agreement((judged.counts[:, 1] == other.counts[:, 1]).all(axis=1).tolist()),
    )


def with_other(
    other: tuple[Predictor, Answers],
    asked: Asked,
    rows: Sequence[int],
    truths: Sequence[Truth],
    said: Said,
    judged: Judged,
    notes: list[str],
) -> Comparison | None:
    """Compare with another model; None, with a note, where it has no head with these labels."""
    predictor, answers = other
    theirs = predictor.heads.get(asked.function.name)
    if theirs is None or theirs.function.outputs != asked.function.outputs:
        notes.append(f"not compared: {predictor.about.name} has no head with these labels")
        return None
    answered = said_of(theirs, answers, rows)
    found = judge(theirs, answered, truths)
    about = predictor.about
    return Comparison(
        name=f"{about.name} ({about.precision})",
        scores=estimates(found),
        paired=paired(judged, found),
        agreement=_agreement(
            [ours == its for ours, its in zip(said.key, answered.key, strict=True)]
        ),
    )


def _agreement(same: Sequence[bool]) -> Estimate:
    return share(sum(same), len(same))
