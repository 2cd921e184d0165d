"""
The counts as the API shows them: tallies become cells, story lines become stories.

Rule: it keeps nothing, so that two looks at the same counts give the same.
"""

from collections.abc import Collection, Mapping

from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.cells import SCALE, Tally
from consumers.counts.core.levels import MINUTE_MS, Level
from consumers.counts.core.lines import StoryLine
from consumers.counts.ports import CountReader
from consumers.records.desk.moments import iso
from consumers.web.core.series import Cell, StoryForm, Tone
from groundswell.settings import Settings


class SeriesView:
    """The ``Counts`` port over any reader of the counts; ``close`` is the reader's."""

    def __init__(self, reader: CountReader) -> None:
        self._reader = reader

    async def series(self) -> Mapping[str, int]:
        """See the port."""
        return await self._reader.series()

    async def touched(self, first: int) -> Mapping[str, int]:
        """See the port."""
        return await self._reader.touched(first)

    async def cells(
        self, series: Collection[str], level: Level, first: int, last: int
    ) -> Mapping[str, Mapping[int, Cell]]:
        """See the port."""
        found = await self._reader.cells(series, level, first, last)
        names = await self._reader.bundles()
        return {
            name: {bucket: cell_of(tally, names) for bucket, tally in cells.items()}
            for name, cells in found.items()
        }

    async def stories(
        self, series: str, first: int, last: int, limit: int
    ) -> tuple[StoryForm, ...]:
        """See the port."""
        lines = await self._reader.stories(series, first, last, limit)
        return tuple(story_of(line) for line in reversed(lines))

    async def close(self) -> None:
        """See the port."""
        closing = getattr(self._reader, "close", None)
        if closing is not None:
            await closing()


def cell_of(tally: Tally, names: Mapping[int, str]) -> Cell:
    """Return what a tally says; ``names`` are those of bundles by their hashes."""
    return Cell(
        items=Tone(*tally.items),
        stories=Tone(*tally.stories),
        late_items=Tone(*tally.late_items),
        late_stories=Tone(*tally.late_stories),
        sources=tally.distinct_sources,
        negative_probability=tally.negative / SCALE,
        bundles=tuple(names.get(held, f"{held:08x}") for held in tally.bundles),
    )


def story_of(line: StoryLine) -> StoryForm:
    """Return a story line as the API shows it; ``log`` says where in `opinions` it stands."""
    return StoryForm(
        story=line.story,
        id=line.id,
        title=line.title,
        source=line.source,
        url=line.url,
        published=iso(line.published),
        arrived=iso(line.arrived),
        at=iso(line.minute * MINUTE_MS),
        late=line.late,
        new=line.new,
        negative=line.probabilities[0],
        topics=dict(line.topics),
        bundle=line.bundle,
        log=f"{line.log_partition}/{line.log_offset}",
    )


def open_series(settings: Settings) -> SeriesView:
    """Build the view from the settings; nothing is connected yet."""
    return SeriesView(open_counts(settings))
