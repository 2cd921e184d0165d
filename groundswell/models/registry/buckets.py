"""
An object store as fsspec knows it: s3://, gs://, az://, memory:// and the others.

A name is taken by the store's own conditional write (``mode="create"``: If-None-Match on S3, generation 0
on Google Cloud, no overwriting on Azure). What stands there is read back: so an answer that was lost on
the way is no doubt, and a store that overlooks the condition is noticed unless two writers meet between
writing and reading.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from groundswell.errors import BundleError, Transient

_CHUNK: Final = 1024 * 1024
_CREATING: Final = threading.Lock()
"""``memory://`` looks and then writes: threads of one process take turns."""


class BucketObjects:
    """See ``Objects``; ``store`` is fsspec's file system, ``root`` a path in it."""

    def __init__(self, store: Any, root: str) -> None:
        self._store = store
        self._root = root.rstrip("/")

    def read(self, path: str, most: int) -> bytes | None:
        """See ``Objects``."""
        with self._told(path):
            try:
                with self._store.open(self._place(path), "rb") as stream:
                    data: bytes = stream.read(most + 1)
            except FileNotFoundError:
                return None
        if len(data) > most:
            raise BundleError(f"{path}: more than the {most} bytes that are read")
        return data

    def create(self, path: str, data: bytes) -> bool:
        """See ``Objects``."""
        with self._told(path), _CREATING:
            if self._store.exists(self._place(path)):
                return False
            fault: OSError | None = None
            try:
                self._store.makedirs(self._place(path).rpartition("/")[0], exist_ok=True)
                self._store.pipe_file(self._place(path), data, mode="create")
            except FileExistsError:
                return False
            except (
                OSError
            ) as error:  # taken by another, or the answer was lost: what stands there tells
                fault = error
            found = self.read(path, len(data) + 1)
            if found is None:
                raise fault or OSError("what was written is not there")
            return found == data

    def put(self, path: str, source: Path) -> None:
        """See ``Objects``."""
        with self._told(path):
            self._store.makedirs(self._place(path).rpartition("/")[0], exist_ok=True)
            self._store.put_file(str(source), self._place(path))

    def get(self, path: str, target: Path, size: int) -> None:
        """See ``Objects``."""
        left = size
        with self._told(path):
            try:
                with (
                    self._store.open(self._place(path), "rb") as origin,
                    target.open("xb") as stream,
                ):
                    while left >= 0 and (chunk := origin.read(min(_CHUNK, left + 1))):
                        stream.write(chunk)
                        left -= len(chunk)
            except FileNotFoundError:
                raise BundleError(f"{path}: is not there; the manifest names it") from None
        if left:
            raise BundleError(f"{path}: has not the {size} bytes that the manifest says")

    def names(self, below: str) -> list[str]:
        """See ``Objects``."""
        with self._told(below):
            self._store.invalidate_cache()
            try:
                found = self._store.find(self._place(below))
            except FileNotFoundError:
                return []
        start = len(self._root.lstrip("/")) + 1
        return sorted(str(path).lstrip("/")[start:] for path in found)

    def written(self, path: str) -> float | None:
        """See ``Objects``."""
        try:
            moment = self._store.modified(self._place(path))
        except (OSError, NotImplementedError, KeyError):
            return None
        return moment.timestamp() if isinstance(moment, datetime) else None

    def remove(self, path: str) -> None:
        """See ``Objects``."""
        with self._told(path), contextlib.suppress(FileNotFoundError):
            self._store.rm_file(self._place(path))

    def _place(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Transient(f"registry: {path}: {error}") from error
