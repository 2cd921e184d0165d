"""
Stories: near-duplicates of the last hours are one, told once in each series and tone.

Laws: an item joins the story of what it is most like, or begins one; a story takes its name from its
first item's place in the source, so that reading that again names it the same; a story is open for
the window (24 hours) from its first item's arrival; an item is new in a series when its story was not
told there in this tone. Time is the arrival, never a clock.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from consumers.news.core.alike import TITLE, Likeness, likeness
from consumers.news.core.sketch import Sketch
from groundswell.events import Opinion, Origin
from groundswell.series import series_of

HOUR_MS: Final = 3_600_000


class Told(NamedTuple):
    """An item to find the story of: its place, arrival (ms), sketch, and where it counts in which tone."""

    origin: Origin
    arrived: int
    sketch: Sketch
    series: tuple[str, ...]
    tone: str


class Place(NamedTuple):
    """The answer: the story, the series in which it is new, and why it was taken for that story."""

    story: str
    new_in: tuple[str, ...]
    why: str = ""
    told: str = ""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """An item by which a story is found: its first, or its first with a body; ``began`` is in ms."""

    story: str
    began: int
    sketch: Sketch


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Sample)


def encode_sample(sample: Sample) -> bytes:
    """Encode a sample without its bands, under which it is kept."""
    return _encoder.encode(replace(sample, sketch=replace(sample.sketch, bands=())))


def decode_sample(value: bytes) -> Sample:
    """Decode a sample; its sketch has no bands. Raises ``msgspec.DecodeError`` on anything else."""
    return _decoder.decode(value)


class Decision(NamedTuple):
    """
    What to do with an item: ``story`` is None for a new one.

    ``keep`` says that it becomes a sample of its story, which began at ``began`` (ms).
    """

    story: str | None
    why: str
    told: str
    began: int
    keep: bool


def told_of(opinion: Opinion, sketch: Sketch, arrived: int) -> Told:
    """Lay out what a labelled item asks."""
    return Told(opinion.origin, arrived, sketch, series_of(opinion), opinion.sentiment.label)


def decide(item: Told, samples: Iterable[Sample], window: int, title: float = TITLE) -> Decision:
    """
    Decide with which story an item stands; ``samples`` are the candidates, ``window`` is in ms.

    Of several the most alike wins, of equals the oldest, of one story the one with a body: so the order
    of ``samples`` changes nothing, and a story is kept by two samples at most. ``title`` is the threshold for titles.
    """
    best: tuple[float, int, str, int, str] | None = None
    found: Sample | None = None
    how = nearest = Likeness("other", 0.0, "nothing like it")
    for sample in samples:
        if abs(item.arrived - sample.began) >= window:
            continue
        like = likeness(sample.sketch, item.sketch, title)
        if not like.one:
            nearest = max(nearest, like, key=lambda x: x.share)
            continue
        # Of one story's samples the one with the longest text: the order in which they come is no matter.
        rank = (-like.share, sample.began, sample.story, -sample.sketch.size, like.why)
        if best is None or rank < best:
            best, found, how = rank, sample, like
    if found is None:
        return Decision(None, "new", nearest.told, item.arrived, keep=True)
    keep = bool(item.sketch.size) and not found.sketch.size
    return Decision(found.story, how.why, how.told, found.began, keep)


def tags_of(item: Told) -> tuple[str, ...]:
    """Return what is remembered of a story once it was told: each series with its tone."""
    return tuple(f"{item.tone} {series}" for series in item.series)


def new_series(item: Told, new: Sequence[int]) -> tuple[str, ...]:
    """Return the series whose tags (in the order of ``tags_of``) were new."""
    return tuple(name for name, is_new in zip(item.series, new, strict=True) if is_new)
