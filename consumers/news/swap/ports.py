"""The port of swapping: who tells of moves."""

from typing import Protocol


class Moves(Protocol):
    """Tells that an alias of the registry may have moved; to poll would be enough without it."""

    async def heard(self) -> None:
        """Wait until somebody says so; raises ``Transient`` while nobody can."""
        ...

    async def stop(self) -> None:
        """Close. Idempotent."""
        ...
