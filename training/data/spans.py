"""
Truths of token tasks: from ``entities``, or ``tokens`` with ``tags``, to stretches of what the model reads.

Rules: places count in the raw ``text`` (``title`` where there is no text), tokens are joined by blanks. A
stretch that the text no longer holds once it is normalised (a name inside a link, or behind the limit) is
left out and counted; one that cannot be right is refused with its row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from groundswell.errors import InputError
from groundswell.tasks import OUTSIDE
from training.data.align import trace
from training.data.cards import Card
from training.data.rows import Row
from training.examples import Span, Spans


@dataclass(frozen=True, slots=True)
class Marked:
    """The stretches of a text, and how many of the row's were ``lost``."""

    truth: Spans
    lost: int


def mark(
    row: Row, field: str, labels: Sequence[str], card: Card, *, limit: int, shift: int
) -> Marked | None:
    """
    Return the stretches of ``row`` in the composed text, or None where the row says nothing of them.

    ``shift`` is where the text begins in the template. Raises ``InputError`` that names the row.
    """
    found = raw_spans(row, field)
    if found is None:
        return None
    if row.fields.get("body"):
        raise InputError(
            f"{row.origin}: {field} counts characters of one text; join title and body into `text`"
        )
    known = frozenset(card.annotated.get(field, labels))
    if strangers := sorted(known.difference(labels)):
        raise InputError(
            f"the card of {card.name}: annotated.{field} names {', '.join(strangers)}; "
            f"the function knows {', '.join(labels)}"
        )
    mapping = card.labels.get(field, {})
    named = [
        Span(start, end, label)
        for start, end, kind in found
        if (label := _label(row, field, kind, mapping, labels)) is not None
    ]
    if not named:
        return Marked(Spans((), known), 0)
    try:
        traced = trace(_raw(row), limit)
    except ValueError as error:
        raise InputError(f"{row.origin}: {error}") from None
    placed = [(traced.place(span.start, span.end), span.label) for span in named]
    spans = tuple(
        Span(place[0] + shift, place[1] + shift, label) for place, label in placed if place
    )
    return Marked(Spans(spans, known), len(placed) - len(spans))


def raw_spans(row: Row, field: str) -> list[Span] | None:
    """Return a row's stretches with their types in characters of the raw text, in order."""
    value = row.fields.get(field)
    if value is None and field == "entities":
        value = row.fields.get("tags")
    if value is None:
        return None
    if not isinstance(value, list):
        raise InputError(
            f"{row.origin}: {field} must be a list of {{text, type, start, end}}, or of tags"
        )
    if value and isinstance(value[0], str):
        return _from_tags(row, field, value)
    spans = sorted(_span(row, field, item) for item in value)
    for a, b in pairwise(spans):
        if b.start < a.end:
            raise InputError(
                f"{row.origin}: {field}: {_shown(row, a)} and {_shown(row, b)} overlap"
            )
    return spans


def _raw(row: Row) -> str:
    return str(row.fields.get("text") or row.fields.get("title"))


def _shown(row: Row, span: Span) -> str:
    return f"{_raw(row)[span.start : span.end]!r} ({span.start} to {span.end})"


def _span(row: Row, field: str, item: Any) -> Span:
    if not isinstance(item, Mapping):
        raise InputError(f"{row.origin}: {field}: {item!r} is no {{text, type, start, end}}")
    start, end, kind = (item.get(name) for name in ("start", "end", "type"))
    if type(start) is not int or type(end) is not int or not isinstance(kind, str):
        raise InputError(f"{row.origin}: {field}: {dict(item)!r} needs a type, a start and an end")
    raw = _raw(row)
    if not 0 <= start < end <= len(raw):
        raise InputError(
            f"{row.origin}: {field}: {start} to {end} is no stretch of a text of {len(raw)} characters"
        )
    if item.get("text", raw[start:end]) != raw[start:end]:
        raise InputError(
            f"{row.origin}: {field}: {start} to {end} reads {raw[start:end]!r}, not {item['text']!r}"
        )
    return Span(start, end, kind)


def _from_tags(row: Row, field: str, tags: list[Any]) -> list[Span]:
    tokens = row.fields.get("tokens")
    if not isinstance(tokens, list) or len(tokens) != len(tags):
        count = len(tokens) if isinstance(tokens, list) else "no"
        raise InputError(
            f"{row.origin}: {len(tags)} {field} for {count} tokens; write one tag (O, B-NAME or I-NAME) for "
            "each of `tokens`, or `entities` as a list of {text, type, start, end}"
        )
    if _raw(row) != " ".join(tokens):
        raise InputError(f"{row.origin}: text must be the tokens joined by blanks, or absent")
    spans: list[Span] = []
    start, inside = 0, ""
    for token, tag in zip(tokens, tags, strict=True):
        part, _, kind = tag.partition("-") if isinstance(tag, str) else ("", "", "")
        if tag != OUTSIDE and (part not in {"B", "I"} or not kind):
            raise InputError(f"{row.origin}: tag {tag!r} is neither O nor B-NAME nor I-NAME")
        end = start + len(token)
        if part == "I" and inside == kind:
            spans[-1] = Span(spans[-1].start, end, kind)
        elif tag != OUTSIDE:
            spans.append(Span(start, end, kind))
        start, inside = end + 1, kind
    return spans


def _label(
    row: Row, field: str, kind: str, mapping: Mapping[str, str | None], labels: Sequence[str]
) -> str | None:
    label = mapping.get(kind, kind)
    if label is not None and label not in labels:
        raise InputError(
            f"{row.origin}: {field} holds the type {kind!r}; the function knows {', '.join(labels)}; "
            f"the set's card can map it: `labels: {{{field}: {{{kind}: null}}}}`"
        )
    return label
