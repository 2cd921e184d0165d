"""The in-memory twin of the schemes on record; it passes the same contract suite."""

from collections.abc import Callable, Sequence

from consumers.records.schemes.ports import SchemeOnRecord
from groundswell.errors import InputError
from groundswell.schemes import SCHEMES, Scheme


class MemorySchemes:
    """Schemes in memory; ``wall`` is the time in ms."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self._held: dict[str, SchemeOnRecord] = {}

    async def schemes(self, *, dropped: bool = False) -> Sequence[SchemeOnRecord]:
        return tuple(
            self._held[n] for n in sorted(self._held) if dropped or not self._held[n].dropped
        )

    async def add(self, name: str, scheme: Scheme) -> SchemeOnRecord:
        held = self._held.get(name)
        if held is not None and not held.dropped:
            return held
        if sum(not other.dropped for other in self._held.values()) >= SCHEMES:
            raise no_room()
        self._held[name] = SchemeOnRecord(name, scheme, dropped=False, at=self._wall())
        return self._held[name]

    async def drop(self, name: str) -> bool:
        held = self._held.get(name)
        if held is None or held.dropped:
            return False
        self._held[name] = held._replace(dropped=True, at=self._wall())
        return True

    async def close(self) -> None:
        return


def no_room() -> InputError:
    """Return the error that says how many schemes there may be."""
    return InputError(
        f"there are {SCHEMES} schemes already, the most that are kept: drop one first"
    )
