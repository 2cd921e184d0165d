"""
The registry as `consume` uses it: asked in threads, its bundles kept in a directory of our own.

Rules: what is handed out was checked against the registry's public key, also what stood there from
before; which version last served well is written down, so that a start without the registry needs
nobody's help.
"""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from groundswell.errors import BundleError, SettingsError
from groundswell.models.bundle import MANIFEST, load_manifest, sha256_of
from groundswell.models.registry import Move, Moved, Registry, Version, open_registry
from groundswell.models.registry.announcing import Announcer
from groundswell.models.signing import verify_bundle
from groundswell.settings import Settings

GOOD: Final = "last-good.json"
BEGUN: Final = "begun.json"
KEPT: Final = 4
"""Bundles that are kept here at most, beside the last good one."""
BY: Final = "groundswell consume"


def key_of(version: Version) -> str:
    """Return a name that no other bundle has."""
    return f"{version.id} {version.manifest}"


class _Begun(msgspec.Struct, frozen=True):
    """How often a start was made with a version before it had served for a while."""

    version: Version
    times: int


class Bundles:
    """A registry, and the directory ``cache`` in which its bundles are kept; with a ``public_key``, signed ones."""

    def __init__(self, registry: Registry, cache: Path, public_key: bytes | None) -> None:
        self._registry = registry
        self._cache = cache
        self._public_key = public_key

    async def moved(self, alias: str) -> Move | None:
        """Return the last move of an alias; raises ``Transient`` and ``BundleError``."""
        return await asyncio.to_thread(self.moved_now, alias)

    def moved_now(self, alias: str) -> Move | None:
        """Do what ``moved`` does; blocks."""
        return self._registry.moved(alias)

    def fetch(self, version: Version) -> Path:
        """Return the directory of a version, every file checked; blocks. As ``Registry.fetch``."""
        return self._registry.fetch(version, self._cache)

    async def roll_back(self, bad: Version, reason: str) -> Moved:
        """Let the alias name what it named before ``bad``; raises ``Conflict`` if it names another now."""
        return await asyncio.to_thread(self._registry.rollback, bad, reason=reason, by=BY)

    def note_good(self, version: Version) -> None:
        """Write down that a version serves well; blocks."""
        self._write(GOOD, msgspec.json.encode(version))
        (self._cache / BEGUN).unlink(missing_ok=True)
        self._sweep(version)

    def _sweep(self, good: Version) -> None:
        """Remove the bundles that were fetched longest ago; what is gone is fetched again if wanted."""
        found = [path for path in self._cache.iterdir() if "@" in path.name and path.is_dir()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[KEPT:]:
            if path.name != good.id:
                shutil.rmtree(path, ignore_errors=True)

    def begin(self, version: Version) -> int:
        """Count a start with a version that has not proven itself here since; blocks."""
        times = 1
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            found = msgspec.json.decode((self._cache / BEGUN).read_bytes(), type=_Begun)
            times += found.times if found.version == version else 0
        self._write(BEGUN, msgspec.json.encode(_Begun(version, times)))
        return times

    def _write(self, name: str, data: bytes) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        aside = self._cache / f".{name}.{os.getpid()}"
        aside.write_bytes(data)
        aside.replace(self._cache / name)

    def last_good(self) -> tuple[Path, Version] | None:
        """
        Return the version that served well last, as it stands here; None if none is known. Blocks.

        Raises ``BundleError`` if it is not what it was.
        """
        path = self._cache / GOOD
        try:
            version = msgspec.json.decode(path.read_bytes(), type=Version)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise BundleError(f"{path}: cannot be read ({error})") from error
        if "/" in version.id or version.id.startswith("."):
            raise BundleError(f"{path}: {version.id!r} is no name of a bundle")
        directory = self._cache / version.id
        if self._public_key is not None:
            verify_bundle(directory, self._public_key)
        manifest = load_manifest(directory)
        if manifest.id != version.id or sha256_of(directory / MANIFEST) != version.manifest:
            raise BundleError(f"{directory}: is not the bundle that served last")
        return directory, version


def open_bundles(settings: Settings, announcer: Announcer | None = None) -> Bundles | None:
    """Open the registry of the settings, None if none is set; raises ``SettingsError``."""
    if not settings.registry_url:
        return None
    path, public_key = settings.registry_public_key, None
    if path is not None:
        try:
            public_key = path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f"registry_public_key: {path} cannot be read ({error.strerror})"
            ) from error
    registry = open_registry(settings.registry_url, public_key, announcer)
    return Bundles(registry, settings.bundle_cache, public_key)
