"""
Stretches and tags over the data's own tokens, as published figures count them.

A stretch of characters tags the tokens that it touches: ``B-`` the first, ``I-`` the others. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from groundswell.models.spans import stretches
from groundswell.tasks import OUTSIDE
from training.evaluation.scores import EntityScore, TokenScore, entity_scores, token_scores
from training.examples import Example, Span, Spans

Units: TypeAlias = Sequence[tuple[int, int]]
"""Start and end in characters of each token of a text, in order."""


@dataclass(frozen=True, slots=True)
class ByToken:
    """
    Scores over tokens: ``own`` rows were scored over the tokens of the data, others over the model's words.

    ``entities`` counts stretches of whole tokens, as seqeval does with the same tags.
    """

    own: int
    tokens: TokenScore
    entities: EntityScore


def units_of(example: Example, words: Units) -> tuple[Units, bool]:
    """Return the tokens of the row if it has them and its text is those, else ``words``."""
    tokens: Any = example.fields.get("tokens")
    if not isinstance(tokens, list) or " ".join(tokens) != example.text:
        return words, False
    units, at = [], 0
    for token in tokens:
        units.append((at, at + len(token)))
        at += len(token) + 1
    return units, True


def tags_of(units: Units, spans: Sequence[Span]) -> list[str]:
    """Return the tag of each token; of two stretches that touch it the first counts."""
    tags = [OUTSIDE] * len(units)
    for span in spans:
        part = "B"
        for place, (start, end) in enumerate(units):
            if start < span.end and span.start < end and tags[place] == OUTSIDE:
                tags[place] = f"{part}-{span.label}"
                part = "I"
    return tags


def by_token(
    examples: Sequence[Example],
    truth: Sequence[Spans],
    given: Sequence[Sequence[Span]],
    words: Sequence[Units],
    outputs: Sequence[str],
) -> ByToken:
    """Score what was given for each row over its tokens; ``outputs`` are the head's tags."""
    own = 0
    true_tags: list[list[str]] = []
    given_tags: list[list[str]] = []
    for example, true, found, seen in zip(examples, truth, given, words, strict=True):
        units, is_own = units_of(example, seen)
        own += is_own
        true_tags.append(tags_of(units, true.spans))
        given_tags.append(tags_of(units, [s for s in found if s.label in true.known]))
    labels = [output[2:] for output in outputs if output.startswith("B-")]
    return ByToken(
        own=own,
        tokens=token_scores(true_tags, given_tags, outputs),
        entities=entity_scores(_spans(true_tags), _spans(given_tags), labels),
    )


def _spans(rows: Sequence[Sequence[str]]) -> list[list[Span]]:
    return [[Span(*found) for found in stretches(tags)] for tags in rows]
