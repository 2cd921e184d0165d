"""
What happens to a record: admit (decode, compose, encode), then settle (infer, label), then write down.

Rules: plain sequences over many records at a time, run in threads, knowing neither Kafka nor the loop;
every record ends as exactly one verdict or as work; whatever a producer sends is refused with its
reason, or bounded.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from consumers.news.core.sketch import sketch_of
from consumers.news.core.stories import Place, Told, told_of
from consumers.news.labels import Labelling, Labels
from consumers.news.ports import Labeller
from groundswell.errors import Rejected
from groundswell.events import (
    TICK_HEADER,
    Gap,
    NewsItem,
    Opinion,
    Origin,
    Refusal,
    Tick,
    encode_log,
    instant,
)
from groundswell.models.tokens import Row
from groundswell.news import decode_item
from groundswell.text import compose, language_of

MAX_TITLE: Final = 2048
"""Characters of the title that the opinion keeps: no opinion may outgrow a Kafka record."""
MAX_DETAIL: Final = 500
"""Characters of the detail that a refusal keeps."""
_EMPTY: Final = Row([])


class Incoming(NamedTuple):
    """A record that was read: the place that it will settle, and when it arrived (ms)."""

    origin: Origin
    arrived: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Work(NamedTuple):
    """An item that the model can read; ``published_at`` in UTC, ``row`` holds one token at least."""

    origin: Origin
    arrived: int
    item: NewsItem
    published_at: datetime
    language: str
    read: bool
    row: Row


class Verdict(NamedTuple):
    """What is to be published for a source offset; ``refused`` holds reason and detail."""

    value: bytes
    refused: Rejected | None = None


class Labelled(NamedTuple):
    """An item with its labels, which lacks only its story; ``told`` is what is asked about it."""

    opinion: Opinion
    told: Told


class Pipeline:
    """The steps in threads; ``max_bytes`` is the limit of a record, ``probe`` a text the model reads."""

    def __init__(self, model: Labeller, probe: str, max_bytes: int) -> None:
        self._model = model
        self._bundle = model.manifest.id
        self._languages = frozenset(model.manifest.languages)
        self._max_chars = model.manifest.max_chars
        self._max_bytes = max_bytes
        self._labelling = Labelling(model, probe)

    @property
    def workers(self) -> int:
        """How many batches may be settled at once."""
        return self._model.workers

    def admit(self, records: Sequence[Incoming]) -> list[Work | Verdict]:
        """Return what becomes of each record, in order."""
        out: list[Work | Verdict] = []
        waiting: list[tuple[int, str]] = []
        for record in records:
            if any(key == TICK_HEADER for key, _ in record.headers):
                out.append(_tick(record))
                continue
            try:
                work, text = self._read(record)
            except Rejected as error:
                out.append(refuse(record.origin, record.arrived, error))
                continue
            waiting.append((len(out), text))
            out.append(work)
        encoded = self._model.encode([text for _, text in waiting]) if waiting else []
        for (place, _), row in zip(waiting, encoded, strict=True):
            work = out[place]  # type: ignore[assignment] # only places of work are waiting
            if row:
                out[place] = work._replace(row=row)
            else:
                empty = Rejected("no_text", "the tokenizer finds no token in it")
                out[place] = refuse(work.origin, work.arrived, empty)
        return out

    def settle(self, batch: Sequence[Work]) -> list[Verdict | Labelled]:
        """
        Ask the model about a batch; return each item with its labels, or its refusal, in order.

        Raises ``CannotContinue`` if the model is broken.
        """
        out: list[Verdict | Labelled] = []
        for work, labels in zip(
            batch, self._labelling.label([work.row for work in batch]), strict=True
        ):
            if isinstance(labels, Rejected):
                out.append(refuse(work.origin, work.arrived, labels))
                continue
            out.append(self._labelled(work, labels))
        return out

    def _labelled(self, work: Work, labels: Labels) -> Labelled:
        item = work.item
        opinion = Opinion(
            id=item.id,
            source=item.source,
            channel=item.channel,
            published_at=work.published_at,
            arrived_at=instant(work.arrived),
            title=item.title[:MAX_TITLE],
            url=item.url,
            language=work.language,
            read=work.read,
            sentiment=labels.sentiment,
            topics=labels.topics,
            entities=labels.entities,
            bundle=self._bundle,
            origin=work.origin,
        )
        names = [entity.text for entity in labels.entities] if work.read else []
        sketch = sketch_of(item.title, item.body, item.source, names)
        return Labelled(opinion, told_of(opinion, sketch, work.arrived))

    def _read(self, record: Incoming) -> tuple[Work, str]:
        item = decode_item(record.value, self._max_bytes)
        text = compose(item.title, item.body, self._max_chars)
        if not text:
            raise Rejected("no_text", "neither title nor body holds a readable character")
        language = language_of(item.language, text)
        read = not language or language in self._languages
        published = _utc(item.published_at)
        return Work(record.origin, record.arrived, item, published, language, read, _EMPTY), text


def with_story(opinion: Opinion, place: Place) -> Verdict:
    """Write an opinion down, with the story that it stands with."""
    return Verdict(encode_log(replace(opinion, story=place.story, new_in=place.new_in)))


def refuse(origin: Origin, arrived: int, error: Rejected) -> Verdict:
    """Write a refusal down."""
    short = Rejected(error.reason, error.detail[:MAX_DETAIL])
    refusal = Refusal(
        reason=short.reason, detail=short.detail, arrived_at=instant(arrived), origin=origin
    )
    return Verdict(encode_log(refusal), short)


def gap(origin: Origin, found: int) -> Verdict:
    """Write down that the items above ``after`` up to ``offset`` were lost; ``found`` in ms."""
    return Verdict(encode_log(Gap(found_at=instant(found), origin=origin)))


def _tick(record: Incoming) -> Verdict:
    return Verdict(encode_log(Tick(arrived_at=instant(record.arrived), origin=record.origin)))


def _utc(time: datetime) -> datetime:
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise Rejected("bad_field", "published_at is outside the years 1 to 9999 in UTC") from None
