"""The new model beside the champion, on rows that neither was trained on: the old ones and the new ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import numpy as np

from groundswell.tasks import Function
from training import checkpoint as store
from training.encode import Tokens, load_tokenizer, tokenise
from training.evaluate import Predicted, predict, spans_of
from training.evaluation.bootstrap import paired
from training.evaluation.judged import Judged, judge_several, judge_single, judge_spans, scores_of
from training.examples import Example, Spans, Truth
from training.hardware import Hardware
from training.refresh.material import is_new

CPU: Final = Hardware("cpu", 1, "fp32")


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """
    A head on some rows: what both models score, and the difference (new minus champion) with its 95 % interval.

    ``rows`` are ``old`` or ``new``; ``metric`` is accuracy, macro_f1 or micro_f1. ``better`` and ``worse``
    count the rows that only one of the two got right; ``p`` is McNemar's.
    """

    head: str
    rows: str
    count: int
    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    better: int
    worse: int
    p: float


def compare(champion: Path, challenger: Path, test: Sequence[Example]) -> list[Compared]:
    """Compare two checkpoints with the same heads; raises ``InputError`` where one cannot be read."""
    functions = store.read_checkpoint(challenger).functions
    sides = [e for e in test if not is_new(e)], [e for e in test if is_new(e)]
    found = []
    for name, rows in zip(("old", "new"), sides, strict=True):
        if not rows:
            continue
        theirs, ours = _said(champion, rows), _said(challenger, rows)
        for place, function in enumerate(functions):
            truths = [example.truths[place] for example in rows]
            if any(truth is not None for truth in truths):
                found.append(_compared(name, function, truths, theirs, ours))
    return found


class _Said(msgspec.Struct):
    rows: list[Tokens]
    heads: dict[str, Any]


def _said(directory: Path, examples: Sequence[Example]) -> _Said:
    checkpoint = store.read_checkpoint(directory)
    model = store.load_model(directory, checkpoint, attention="sdpa")
    tokenizer = load_tokenizer(
        directory / store.TOKENIZER, checkpoint.max_tokens, checkpoint.truncation
    )
    texts = [example.text[: checkpoint.max_chars] for example in examples]
    rows = tokenise(tokenizer, texts, checkpoint.token_types)
    return _Said(rows, dict(predict(model, rows, CPU)))


def _compared(
    name: str, function: Function, truths: Sequence[Truth], theirs: _Said, ours: _Said
) -> Compared:
    before = judged(function, truths, theirs.rows, theirs.heads[function.name])
    now = judged(function, truths, ours.rows, ours.heads[function.name])
    metric = "micro_f1" if function.output == "tokens" else function.primary
    difference = paired(now, before)
    estimate = getattr(difference, metric)
    return Compared(
        head=function.name,
        rows=name,
        count=len(now),
        metric=metric,
        champion=_score(before, metric),
        challenger=_score(now, metric),
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        better=difference.better,
        worse=difference.worse,
        p=difference.p,
    )


def judged(
    function: Function, truths: Sequence[Truth], rows: Sequence[Tokens], said: Predicted
) -> Judged:
    """Judge what a head says of the rows that have a truth."""
    kept = [place for place, truth in enumerate(truths) if truth is not None]
    names = function.label_names
    if function.output == "tokens":
        spans = [spans_of(function.outputs, rows[place], said[place]) for place in kept]
        return judge_spans([cast("Spans", truths[place]) for place in kept], spans, names)
    logits = np.asarray(said)[kept]
    if function.output == "several":
        true = np.zeros(logits.shape, dtype=bool)
        for line, place in zip(true, kept, strict=True):
            line[list(cast("frozenset[int]", truths[place]))] = True
        return judge_several(true, logits >= 0.0, names)
    places = np.array([truths[place] for place in kept], dtype=np.int64)
    return judge_single(places, logits.argmax(axis=1), names)


def _score(found: Judged, metric: str) -> float:
    sums = found.flat.sum(axis=0)
    if metric == "accuracy":
        return float(sums[-1] / len(found))
    return float(scores_of(sums, len(found.labels))[metric])


def worth(found: Sequence[Compared]) -> tuple[bool, str]:
    """
    Say whether the new model is worth the gates: it must not be worse on the new rows.

    Old rows are the gates' business. Without a held-out new row nothing is known, and the gates decide.
    """
    new = [each for each in found if each.rows == "new"]
    if not new:
        return True, "no new row is held out: the gates decide alone"
    told = ", ".join(
        f"{each.head} {each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}] on {each.count}"
        for each in new
    )
    worse = [each.head for each in new if each.difference < 0.0]
    if worse:
        return False, f"worse than the champion on new rows in {', '.join(worse)}: {told}"
    return True, f"on new rows: {told}"
