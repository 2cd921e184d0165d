"""
The queue of `groundswell feedback queue`: classified items become candidates, and the chosen ones rows to label.

Rows are what ``classify`` wrote, or records of topic ``opinions``; both hold ``sentiment`` with its
probabilities, and ``topics``. A row leaves with its text fields, the field that is asked, what the model
said, and why it is asked; whoever labels it fills in ``label``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from training.data.rows import text_id
from training.refresh.core.queue import Candidate, choose
from training.refresh.labels import TEXTS

MINUTE_MS: Final = 60_000


class Disputed(NamedTuple):
    """An alert that somebody called wrong: its series, and the minutes (since 1970) that it spans."""

    id: str
    series: str
    first: int
    last: int


def id_of(row: Mapping[str, Any]) -> str:
    """Return the name of an item: its own, else a hash of what it says, as the trainer names rows."""
    given = row.get("id")
    return str(given) if given not in {None, ""} else text_id(row)


def probabilities_of(row: Mapping[str, Any], field: str) -> dict[str, float]:
    """Return what a model said in a field; empty where it said nothing of use."""
    said = row.get("topics" if field == "topic" else field)
    if isinstance(said, Mapping) and isinstance(said.get("probabilities"), Mapping):
        return {str(k): float(v) for k, v in said["probabilities"].items()}
    if isinstance(said, list):
        named = [one for one in said if isinstance(one, Mapping)]
        return {str(one.get("label")): float(one.get("probability", 0.0)) for one in named}
    return {}


def minute_of(row: Mapping[str, Any]) -> int | None:
    """Return the minute in which an item was published, None if it does not say."""
    try:
        when = datetime.fromisoformat(str(row.get("published_at")))
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(when.timestamp() * 1000) // MINUTE_MS


def drives(row: Mapping[str, Any], alerts: Sequence[Disputed]) -> str:
    """Return the disputed alert that an item speaks for: negative, of its series, in its minutes; "" for none."""
    tones = probabilities_of(row, "sentiment")
    if not tones or max(tones, key=lambda label: tones[label]) != "negative":
        return ""
    series = {"all", *(f"topic:{label}" for label in probabilities_of(row, "topic"))}
    minute = minute_of(row)
    for alert in alerts:
        if alert.series in series and minute is not None and alert.first <= minute <= alert.last:
            return alert.id
    return ""


def queue(
    rows: Iterable[Mapping[str, Any]],
    field: str,
    count: int,
    *,
    challenger: Iterable[Mapping[str, Any]] = (),
    alerts: Sequence[Disputed] = (),
    settled: Collection[tuple[str, str]] = (),
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return the rows to label, each with ``reason`` and ``why``; of an item that stands twice the last counts."""
    held = {id_of(row): row for row in rows if probabilities_of(row, field)}
    others = {id_of(row): probabilities_of(row, field) for row in challenger}
    candidates = [
        Candidate(
            item,
            probabilities_of(row, field),
            others.get(item) or None,
            str(row.get("story") or ""),
            drives(row, alerts),
        )
        for item, row in held.items()
    ]
    known = {item for item, of in settled if of == field}
    asked = choose(candidates, count, settled=known, seed=seed)
    return [_row(held[each.item], field, each.item, each.reason, each.why) for each in asked]


def _row(row: Mapping[str, Any], field: str, item: str, reason: str, why: str) -> dict[str, Any]:
    said = probabilities_of(row, field)
    texts = {name: row[name] for name in (*TEXTS, "url") if row.get(name)}
    return {
        "id": item,
        **texts,
        "field": field,
        "said": max(said, key=lambda label: said[label]),
        "probabilities": said,
        "bundle": row.get("bundle", ""),
        "reason": reason,
        "why": why,
        "label": "",
    }
