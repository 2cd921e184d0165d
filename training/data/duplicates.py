"""
Exact duplicates: examples that read alike become one, where their truths agree.

Rule: nothing is lost. Where two copies contradict each other for a task both stay, and
``training.data.review`` shows them; ``mask_truths`` takes the truths in question out, if one asks for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from training.examples import Example, Span, Spans, Truth


def merge_duplicates(examples: Iterable[Example]) -> tuple[Example, ...]:
    """
    Return one example a text and agreeing truths, in order of first appearance.

    The first copy gives id, source and fields; a task that it says nothing of is taken from the later ones.
    """
    kept: dict[str, list[Example]] = {}
    for example in examples:
        copies = kept.setdefault(example.text, [])
        for place, copy in enumerate(copies):
            truths = joined(copy.truths, example.truths)
            if truths is not None:
                copies[place] = replace(copy, truths=truths)
                break
        else:
            copies.append(example)
    return tuple(example for copies in kept.values() for example in copies)


def joined(a: Sequence[Truth], b: Sequence[Truth]) -> tuple[Truth, ...] | None:
    """Return the truths of two copies as one, or None where they contradict each other."""
    truths: list[Truth] = []
    for one, other in zip(a, b, strict=True):
        if one is None or other is None or one == other:
            truths.append(other if one is None else one)
        elif isinstance(one, Spans) and isinstance(other, Spans) and (both := _both(one, other)):
            truths.append(both)
        else:
            return None
    return tuple(truths)


def _both(one: Spans, other: Spans) -> Spans | None:
    """Join stretches that agree on the labels that both looked for, and do not overlap otherwise."""
    common = one.known & other.known
    if _of(one, common) != _of(other, common):
        return None
    spans = sorted({*one.spans, *other.spans})
    if any(b.start < a.end for a, b in pairwise(spans)):
        return None
    return Spans(tuple(spans), one.known | other.known)


def _of(truth: Spans, labels: frozenset[str]) -> list[Span]:
    return [span for span in truth.spans if span.label in labels]


def mask_truths(
    examples: Iterable[Example], masked: Mapping[tuple[str, str], frozenset[int]]
) -> tuple[Example, ...]:
    """
    Take the truths of tasks out: ``masked`` maps source and id of an example to places of tasks.

    An example of which no truth is left falls out.
    """
    kept = []
    for example in examples:
        places = masked.get((example.source, example.id), frozenset())
        truths = tuple(
            None if place in places else truth for place, truth in enumerate(example.truths)
        )
        if any(truth is not None for truth in truths):
            kept.append(replace(example, truths=truths))
    return tuple(kept)
