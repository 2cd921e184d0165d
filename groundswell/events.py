"""
The messages on Kafka, as frozen values, with their JSON encoding.

Topic ``news`` holds news items (and ticks, see ``TICK_HEADER``); topic ``opinions`` holds five kinds
of record, told apart by ``kind``: opinion, refusal, gap, tick, mark. Rules:

- Every record of ``opinions`` names where it came from (``Origin``). ``offset`` is the source offset
  that it settles and ``after`` the one before it, so that a reader can tell a repeat
  (``offset <= fence``) from a hole (``after > fence``).
- Times leave as RFC 3339 in UTC; a date without a zone is refused.
- Unknown fields are tolerated on reading: ``opinions`` outlives releases. ``schema`` grows by one
  when a field changes its meaning, and the golden files in ``tests/data/schemas`` keep every version
  readable.
- Of a key that stands twice in one JSON object the last value counts.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

SCHEMA: Final = 1
"""The version of every message that this release writes."""

TICK_HEADER: Final = "groundswell-tick"
"""A ``news`` record with this header carries no item: it only moves the clock of its partition."""

REASONS: Final = {
    "not_json": "the bytes are not JSON, or not UTF-8",
    "not_object": "the JSON is not an object",
    "bad_field": "a field is missing, mistyped or out of range",
    "no_text": "neither title nor body holds a readable character",
    "too_large": "the record is larger than `max_record_bytes`",
    "too_deep": "the JSON is nested too deeply",
    "model_failed": "the model cannot read this text, alone or in any batch",
}
"""Every reason for which an item is refused, with its sentence."""

Channel: TypeAlias = Literal["news", "report", "post"]
Sentiment: TypeAlias = Literal["negative", "neutral", "positive"]
SENTIMENTS: Final[tuple[Sentiment, ...]] = ("negative", "neutral", "positive")

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Probability: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=512)]


class NewsItem(msgspec.Struct, frozen=True, kw_only=True):
    """
    A text that arrived: a news story, a report or a post.

    ``published_at`` is the publisher's time. ``language`` is a BCP 47 tag, or empty when unknown.
    At least one of ``title`` and ``body`` must hold text.
    """

    id: Name
    source: Annotated[str, Meta(min_length=1, max_length=128)]
    channel: Channel = "news"
    published_at: Instant
    title: str = ""
    body: str = ""
    url: Annotated[str, Meta(max_length=2048)] = ""
    language: Annotated[str, Meta(max_length=35)] = ""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """
    The place in the source topic that a record settles.

    ``topic_id`` is the broker's identity of the topic (empty where the broker has none): offsets of
    a topic that was deleted and made again do not compare with those of its predecessor.
    """

    topic: str
    topic_id: str = ""
    partition: int
    offset: int
    after: int


class SentimentResult(msgspec.Struct, frozen=True, kw_only=True):
    """The tone: its label, and the probability of each of the three."""

    label: Sentiment
    probabilities: dict[Sentiment, Probability]


class TopicLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that the text belongs to."""

    label: str
    probability: Probability


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """
    A name in the text; ``start`` and ``end`` (excluded) count characters of the composed text.

    That is what the model reads of title and body (``groundswell.text.compose``): in NFC, without links
    and control characters, white space folded, the body after the title. ``text`` is what stands there.
    """

    text: str
    type: str
    start: int
    end: int


class Opinion(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="opinion"):
    """
    What the model said of one item: the log of record.

    ``topics`` may be empty where the bundle gives any number of them; ``entities`` is where it finds no
    names. They hold the first 64 names, each cut at 200 characters.
    ``read`` is false where the text's language is not one that the bundle knows: such items are
    counted apart. ``story`` says which near-duplicates of 24 hours this item stands with, named for the
    first of them; ``new_in`` holds the series in which that story, in this tone, is new. Both are absent
    in what releases before stories wrote: an item is then its own story. ``words`` are those that spoke
    most for a negative tone, the strongest first: at most 5, each cut at 40 characters; none for other
    tones, nor from a bundle that does not say what its tokens add.
    """

    schema: int = SCHEMA
    id: str
    source: str
    channel: Channel
    published_at: Instant
    arrived_at: Instant
    title: str
    url: str = ""
    language: str = ""
    read: bool = True
    sentiment: SentimentResult
    topics: tuple[TopicLabel, ...]
    entities: tuple[Entity, ...] = ()
    words: tuple[str, ...] = ()
    story: str | None = None
    new_in: tuple[str, ...] | None = None
    bundle: str
    origin: Origin


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refusal"):
    """The verdict on an item that cannot be read; ``news.dead`` holds a copy of the item itself."""

    schema: int = SCHEMA
    reason: str
    detail: str
    arrived_at: Instant
    origin: Origin


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gap"):
    """
    Items that the broker deleted before they were read: those above ``after`` up to ``offset``.

    Without it every later item would look like a hole.
    """

    schema: int = SCHEMA
    found_at: Instant
    origin: Origin


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="tick"):
    """A tick of a replay: it settles its source offset, and the clock has reached ``arrived_at``."""

    schema: int = SCHEMA
    arrived_at: Instant
    origin: Origin


class Mark(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="mark"):
    """
    All that arrived before ``at`` in this source partition stands above this record.

    ``origin.offset`` is the last source offset that its writer had settled (position - 1 after a
    start); a reader whose fence is lower has a hole and does not believe the mark yet.
    """

    schema: int = SCHEMA
    at: Instant
    origin: Origin


LogRecord: TypeAlias = Opinion | Refusal | Gap | Tick | Mark
"""What topic ``opinions`` holds."""


class _Envelope(msgspec.Struct, frozen=True):
    origin: Origin


_encoder = msgspec.json.Encoder()
_origin_decoder = msgspec.json.Decoder(_Envelope)
_log_decoder: msgspec.json.Decoder[LogRecord] = msgspec.json.Decoder(LogRecord)


def encode_log(record: LogRecord) -> bytes:
    """Encode a record of ``opinions`` as JSON."""
    return _encoder.encode(record)


def decode_log(value: bytes) -> LogRecord:
    """
    Decode a record of ``opinions``.

    Raises ``msgspec.DecodeError`` (of which ``ValidationError`` is one) on anything else.
    """
    return _log_decoder.decode(value)


def origin_of(value: bytes) -> Origin | None:
    """Return the origin of what ``decode_log`` cannot read (a later release wrote it); None: no message."""
    try:
        return _origin_decoder.decode(value).origin
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def encode_item(item: NewsItem) -> bytes:
    """Encode a news item as plain JSON."""
    return _encoder.encode(item)


def millis(instant: datetime) -> int:
    """Whole milliseconds since 1970 (UTC) of an aware time, rounded down."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def instant(milliseconds: int) -> datetime:
    """Return the UTC time of ``milliseconds`` since 1970; inverse of ``millis``."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
