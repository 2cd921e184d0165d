"""
The series that `count` follows: known to it, found by it, filled by it.

Rules: what is followed stands in the store, and shard 0 decides: the other shards follow it. An entity is
followed once it has had enough stories; when the list is full, the one that has been quiet longest makes
room, if it was quiet for a day, else the new one waits. Nothing here holds the counting up: what fails is
said, and tried again.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from consumers.counts.core.following import (
    ENTITIES,
    Following,
    Registry,
    following,
    resting,
)
from consumers.counts.filling import Filling
from consumers.counts.ports import CountStore
from consumers.records.schemes.ports import SchemeList
from groundswell.errors import GroundswellError
from groundswell.schemes import Scheme
from groundswell.series import SCHEME

MET: Final = 20_000
"""Stories of strangers that wait to be noted at most; the oldest are let go."""

NAMED: Final = 5
"""Series that were filled together and are named in a line of the log; the others are counted."""

log = structlog.get_logger()


class Series:
    """What is followed, as this process knows it, and the strangers that it met."""

    def __init__(self, store: CountStore, shards: int) -> None:
        self._store = store
        self._shards = shards
        self._known: dict[int, Following] = {}
        self._met: list[tuple[str, int]] = []

    def following(self, partition: int) -> Following:
        """Return what to count of a partition, as last learnt; a step under an older one is refused."""
        return self._known.get(partition % self._shards, Following())

    async def learn(self, partition: int) -> None:
        """Learn what the shard of a partition follows. Raises ``Transient`` or ``CannotContinue``."""
        shard = partition % self._shards
        self._known[shard] = following(await self._store.registry(shard))

    def met(self, strangers: tuple[tuple[str, int], ...]) -> None:
        """Keep stories of entities that nobody follows, to be noted soon."""
        if strangers:
            self._met = [*self._met, *strangers][-MET:]

    async def introduce(self) -> tuple[str, ...]:
        """Note the strangers met; follow those that have had enough stories, and return them."""
        met, self._met = self._met, []
        if not met:
            return ()
        enough = await self._store.nominate(met)
        if not enough:
            return ()
        registry = await self._store.registry(0)
        # Another counter may have met who is followed by now: nobody makes room for them.
        enough = tuple(name for name in enough if name not in registry.series)
        room = max(0, ENTITIES - len(registry.series))  # schemes may go beyond
        if room < len(enough):
            newest = max(minute for _, minute in met)
            quiet = resting(registry, await self._store.series(), newest)[: len(enough) - room]
            for name in quiet:
                await self.drop(name)
            enough = enough[: room + len(quiet)]
        await self.add(dict.fromkeys(enough))
        return enough

    async def add(self, added: Mapping[str, Scheme | None]) -> None:
        """Follow series in every shard."""
        for shard in range(self._shards if added else 0):
            await self._store.follow(shard, added)

    async def drop(self, series: str) -> None:
        """Follow a series no more, in no shard."""
        for shard in range(self._shards):
            await self._store.forget(shard, series)

    async def agree(self, schemes: SchemeList | None) -> None:
        """Bring the shards to what shard 0 follows, and that to the schemes on record."""
        first = await self._store.registry(0)
        if schemes is not None:
            first = await self._on_record(schemes, first)
        for shard in range(1, self._shards):
            held = await self._store.registry(shard)
            right = {
                name
                for name, followed in held.series.items()
                if name in first.series and first.series[name].scheme == followed.scheme
            }
            for name in held.series.keys() - right:
                await self._store.forget(shard, name)
            missing = {n: f.scheme for n, f in first.series.items() if n not in right}
            if missing:
                await self._store.follow(shard, missing)

    async def _on_record(self, schemes: SchemeList, held: Registry) -> Registry:
        """Follow the schemes on record, and drop those that a person dropped."""
        known = {SCHEME + s.name: s for s in await schemes.schemes(dropped=True)}
        for name, scheme in known.items():
            other = name in held.series and held.series[name].scheme != scheme.scheme
            if name in held.series and (scheme.dropped or other):
                await self._store.forget(0, name)
        held = await self._store.registry(0)
        missing = {
            name: s.scheme for name, s in known.items() if not s.dropped and name not in held.series
        }
        if not missing:
            return held
        await self._store.follow(0, missing)
        return await self._store.registry(0)


class Keeper:
    """
    Looks after the series beside the counting: call ``turn`` every few seconds.

    No oftener: after each change every counter learns the registry anew, of ten thousand series at most.
    ``fill`` reads the log, which may take long: call it beside the turns.
    """

    def __init__(
        self,
        series: Series,
        filling: Filling,
        schemes: SchemeList | None,
        owns: Callable[[int], bool],
        shards: int,
    ) -> None:
        self._series = series
        self._filling = filling
        self._schemes = schemes
        self._owns = owns
        self._shards = shards
        self._said: dict[str, str] = {}

    async def turn(self) -> None:
        """Follow who was met, and bring the shards together."""
        await self._tried("strangers", self._introduce)
        if self._owns(0):
            await self._tried("schemes", lambda: self._series.agree(self._schemes))
            await self._tried("shards", lambda: self._series.agree(None))

    async def fill(self) -> None:
        """Fill what lacks its past, in the shards that are ours."""
        await self._tried("filling", self._fill)

    async def _introduce(self) -> None:
        for name in await self._series.introduce():
            log.info("following", series=name)

    async def _fill(self) -> None:
        # One counter fills a shard: the one that counts the partition of its number.
        for shard in filter(self._owns, range(self._shards)):
            filled = await self._filling.fill(shard)
            if filled:
                some = filled[:NAMED]
                log.info("the past is filled", shard=shard, number=len(filled), series=some)

    async def _tried(self, part: str, call: Callable[[], Awaitable[None]]) -> None:
        """Call; say once what stands in the way, and again when that changes."""
        try:
            await call()
        except GroundswellError as error:
            if self._said.get(part) != str(error):
                self._said[part] = str(error)
                log.warning("waiting", part=part, error=str(error))
        except Exception as error:  # a bug here must neither hold the counts up nor go unsaid
            if self._said.get(part) != repr(error):
                self._said[part] = repr(error)
                log.exception("failed", part=part, error=repr(error))
        else:
            self._said.pop(part, None)
