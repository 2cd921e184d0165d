"""
What happens to a record: admit (decode, compose, encode), then settle (infer, label), then write down.

Rules: plain sequences over many records at a time, run in threads, knowing neither Kafka nor the loop;
every record ends as exactly one verdict or as work; whatever a producer sends is refused with its
reason, or bounded; a batch is asked of one model, and what was encoded for another is encoded again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from consumers.news.core.sketch import sketch_of
from consumers.news.core.stories import Place, Told, told_of
from consumers.news.labels import Labels
from consumers.news.voices import Voice, Voices
from groundswell.errors import CannotContinue, Rejected
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
_NO_TOKEN: Final = Rejected("no_text", "the tokenizer finds no token in it")


class Incoming(NamedTuple):
    """A record that was read: the place that it will settle, and when it arrived (ms)."""

    origin: Origin
    arrived: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Work(NamedTuple):
    """
    An item that the model can read; ``published_at`` in UTC, ``row`` holds one token at least.

    ``voice`` is the number of the voice that it was encoded for.
    """

    origin: Origin
    arrived: int
    item: NewsItem
    published_at: datetime
    language: str
    read: bool
    row: Row
    voice: int


class Verdict(NamedTuple):
    """What is to be published for a source offset; ``refused`` holds reason and detail."""

    value: bytes
    refused: Rejected | None = None


class Labelled(NamedTuple):
    """An item with its labels, which lacks only its story; ``told`` is what is asked about it."""

    opinion: Opinion
    told: Told


class Settled(NamedTuple):
    """What came out of a batch, in order, and the bundle that said it."""

    bundle: str
    outcomes: list[Verdict | Labelled]


class Audience(Protocol):
    """Hears what was said of each batch."""

    def heard(self, works: Sequence[Work], settled: Settled, seconds: float) -> None:
        """Take note of a batch that took the model ``seconds``; must neither wait nor raise."""
        ...


class Pipeline:
    """The steps in threads; ``max_bytes`` is the limit of a record."""

    def __init__(self, voices: Voices, max_bytes: int) -> None:
        self._voices = voices
        self._max_bytes = max_bytes

    @property
    def workers(self) -> int:
        """How many batches may be settled at once."""
        return self._voices.now.model.workers

    def admit(self, records: Sequence[Incoming]) -> list[Work | Verdict]:
        """Return what becomes of each record, in order."""
        with self._voices.speaking() as voice:
            return self._admit(voice, records)

    def _admit(self, voice: Voice, records: Sequence[Incoming]) -> list[Work | Verdict]:
        out: list[Work | Verdict] = []
        waiting: list[tuple[int, str]] = []
        for record in records:
            if any(key == TICK_HEADER for key, _ in record.headers):
                out.append(_tick(record))
                continue
            try:
                work, text = self._read(voice, record)
            except Rejected as error:
                out.append(refuse(record.origin, record.arrived, error))
                continue
            waiting.append((len(out), text))
            out.append(work)
        encoded = voice.model.encode([text for _, text in waiting]) if waiting else []
        for (place, _), row in zip(waiting, encoded, strict=True):
            work = out[place]  # type: ignore[assignment] # only places of work are waiting
            if row:
                out[place] = work._replace(row=row)
            else:
                out[place] = refuse(work.origin, work.arrived, _NO_TOKEN)
        return out

    def settle(self, batch: Sequence[Work]) -> Settled:
        """
        Ask the model about a batch; return each item with its labels, or its refusal, in order.

        If the model is broken and the one before it is still at hand, that one is asked. Raises
        ``CannotContinue`` otherwise.
        """
        while True:
            with self._voices.speaking() as voice:
                try:
                    return Settled(voice.bundle, label(voice, batch))
                except CannotContinue as error:
                    if not self._voices.step_back(voice, str(error)):
                        raise

    def _read(self, voice: Voice, record: Incoming) -> tuple[Work, str]:
        item = decode_item(record.value, self._max_bytes)
        text = compose(item.title, item.body, voice.max_chars)
        if not text:
            raise Rejected("no_text", "neither title nor body holds a readable character")
        language = language_of(item.language, text)
        read = not language or language in voice.languages
        published = _utc(item.published_at)
        work = Work(
            record.origin, record.arrived, item, published, language, read, _EMPTY, voice.number
        )
        return work, text


def label(voice: Voice, batch: Sequence[Work]) -> list[Verdict | Labelled]:
    """Ask one voice about a batch; raises ``CannotContinue`` if it is broken."""
    works = _encoded_for(voice, batch)
    asked = [place for place, work in enumerate(works) if work.row]
    answers = voice.labelling.label([works[place].row for place in asked]) if asked else []
    labels = dict(zip(asked, answers, strict=True))
    out: list[Verdict | Labelled] = []
    for place, work in enumerate(works):
        said = labels.get(place, _NO_TOKEN)
        if isinstance(said, Rejected):
            out.append(refuse(work.origin, work.arrived, said))
        else:
            out.append(_labelled(voice.bundle, work, said))
    return out


def _encoded_for(voice: Voice, batch: Sequence[Work]) -> list[Work]:
    """Return the batch as this voice reads it; what waited while another spoke is encoded again."""
    works = list(batch)
    others = [place for place, work in enumerate(works) if work.voice != voice.number]
    if not others:
        return works
    texts = [
        compose(works[place].item.title, works[place].item.body, voice.max_chars)
        for place in others
    ]
    for place, row in zip(others, voice.model.encode(texts), strict=True):
        language = works[place].language
        read = not language or language in voice.languages
        works[place] = works[place]._replace(row=row, read=read, voice=voice.number)
    return works


def _labelled(bundle: str, work: Work, labels: Labels) -> Labelled:
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
        words=labels.words,
        bundle=bundle,
        origin=work.origin,
    )
    names = [entity.text for entity in labels.entities] if work.read else []
    sketch = sketch_of(item.title, item.body, item.source, names)
    return Labelled(opinion, told_of(opinion, sketch, work.arrived))


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
