"""The notes of shadow runs in memory: the twin of those in Redis, and what the tests look into."""

from collections import defaultdict
from collections.abc import Mapping

from consumers.shadows import Pair, Seen


class MemoryShadows:
    """See ``ShadowNotes``."""

    def __init__(self) -> None:
        self._last: dict[str, Pair] = {}
        self._held: defaultdict[Pair, dict[str, Seen]] = defaultdict(dict)

    async def add(self, pair: Pair, seen: Mapping[str, Seen]) -> None:
        self._last[pair.new] = pair
        for series, counts in seen.items():
            held = self._held[pair].get(series, Seen(0, 0, 0))
            self._held[pair][series] = held.plus(counts)

    async def pairs(self) -> list[Pair]:
        return list(self._last.values())

    async def read(self, pair: Pair) -> Mapping[str, Seen]:
        return dict(self._held.get(pair, {}))

    async def close(self) -> None:
        return None
