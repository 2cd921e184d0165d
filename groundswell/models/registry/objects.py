"""
The port of the store beneath a registry: named objects, written once, whole or not at all.

Rules: paths are relative, joined by slashes, and were checked before they come here; a name is taken
by whoever creates it first.
"""

from pathlib import Path
from typing import Protocol


class Objects(Protocol):
    """A store of objects; every call may raise ``Transient`` when it is away."""

    def read(self, path: str, most: int) -> bytes | None:
        """Return what stands there, None if nothing does; raises ``BundleError`` above ``most`` bytes."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Write an object whole unless one of that name exists; say whether this call wrote it."""
        ...

    def put(self, path: str, source: Path) -> None:
        """Write an object from a file; one of that name is replaced, for it has the same content."""
        ...

    def get(self, path: str, target: Path, size: int) -> None:
        """Copy an object to a new file; raises ``BundleError`` if it is absent or has another size."""
        ...

    def names(self, below: str) -> list[str]:
        """Return the paths of all whole objects in a folder and its folders, sorted."""
        ...

    def written(self, path: str) -> float | None:
        """Return when an object was written, in seconds of the epoch; None if the store does not tell."""
        ...

    def remove(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...
