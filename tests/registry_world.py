"""Stores to keep a registry in, and bundles to put there: copies of the tiny one under other names."""

import shutil
import uuid
from pathlib import Path

import msgspec

from groundswell.models.bundle import MANIFEST, Blessing, Manifest, describe
from groundswell.models.registry.buckets import BucketObjects
from groundswell.models.registry.folder import FolderObjects
from groundswell.models.registry.memory import MemoryObjects
from groundswell.models.registry.opening import open_objects

TINY = Path(__file__).parent / "data" / "tiny-bundle"
STORES = ("twin", "folder", "memory://", "fsspec on a disk")
BLESSED = Blessing(at="2026-01-02T03:04:05Z", by="a test")


def store_of(kind, tmp_path):
    if kind == "twin":
        return MemoryObjects()
    if kind == "folder":
        return FolderObjects(tmp_path / "registry")
    if kind == "memory://":
        return open_objects(f"memory://{uuid.uuid4().hex}/registry")
    from fsspec.implementations.local import LocalFileSystem

    return BucketObjects(LocalFileSystem(), str(tmp_path / "registry"))


def read(directory):
    return msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)


def write(directory, manifest):
    (directory / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def bundle(folder, version="1", *, blessed=True, **changes):
    """A whole bundle ``tiny@VERSION`` in a folder of that name."""
    made = folder / f"tiny-{version}"
    shutil.copytree(TINY, made)
    card = made / "card.md"
    card.write_text(f"# tiny {version}\n", encoding="utf-8")
    manifest = msgspec.structs.replace(
        read(made),
        version=version,
        card=describe(made, card),
        blessing=BLESSED if blessed else None,
        **changes,
    )
    write(made, manifest)
    return made


class Ticks:
    """A clock that moves on by a second whenever it is read."""

    def __init__(self):
        self.seconds = 0

    def __call__(self):
        self.seconds += 1
        return f"2026-01-01T00:{self.seconds // 60:02d}:{self.seconds % 60:02d}Z"
