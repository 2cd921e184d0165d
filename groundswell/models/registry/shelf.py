"""
The versions of a registry: stored whole, never changed, and handed out only after every check.

Rules: the files come first and the mark last, so that a version without a mark does not exist; the
signature is checked before the manifest is read, the manifest before any file is fetched.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

import msgspec

from groundswell.errors import BundleError, InputError
from groundswell.models.bundle import MANIFEST, Manifest, files_of, load_manifest
from groundswell.models.registry.objects import Objects
from groundswell.models.registry.values import (
    MOST_MANIFEST,
    MOST_RECORD,
    Conflict,
    Mark,
    Version,
    check_places,
    encode,
    folder_of,
    mark_path,
)
from groundswell.models.signing import MOST_SIGNATURE, SIGNATURE, verify


class Shelf:
    """The versions in a store; with a ``public_key`` only signed ones are taken and given."""

    def __init__(self, objects: Objects, public_key: bytes | None) -> None:
        self.objects = objects
        self.public_key = public_key

    def mark(self, version_id: str) -> Mark | None:
        """Return the mark of ``name@version``; None if there is no such version."""
        path = mark_path(version_id)
        data = self.objects.read(path, MOST_RECORD)
        if data is None:
            return None
        try:
            found = msgspec.json.decode(data, type=Mark)
        except msgspec.DecodeError as error:
            raise BundleError(f"{path}: {error}") from error
        if found.version.id != version_id:
            raise BundleError(f"{path}: speaks of {found.version.id!r}")
        return found

    def marks(self) -> list[Mark]:
        """Return the marks of all versions, the newest first."""
        found = []
        for path in self.objects.names("versions"):
            name, _, number = path.removeprefix("versions/").removesuffix(".json").partition("/")
            mark = self.mark(f"{name}@{number}")
            if mark is not None:
                found.append(mark)
        return sorted(found, key=lambda mark: (mark.at, mark.version.id), reverse=True)

    def signature(self, version: Version) -> bytes | None:
        """Return the signature file of a version, unchecked."""
        return self.objects.read(f"{folder_of(version)}/{SIGNATURE}", MOST_SIGNATURE)

    def manifest(self, version: Version) -> Manifest:
        """Return the manifest after checking hash, signature and places; raises ``BundleError``."""
        return self._read(version)[0]

    def _read(self, version: Version) -> tuple[Manifest, bytes, bytes | None]:
        mark = self.mark(version.id)
        if mark is None:
            raise BundleError(f"{version}: the registry has no such version")
        raw = self.objects.read(f"{folder_of(version)}/{MANIFEST}", MOST_MANIFEST)
        if mark.version != version or raw is None or _sha256(raw) != version.manifest:
            raise BundleError(
                f"{version}: the manifest in the registry is not the one that was meant"
            )
        signature = self.signature(version)
        if self.public_key is not None:
            verify(version.id, raw, signature, self.public_key)
        manifest = _decode(version.id, raw)
        if manifest.id != version.id:
            raise BundleError(f"{version}: its manifest says {manifest.id}")
        return manifest, raw, signature

    def store(self, directory: Path, *, at: str, by: str) -> Version:
        """
        Store the bundle in a directory; one that is there already is left as it is.

        Raises ``BundleError`` if it is not whole or not signed as required, ``Conflict`` if another
        bundle has its name and version.
        """
        manifest = load_manifest(directory)
        raw = (directory / MANIFEST).read_bytes()
        if _decode(str(directory), raw) != manifest:
            raise BundleError(f"{directory}: changes while it is read")
        place = directory / SIGNATURE
        signature = place.read_bytes() if place.exists() else None
        if self.public_key is not None:
            verify(manifest.id, raw, signature, self.public_key)
        version = Version(manifest.id, _sha256(raw))
        mark_path(version.id)  # raises where the name cannot stand in a path
        folder = folder_of(version)
        if not self._is_there(version):
            for file in files_of(manifest):
                self.objects.put(f"{folder}/{file.path}", directory / file.path)
            self.objects.put(f"{folder}/{MANIFEST}", directory / MANIFEST)
        if signature is not None:
            self.objects.put(f"{folder}/{SIGNATURE}", place)
        mark = Mark(
            version=version,
            at=at,
            by=by,
            blessed=manifest.blessing is not None,
            bytes=sum(file.bytes for file in files_of(manifest)),
        )
        if not self.objects.create(mark_path(version.id), encode(mark)):
            self._is_there(version)
        return version

    def _is_there(self, version: Version) -> bool:
        """Whether this version is stored; raises ``Conflict`` where another has its name."""
        found = self.mark(version.id)
        if found is not None and found.version != version:
            raise Conflict(
                f"{version}: the registry holds another bundle of this name and version, and versions "
                "never change; export it under another --name, or train it anew"
            )
        return found is not None

    def fetch(self, version: Version, into: Path) -> Path:
        """
        Return the directory of a version in ``into``, every file of it checked.

        What is there from an earlier call is checked again, and replaced if it is not whole. Raises
        ``BundleError`` and, where the store is away, ``Transient``.
        """
        manifest, raw, signature = self._read(version)
        target = into / version.id
        if _is_whole(target, raw):
            _write(target, raw, signature)
            return target
        try:
            into.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".fetch-", dir=into))
        except OSError as error:
            raise InputError(f"{into}: cannot be written ({error.strerror})") from error
        try:
            for file in files_of(manifest):
                place = aside / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                self.objects.get(f"{folder_of(version)}/{file.path}", place, file.bytes)
            _write(aside, raw, signature)
            load_manifest(aside)
            if target.is_symlink() or target.is_file():
                target.unlink()
            elif target.exists():
                target.rename(aside / ".broken")
            try:
                aside.rename(target)
            except OSError:  # another process was quicker
                if not _is_whole(target, raw):
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(target / ".broken", ignore_errors=True)
        return target

    def remove_files(self, version: Version) -> None:
        """Remove the files of a version whose mark is gone."""
        for path in self.objects.names(folder_of(version)):
            self.objects.remove(path)


def _decode(what: str, raw: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(f"{what}: {MANIFEST}: {error}") from error
    check_places(manifest)
    return manifest


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_whole(directory: Path, raw: bytes) -> bool:
    """Whether a directory holds exactly this bundle."""
    try:
        if directory.is_symlink() or (directory / MANIFEST).read_bytes() != raw:
            return False
        load_manifest(directory)
    except (OSError, BundleError):
        return False
    return True


def _write(directory: Path, raw: bytes, signature: bytes | None) -> None:
    """Write manifest and signature, where they are not there as they should be."""
    for name, data in ((MANIFEST, raw), (SIGNATURE, signature)):
        path = directory / name
        if data is not None and not (path.is_file() and path.read_bytes() == data):
            path.write_bytes(data)
