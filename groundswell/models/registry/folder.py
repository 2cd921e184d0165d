"""
A directory as a store: what is written stands aside until it is whole, then gets its name.

A name is taken by a hard link, which fails if the name exists, whoever else is at it and on a network
file system as well; where there are no links, by an exclusive open. Rule: no path is followed through a
symbolic link.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from groundswell.errors import BundleError, Transient

_ASIDE: Final = ".aside-"


class FolderObjects:
    """See ``Objects``; the directory is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def read(self, path: str, most: int) -> bytes | None:
        """See ``Objects``."""
        place = self._place(path)
        with self._told(path):
            try:
                with place.open("rb") as stream:
                    data = stream.read(most + 1)
            except (FileNotFoundError, NotADirectoryError):
                return None
        if len(data) > most:
            raise BundleError(f"{place}: more than the {most} bytes that are read")
        return data

    def create(self, path: str, data: bytes) -> bool:
        """See ``Objects``."""
        place = self._place(path)
        with self._told(path), _aside(place) as (aside, stream):
            stream.write(data)
            _flush(stream)
            try:
                os.link(aside, place)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                return _create_plainly(place, data)
            _flush_folder(place.parent)
        return True

    def put(self, path: str, source: Path) -> None:
        """See ``Objects``."""
        place = self._place(path)
        with self._told(path), _aside(place) as (aside, stream):
            with source.open("rb") as origin:
                shutil.copyfileobj(origin, stream)
            _flush(stream)
            aside.replace(place)
            _flush_folder(place.parent)

    def get(self, path: str, target: Path, size: int) -> None:
        """See ``Objects``."""
        place = self._place(path)
        with self._told(path):
            if not place.is_file() or place.stat().st_size != size:
                raise BundleError(f"{place}: is no file of {size} bytes, which the manifest says")
            with place.open("rb") as origin, target.open("xb") as stream:
                shutil.copyfileobj(origin, stream)

    def names(self, below: str) -> list[str]:
        """See ``Objects``."""
        with self._told(below):
            return sorted(
                path.relative_to(self._root).as_posix()
                for path in self._place(below).rglob("*")
                if path.is_file() and not path.name.startswith(_ASIDE)
            )

    def written(self, path: str) -> float | None:
        """See ``Objects``."""
        try:
            return self._place(path).stat().st_mtime
        except OSError:
            return None

    def remove(self, path: str) -> None:
        """See ``Objects``."""
        place = self._place(path)
        with self._told(path):
            place.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the first that holds something stays, and all above it
            for folder in place.relative_to(self._root.resolve()).parents[:-1]:
                (self._root / folder).rmdir()

    def _place(self, path: str) -> Path:
        """Return where a path leads; raises ``BundleError`` where a link leads it elsewhere."""
        root = self._root.resolve()
        place = root / path
        if place.resolve() != place or not place.is_relative_to(root):
            raise BundleError(f"{self._root / path}: leads elsewhere through a link")
        return place

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Transient(f"registry {self._root}: {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _aside(place: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Open a file beside ``place``, which is gone afterwards unless it was renamed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f"{_ASIDE}{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as stream:
            yield aside, stream
    finally:
        aside.unlink(missing_ok=True)


def _create_plainly(place: Path, data: bytes) -> bool:
    try:
        with place.open("xb") as stream:
            stream.write(data)
            _flush(stream)
    except FileExistsError:
        return False
    return True


def _flush(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
