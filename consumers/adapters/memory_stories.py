"""
Stories in memory: the twin of those in Redis, and what `consume` goes by while Redis is away.

Rules: it passes the same contract suite; it holds at most ``kept`` samples and as many answers, the
newest ones, and forgets what arrived a window before the item at hand; nothing in a call waits, so each
is one step.
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from consumers.news.core.stories import (
    HOUR_MS,
    Place,
    Sample,
    Told,
    decide,
    decode_sample,
    encode_sample,
    new_series,
    tags_of,
)
from groundswell.series import story_of

BUCKET: Final = 16
"""Samples under one key at most, the newest ones: what many share tells little."""
CANDIDATES: Final = 32
"""Samples that an item is compared with at most: those that share most keys."""


class _Answer(NamedTuple):
    """What was said of an item, and of which series and tone."""

    arrived: int
    story: str
    tags: tuple[str, ...]
    new: tuple[int, ...]


class _Kept(NamedTuple):
    began: int
    story: str
    bands: tuple[bytes, ...]
    value: bytes


class MemoryStories:
    """The stories of one process; ``hours`` is the window, ``kept`` the bound."""

    def __init__(self, hours: int, kept: int) -> None:
        self._window = hours * HOUR_MS
        self._kept = kept
        self._number = 0
        self._samples: OrderedDict[int, _Kept] = OrderedDict()
        self._buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        self._tags: dict[str, set[str]] = {}
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    @property
    def held(self) -> tuple[int, int, int]:
        """How many samples, told stories and answers are held: each bounded."""
        return len(self._samples), len(self._tags), len(self._answers)

    async def place(self, items: Sequence[Told]) -> list[Place]:
        return self.place_now(items)

    async def remember(self, items: Sequence[Told], places: Sequence[Place]) -> None:
        self.remember_now(items, places)

    async def close(self) -> None:
        return None

    def place_now(self, items: Sequence[Told]) -> list[Place]:
        """Do what ``place`` does; for callers that cannot wait."""
        return [self._place(item) for item in items]

    def remember_now(self, items: Sequence[Told], places: Sequence[Place]) -> None:
        """Do what ``remember`` does; for callers that cannot wait."""
        for item, place in zip(items, places, strict=True):
            key = story_of(item.origin)
            if key in self._answers:
                continue
            known = place.story in self._tags
            self._tell(key, item, place.story, found=True)
            if not known:
                self._keep(Sample(place.story, item.arrived, item.sketch))
            self._forget(item.arrived)

    def _place(self, item: Told) -> Place:
        key = story_of(item.origin)
        before = self._answers.get(key)
        if before is not None and before.tags == tags_of(item):
            return Place(before.story, new_series(item, before.new), "again")
        if before is not None:
            new_in = self._tell(key, item, before.story, found=before.story in self._tags)
            return Place(before.story, new_in, "again")
        decision = decide(item, self._candidates(item), self._window)
        story = decision.story or key
        new_in = self._tell(key, item, story, found=True)
        if decision.keep:
            self._keep(Sample(story, decision.began, item.sketch))
        self._forget(item.arrived)
        return Place(story, new_in, decision.why, decision.told)

    def _candidates(self, item: Told) -> Iterator[Sample]:
        shared: Counter[int] = Counter()
        for band in item.sketch.bands:
            shared.update(self._buckets.get(band, ()))
        for number, _ in shared.most_common(CANDIDATES):
            yield decode_sample(self._samples[number].value)

    def _tell(self, key: str, item: Told, story: str, *, found: bool) -> tuple[str, ...]:
        """
        Note that a story is told in the item's series, and what was answered; return the new ones.

        ``found`` says that it has a sample: with the last of them goes what was told of it.
        """
        tags = tags_of(item)
        told = self._tags.setdefault(story, set()) if found else set()
        new = tuple(int(tag not in told) for tag in tags)
        told.update(tags)
        self._answers[key] = _Answer(item.arrived, story, tags, new)
        return new_series(item, new)

    def _keep(self, sample: Sample) -> None:
        self._number += 1
        bands = tuple(dict.fromkeys(sample.sketch.bands))
        kept = _Kept(sample.began, sample.story, bands, encode_sample(sample))
        self._samples[self._number] = kept
        for band in bands:
            bucket = self._buckets[band]
            bucket.append(self._number)
            del bucket[:-BUCKET]

    def _forget(self, now: int) -> None:
        """Drop the oldest samples and answers that are too many or too old."""
        before = now - self._window
        while self._samples:
            number, oldest = next(iter(self._samples.items()))
            if len(self._samples) <= self._kept and oldest.began > before:
                break
            del self._samples[number]
            for band in oldest.bands:
                left = [n for n in self._buckets[band] if n != number]
                if left:
                    self._buckets[band] = left
                else:
                    del self._buckets[band]
            self._tags.pop(oldest.story, None)
        while self._answers:
            key, answer = next(iter(self._answers.items()))
            if len(self._answers) <= self._kept and answer.arrived > before:
                break
            del self._answers[key]
