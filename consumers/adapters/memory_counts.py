"""
The in-memory twin of the counts in Redis, for tests and for ``recount``.

Rule: it passes the same contract suite, and keeps each shard apart as Redis does.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha1
from heapq import heapify, heappop, heappush

from consumers.counts.core.cells import ZERO, Tally, merge
from consumers.counts.core.following import ENTITIES, Followed, Registry, Since
from consumers.counts.core.levels import LEVELS, CellHash, Level, Shelf, end_of, place_of
from consumers.counts.core.lines import Entry, Span, StoryLine, chosen, decode_line
from consumers.counts.core.shelf import keeping, kept
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import SOURCES_NAMED, Retention, Step, deleted_at_most, spanned
from consumers.counts.core.strangers import STRANGERS, enough, life, noted
from consumers.counts.ports import Changed, Held, Snapshot
from groundswell.errors import Transient
from groundswell.schemes import Scheme


class Shard:
    """What one shard holds."""

    def __init__(self) -> None:
        self.states: dict[int, PartitionState] = {}
        self.series: dict[str, int] = {}
        self.bundles: dict[int, str] = {}
        self.sources: dict[str, int] = {}
        self.cells: dict[CellHash, dict[int, Tally]] = {}
        self.lines: dict[Shelf, tuple[Entry, ...]] = {}
        self.spans: dict[int, Span] = {}
        self.registry = Registry("", {})
        self._ends: dict[Level, list[tuple[int, CellHash]]] = {level: [] for level in LEVELS}
        """Per level a heap of the hashes by the ends of their windows: `recount` holds many."""

    def add(self, partition: int, step: Step, retention: Retention) -> None:
        """Apply a step."""
        held = self.states.get(partition)
        self.spans[partition] = spanned(self.spans.get(partition), held, step)
        self.states[partition] = step.state
        self.put(step, retention)

    def put(self, step: Step, retention: Retention) -> None:
        """Add what a step holds, and delete some of what is too old by its mark."""
        expired = retention.expired_before(step.state.mark)
        old = [
            heappop(ends)[1]
            for level, ends in self._ends.items()
            for _ in range(deleted_at_most(step))
            if ends and ends[0][0] <= expired[level]
        ]
        for name, fields in step.cells.items():
            if name not in self.cells:
                self.cells[name] = {}
                heappush(self._ends[name.level], (end_of(name.level, name.window), name))
            into = self.cells[name]
            for field, tally in fields.items():
                into[field] = merge(into.get(field, ZERO), tally)
        for gone in old:  # as the script does: with what this very step has put there
            del self.cells[gone]
        self._shelve(step, expired["minute"])
        for series, minute in step.touched.items():
            self.series[series] = max(minute, self.series.get(series, minute))
        self.bundles.update(step.bundles)
        for source, minute in step.sources.items():
            self.sources[source] = max(minute, self.sources.get(source, minute))
        if len(self.sources) > SOURCES_NAMED:
            ranked = sorted(self.sources.items(), key=lambda held: (held[1], held[0].encode()))
            self.sources = dict(ranked[-SOURCES_NAMED:])

    def follow(self, added: Mapping[str, Scheme | None]) -> None:
        """Follow series from where each partition stands."""
        names = ""
        since = tuple(Since(p, state.log_id, state.position) for p, state in self.states.items())
        followed = dict(self.registry.series)
        for name, scheme in added.items():
            full = scheme is None and len(followed) >= ENTITIES
            if not full and name not in followed:
                followed[name] = Followed(scheme, since)
                names += f"+{name}"
        if names:
            self.registry = Registry(chained(self.registry.version, names), followed)

    def forget(self, series: str) -> None:
        """Follow a series no more, and remove what was counted of it."""
        followed = dict(self.registry.series)
        version = self.registry.version
        if followed.pop(series, None) is not None:
            version = chained(version, f"-{series}")
        self.registry = Registry(version, followed)
        self.keep(lambda name: name != series)

    def keep(self, stays: Callable[[str], bool]) -> None:
        """Remove what was counted of series that do not stay."""
        self.series = {name: minute for name, minute in self.series.items() if stays(name)}
        self.cells = {name: held for name, held in self.cells.items() if stays(name.series)}
        self.lines = {shelf: held for shelf, held in self.lines.items() if stays(shelf.series)}
        for level, ends in self._ends.items():
            self._ends[level] = [end for end in ends if stays(end[1].series)]
            heapify(self._ends[level])

    def _shelve(self, step: Step, expired: int) -> None:
        """Put lines on their shelves; clear some of those that hold only what is too old."""
        old = sorted(
            (entries[-1][0], shelf.new, shelf.series)
            for shelf, entries in self.lines.items()
            if entries[-1][0] < expired
        )
        for _, new, series in old[: deleted_at_most(step)]:
            del self.lines[Shelf(series, new)]
        for shelf, entries in step.lines.items():
            held = kept((*self.lines.pop(shelf, ()), *entries), keeping(new=shelf.new))
            if held := tuple(entry for entry in held if entry[0] >= expired):
                self.lines[shelf] = held


class MemoryCounts:
    """Counts in memory. ``away`` makes every call fail as an unreachable server does."""

    def __init__(self, shards: int, retention: Retention) -> None:
        self.shards = [Shard() for _ in range(shards)]
        self.retention = retention
        self.away = False
        self.strangers: dict[str, tuple[int, ...]] = {}

    def _reach(self) -> None:
        if self.away:
            raise Transient("the counts in memory are away, as a test wanted")

    def _of(self, partition: int) -> Shard:
        self._reach()
        return self.shards[partition % len(self.shards)]

    async def prepare(self) -> None:
        self._reach()

    async def state(self, partition: int) -> PartitionState | None:
        return self._of(partition).states.get(partition)

    async def step(
        self, partition: int, expected: PartitionState | None, step: Step
    ) -> Held | Changed | None:
        shard = self._of(partition)
        held = shard.states.get(partition)
        if held == step.state:
            return None
        if held != expected:
            return Held(held)
        if step.version != shard.registry.version:
            return Changed(shard.registry.version)
        shard.add(partition, step, self.retention)
        return None

    async def registry(self, shard: int) -> Registry:
        self._reach()
        return self.shards[shard].registry

    async def follow(self, shard: int, added: Mapping[str, Scheme | None]) -> None:
        self._reach()
        self.shards[shard].follow(added)

    async def forget(self, shard: int, series: str) -> None:
        self._reach()
        self.shards[shard].forget(series)

    async def fill(self, shard: int, series: str, lacking: Followed, past: Step) -> bool:
        self._reach()
        held = self.shards[shard]
        followed = held.registry.series.get(series)
        if followed is None or followed not in (lacking, lacking._replace(since=())):
            return False
        if followed.since:
            held.put(past, self.retention)
            series_now = {**held.registry.series, series: followed._replace(since=())}
            held.registry = held.registry._replace(series=series_now)
        return True

    async def nominate(self, stories: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        self._reach()
        found = []
        for name, minute in stories:
            minutes = noted(self.strangers.pop(name, ()), minute)
            if enough(minutes):
                found.append(name)
                continue
            self.strangers[name] = minutes
            if len(self.strangers) > STRANGERS:
                del self.strangers[min(self.strangers, key=lambda n: (life(self.strangers[n]), n))]
        return tuple(dict.fromkeys(found))

    async def states(self) -> Mapping[int, PartitionState]:
        self._reach()
        return {p: state for shard in self.shards for p, state in shard.states.items()}

    async def series(self) -> Mapping[str, int]:
        self._reach()
        newest: dict[str, int] = {}
        for shard in self.shards:
            for name, minute in shard.series.items():
                newest[name] = max(minute, newest.get(name, minute))
        return newest

    async def cells(
        self, series: Collection[str], level: Level, first: int, last: int
    ) -> Mapping[str, Mapping[int, Tally]]:
        self._reach()
        found: dict[str, dict[int, Tally]] = {}
        for name in series:
            cells = found.setdefault(name, {})
            for bucket in range(first, last + 1):
                window, field = place_of(level, bucket)
                for shard in self.shards:
                    tally = shard.cells.get(CellHash(level, name, window), {}).get(field)
                    if tally is not None:
                        cells[bucket] = merge(cells.get(bucket, ZERO), tally)
        return found

    async def touched(self, first: int) -> Mapping[str, int]:
        return {name: minute for name, minute in (await self.series()).items() if minute >= first}

    async def lines(self, shelf: Shelf, first: int, last: int) -> tuple[StoryLine, ...]:
        self._reach()
        return tuple(
            decode_line(line)
            for shard in self.shards
            for minute, line in shard.lines.get(shelf, ())
            if first <= minute <= last
        )

    async def stories(
        self, series: str, first: int, last: int, limit: int
    ) -> tuple[StoryLine, ...]:
        stories = await self.lines(Shelf(series, new=True), first, last)
        copies = await self.lines(Shelf(series, new=False), first, last)
        return chosen((*stories, *copies), limit)

    async def bundles(self) -> Mapping[int, str]:
        self._reach()
        return {k: name for shard in self.shards for k, name in shard.bundles.items()}

    async def sources(self) -> Mapping[str, int]:
        self._reach()
        found: dict[str, int] = {}
        for shard in self.shards:
            for name, minute in shard.sources.items():
                found[name] = max(minute, found.get(name, minute))
        return found

    async def hashes(self, shard: int) -> frozenset[CellHash]:
        self._reach()
        return frozenset(self.shards[shard].cells)

    async def shelves(self, shard: int) -> frozenset[Shelf]:
        self._reach()
        return frozenset(self.shards[shard].lines)

    async def snapshot(
        self, shard: int, hashes: Collection[CellHash], shelves: Collection[Shelf] = ()
    ) -> Snapshot:
        self._reach()
        held = self.shards[shard]
        cells = {h: dict(held.cells[h]) for h in hashes if h in held.cells}
        lines = {s: held.lines[s] for s in shelves if s in held.lines}
        return Snapshot(dict(held.states), cells, dict(held.series), lines, dict(held.spans))

    async def close(self) -> None:
        return


def chained(version: str, change: str) -> str:
    """Return the version of a registry after a change, as the script makes it."""
    return sha1((version + change).encode()).hexdigest()  # noqa: S324 # a name, no secret
