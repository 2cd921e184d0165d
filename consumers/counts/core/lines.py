"""
Story lines: negative items of each series, which an alert shows as its evidence.

A *shelf* holds the lines of one series: those whose story was new there, or the copies, apart, so that
two hundred copies push no other story out; ``shelf`` says which it keeps. How many copies and sources a
story has is added up when it is read.

    an entry: its minute (the score), and
       8 bytes   probability of negative, as a float     big-endian, so that bytes of one minute sort
       8 bytes   2^63 - 1 less arrival in ms             by them: the surest last, and of equals
       4 bytes   source partition                        the oldest
       8 bytes   source offset
       the rest  the line, in msgpack

An entry of a release that did not sort by probability begins with a byte above 127 (arrival plus 2^63),
and has 8 bytes fewer.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from consumers.counts.core.levels import Shelf
from groundswell.events import SENTIMENTS, Opinion, millis
from groundswell.series import story_of

TITLE_KEPT: Final = 300
URL_KEPT: Final = 512
NAME_KEPT: Final = 128
"""Characters of sources, bundles and labels; what identifies an item is kept up to ``URL_KEPT``."""
TOPICS_KEPT: Final = 8
WORDS_KEPT: Final = 5
WORD_KEPT: Final = 40
"""Characters of a word, and of a language's tag."""

_KEY: Final = struct.Struct(">dQIQ")
_LATEST: Final = (1 << 63) - 1
_KEY_BEFORE: Final = struct.calcsize(">QIQ")


class Span(NamedTuple):
    """From which log position of a partition story lines are kept, and the position they go up to."""

    since: int
    until: int


class StoryLine(msgspec.Struct, frozen=True, array_like=True):
    """
    A negative item as it counted in a series.

    ``minute`` (since 1970) is the one that it counted in, ``late`` as such; ``new`` says that its
    story was new in the series. ``published`` and ``arrived`` are in ms. ``probabilities`` are of
    negative, neutral and positive; ``topics`` are labels with theirs, the surest first. An item without
    a story is its own. Its place in the source is ``topic``, ``topic_id``, ``partition`` and
    ``offset``, that in the log ``log_partition`` and ``log_offset``. ``title`` is cut at 300
    characters; a ``url`` of more than 512 is left out, since half a link leads elsewhere. ``words``
    spoke for the negative tone, ``language`` is the item's, as it was said to be; lines of before they were
    kept have none.
    """

    minute: int
    late: bool
    new: bool
    story: str
    id: str
    title: str
    source: str
    url: str
    published: int
    arrived: int
    probabilities: tuple[float, float, float]
    topics: tuple[tuple[str, float], ...]
    bundle: str
    topic: str
    topic_id: str
    partition: int
    offset: int
    log_partition: int
    log_offset: int
    words: tuple[str, ...] = ()
    language: str = ""


Entry: TypeAlias = tuple[int, bytes]
"""A line as it is kept: its minute, and its bytes; entries of a shelf sort by these two."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StoryLine)
_plain_decoder = msgspec.msgpack.Decoder(tuple[object, ...])


def line_of(
    opinion: Opinion, minute: int, place: tuple[int, int], *, late: bool, new: bool
) -> StoryLine:
    """Return the line of ``opinion``, which stands at ``place`` (partition, offset) in the log."""
    origin, said = opinion.origin, opinion.sentiment.probabilities
    negative, neutral, positive = (said.get(label, 0.0) for label in SENTIMENTS)
    topics = sorted(opinion.topics, key=lambda topic: (-topic.probability, topic.label))
    return StoryLine(
        minute=minute,
        late=late,
        new=new,
        story=(opinion.story or story_of(origin))[:URL_KEPT],
        id=opinion.id[:URL_KEPT],
        title=opinion.title[:TITLE_KEPT],
        source=opinion.source[:NAME_KEPT],
        url=opinion.url if len(opinion.url) <= URL_KEPT else "",
        published=millis(opinion.published_at),
        arrived=millis(opinion.arrived_at),
        probabilities=(negative, neutral, positive),
        topics=tuple((t.label[:NAME_KEPT], t.probability) for t in topics[:TOPICS_KEPT]),
        bundle=opinion.bundle[:NAME_KEPT],
        topic=origin.topic[:URL_KEPT],
        topic_id=origin.topic_id[:URL_KEPT],
        partition=origin.partition,
        offset=origin.offset,
        log_partition=place[0],
        log_offset=place[1],
        words=tuple(word[:WORD_KEPT] for word in opinion.words[:WORDS_KEPT]),
        language=opinion.language[:WORD_KEPT],
    )


def encode_line(line: StoryLine) -> Entry:
    """Encode a line; equal lines give equal entries."""
    key = _KEY.pack(
        min(1.0, max(0.0, line.probabilities[0])),
        (_LATEST - line.arrived) % (1 << 64),
        line.partition % (1 << 32),
        line.offset % (1 << 64),
    )
    return line.minute, key + _encoder.encode(line)


def decode_line(entry: bytes) -> StoryLine:
    """Decode the bytes of an entry. Raises ``msgspec.DecodeError`` if it is none."""
    return _decoder.decode(_said(entry))


def fields_of(entry: bytes) -> tuple[object, ...]:
    """Return what a line says, field by field; one of another release may have fewer."""
    return _plain_decoder.decode(_said(entry))


def _said(entry: bytes) -> bytes:
    return entry[_KEY_BEFORE if entry[:1] > b"\x7f" else _KEY.size :]


def place_of(line: StoryLine) -> tuple[int, int, int, int]:
    """Return by what lines stand in order of time."""
    return line.minute, line.arrived, line.partition, line.offset


def chosen(lines: Iterable[StoryLine], limit: int) -> tuple[StoryLine, ...]:
    """
    Return at most ``limit`` of ``lines``, the newest last.

    New stories go before copies, and of each the newest.
    """
    ordered = sorted(set(lines), key=lambda line: (line.new, place_of(line)))
    return tuple(sorted(ordered[max(0, len(ordered) - limit) :], key=place_of))


def lined(
    lines: Mapping[Shelf, tuple[Entry, ...]], since: int | None
) -> dict[Shelf, tuple[Entry, ...]]:
    """Return of ``lines`` those from log offset ``since`` on; None: none."""
    if not since:
        return dict(lines) if since == 0 else {}
    return {
        shelf: kept
        for shelf, entries in lines.items()
        if (kept := tuple(e for e in entries if decode_line(e[1]).log_offset >= since))
    }
