"""
The counts as `watch` sees them: cells become what was seen in a minute, story lines become stories.

Rules: the one module that knows the values of both programs (ADR 19); it keeps nothing, so that two looks
at the same counts give the same. What is in a minute is its stories, not its items; a series in which only
copies counted is there with none. Of a story its first item in the series is shown, and its copies and
sources are counted among the lines that are kept.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.cells import Tally, hash_of
from consumers.counts.core.levels import Shelf
from consumers.counts.core.lines import StoryLine
from consumers.counts.ports import CountReader, CountStore
from consumers.watch.core.evidence import Seen
from consumers.watch.core.story import Story
from groundswell.settings import Settings

_NEWEST: Final = 1 << 40
"""A minute after all others: copies may come after the span that is asked for."""


class CountsView:
    """The ``CountView`` and ``SourceNames`` ports over any reader of the counts."""

    def __init__(self, reader: CountReader) -> None:
        self._reader = reader

    async def marks(self) -> Mapping[int, int]:
        return {partition: s.mark for partition, s in (await self._reader.states()).items()}

    async def touched(self, first: int) -> Mapping[str, int]:
        return await self._reader.touched(first)

    async def seen(
        self, series: Collection[str], first: int, last: int
    ) -> Mapping[int, Mapping[str, Seen]]:
        cells = await self._reader.cells(series, "minute", first, last)
        minutes: defaultdict[int, dict[str, Seen]] = defaultdict(dict)
        for name in sorted(cells):
            for minute, tally in cells[name].items():
                minutes[minute][name] = seen_of(tally)
        return dict(minutes)

    async def stories(self, series: str, first: int, last: int, limit: int) -> tuple[Story, ...]:
        began = await self._reader.lines(Shelf(series, new=True), first, last)
        copies = await self._reader.lines(Shelf(series, new=False), first, _NEWEST)
        return stories_of((*began, *copies))[:limit]

    async def bundles(self) -> Mapping[int, str]:
        return await self._reader.bundles()

    async def sources(self) -> Mapping[int, str]:
        return {hash_of(name): name for name in sorted(await self._reader.sources())}


def seen_of(tally: Tally) -> Seen:
    """Return what a cell says of its minute: stories by tone, sources and bundles."""
    return Seen(
        negative=tally.stories[0],
        stories=sum(tally.stories),
        late_negative=tally.late_stories[0],
        late=sum(tally.late_stories),
        sources=tally.sources,
        bundles=tally.bundles,
    )


def stories_of(lines: Iterable[StoryLine]) -> tuple[Story, ...]:
    """Return the stories that began in ``lines``, the surest first; of equals the oldest."""
    told: defaultdict[str, list[StoryLine]] = defaultdict(list)
    for line in lines:
        told[line.story].append(line)
    began = (_story(tellings) for tellings in told.values() if any(t.new for t in tellings))
    return tuple(sorted(began, key=lambda story: (-story.negative, story.minute, story.story)))


def _story(tellings: Sequence[StoryLine]) -> Story:
    first = min(
        (line for line in tellings if line.new),
        key=lambda line: (line.minute, line.arrived, line.partition, line.offset),
    )
    return Story(
        story=first.story,
        title=first.title,
        source=first.source,
        url=first.url,
        published=first.published,
        negative=first.probabilities[0],
        copies=len(tellings),
        sources=len({line.source for line in tellings}),
        minute=first.minute,
        topics=tuple(label for label, _ in first.topics),
        words=first.words,
        language=first.language,
    )


def open_view(settings: Settings) -> tuple[CountsView, CountStore]:
    """Build the view from the settings, and the counts to close; nothing is connected yet."""
    counts = open_counts(settings)
    return CountsView(counts), counts
