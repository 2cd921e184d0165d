"""The twin of the stores: objects in memory, for tests and for programs that try something out."""

import threading
from pathlib import Path

from groundswell.errors import BundleError


class MemoryObjects:
    """See ``Objects``; ``now`` gives the seconds at which an object counts as written."""

    def __init__(self, now: float | None = None) -> None:
        self.now = now
        self._held: dict[str, bytes] = {}
        self._written: dict[str, float | None] = {}
        self._lock = threading.Lock()

    def read(self, path: str, most: int) -> bytes | None:
        """See ``Objects``."""
        data = self._held.get(path)
        if data is not None and len(data) > most:
            raise BundleError(f"{path}: {len(data)} bytes; at most {most} are read")
        return data

    def create(self, path: str, data: bytes) -> bool:
        """See ``Objects``."""
        with self._lock:
            if path in self._held:
                return False
            self._held[path], self._written[path] = data, self.now
            return True

    def put(self, path: str, source: Path) -> None:
        """See ``Objects``."""
        data = source.read_bytes()
        with self._lock:
            self._held[path], self._written[path] = data, self.now

    def get(self, path: str, target: Path, size: int) -> None:
        """See ``Objects``."""
        data = self._held.get(path)
        if data is None or len(data) != size:
            held = "is not there" if data is None else f"has {len(data)} bytes"
            raise BundleError(f"{path}: {held}; {size} bytes were asked for")
        with target.open("xb") as stream:
            stream.write(data)

    def names(self, below: str) -> list[str]:
        """See ``Objects``."""
        return sorted(path for path in self._held if path.startswith(f"{below}/"))

    def written(self, path: str) -> float | None:
        """See ``Objects``."""
        return self._written.get(path)

    def remove(self, path: str) -> None:
        """See ``Objects``."""
        with self._lock:
            self._held.pop(path, None)
            self._written.pop(path, None)
