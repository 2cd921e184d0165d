"""
The rows of ``detect``: one line of a file, as ``classify`` writes it, and what it counts in.

A row needs ``published_at`` and ``sentiment`` (``predicted_sentiment`` wins); ``topics``, ``title``,
``source``, ``url``, ``arrived_at``, ``story``, ``new_in`` and ``bundle`` are used where they are there. Rule: what
cannot be used is refused with file and line, but for rows that ``classify`` could not read, and texts in
a language that the bundle does not know: those are left out and counted.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from groundswell.errors import InputError
from groundswell.events import SENTIMENTS

_CJK: Final = "⺀"
"""From this character on, words stand without spaces between them."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a row that ``detect`` reads."""

    published_at: str = ""
    arrived_at: str | None = None
    title: str | None = None
    text: str | None = None
    body: str | None = None
    source: str | None = None
    url: str | None = None
    story: str | None = None
    new_in: tuple[str, ...] | None = None
    bundle: str | None = None
    read: bool = True
    sentiment: Any = None
    predicted_sentiment: Any = None
    topics: Any = None
    predicted_topics: Any = None
    error: Any = None


class Row(NamedTuple):
    """A row that counts: its line, its time, whether that is a whole day, and its labels."""

    line: int
    item: Item
    at: datetime
    arrived: datetime | None
    day_only: bool
    sentiment: str
    probability: float | None
    topics: tuple[str, ...]

    @property
    def words(self) -> str:
        """Title and body, folded for comparing."""
        parts = (self.item.title or self.item.text or "", self.item.body or "")
        return folded(" ".join(parts))


class Skipped:
    """Counts the rows that are left out."""

    def __init__(self) -> None:
        self.rows = 0


_decoder: Final = msgspec.json.Decoder(Item)


def rows(file: Path, skipped: Skipped) -> Iterator[Row]:
    """Yield the rows of a file of JSON lines. Raises ``InputError`` with file and line."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                item = _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise InputError(f"{file}:{number}: {error}") from error
            if item.error is not None or not item.read:
                skipped.rows += 1
                continue
            yield _row(item, number, f"{file}:{number}")


def _row(item: Item, number: int, where: str) -> Row:
    at, day_only = _time(item.published_at, "published_at", where)
    arrived = _time(item.arrived_at, "arrived_at", where)[0] if item.arrived_at else None
    said = item.predicted_sentiment if item.predicted_sentiment is not None else item.sentiment
    label, probability = said, None
    if isinstance(said, dict):
        label = said.get("label")
        probabilities = said.get("probabilities")
        if isinstance(probabilities, dict) and isinstance(probabilities.get("negative"), float):
            probability = probabilities["negative"]
    if label not in SENTIMENTS:
        raise InputError(
            f"{where}: `sentiment` must have a label of {', '.join(SENTIMENTS)}; "
            "run `groundswell classify` first"
        )
    topics = item.predicted_topics if item.predicted_topics is not None else item.topics
    return Row(number, item, at, arrived, day_only, label, probability, _labels(topics, where))


def _labels(topics: Any, where: str) -> tuple[str, ...]:
    if not isinstance(topics, list | None):
        raise InputError(f"{where}: `topics` must be a list of labels")
    labels = [t.get("label") if isinstance(t, dict) else t for t in topics or ()]
    named = [label for label in labels if isinstance(label, str)]
    if len(named) < len(labels):
        raise InputError(f"{where}: `topics` must be a list of labels")
    return tuple(dict.fromkeys(named))


def _time(value: str, name: str, where: str) -> tuple[datetime, bool]:
    try:
        if len(value) <= len("2026-01-01"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC), True
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC), False
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: `{name}` is {value!r}; it must be a date, or a time like 2026-03-02T09:30:00Z"
        ) from error
    raise InputError(f"{where}: `{name}` is {value!r}, without a time zone; add Z or an offset")


def folded(text: str) -> str:
    """Return ``text`` with case and width folded (NFKC)."""
    return unicodedata.normalize("NFKC", text).casefold()


def by_words(match: str) -> Callable[[str], bool]:
    """
    Return a test of folded text for any of the words or phrases in ``match``, comma separated.

    Whole words; where words stand without spaces (Chinese, Japanese, Korean), anywhere. Raises
    ``InputError`` where there is no word.
    """
    words = [word for word in (folded(part).strip() for part in match.split(",")) if word]
    if not words:
        raise InputError(f"--match {match!r}: names no word")
    patterns = [
        re.escape(word) if word >= _CJK else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words
    ]
    pattern = re.compile("|".join(patterns))
    return lambda text: pattern.search(text) is not None
