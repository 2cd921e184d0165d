"""
Removing old versions: never one that an alias names, nor one of the last few.

A promotion may meet the sweep. The sweep takes the mark away and then looks at the aliases again; a
promotion writes the alias and then looks for the mark. Whichever comes second sees the other: the sweep
puts the mark back, or the promotion goes back and says so.
"""

from typing import Final

from groundswell.models.registry.registry import Registry
from groundswell.models.registry.values import (
    ALIASES,
    MOST_RECORD,
    Version,
    folder_of,
    mark_path,
)

GRACE: Final = 86_400
"""Seconds for which files without a mark are left alone: they may be on their way in."""


def named(registry: Registry) -> set[Version]:
    """Return the versions that an alias names, or will name after a rollback."""
    moves = [registry.moved(alias) for alias in ALIASES]
    found = {version for move in moves if move for version in (move.version, move.before)}
    return {version for version in found if version is not None}


def sweep(registry: Registry, keep: int, now: float, *, dry: bool = False) -> list[str]:
    """
    Remove all versions but the last ``keep`` and those that an alias names; return what was removed.

    ``now`` is in seconds of the epoch; files that belong to no version go when they are older than
    ``GRACE``. ``dry`` only says what would go.
    """
    marks = registry.versions()
    kept = named(registry)
    removed: list[str] = []
    for mark in marks[keep:]:
        if mark.version in kept or (not dry and not _remove(registry, mark.version)):
            continue
        removed.append(mark.version.id)
    return removed + _orphans(registry, now, dry=dry)


def _remove(registry: Registry, version: Version) -> bool:
    objects = registry.shelf.objects
    path = mark_path(version.id)
    mark = objects.read(path, MOST_RECORD)
    objects.remove(path)
    if version in named(registry):
        if mark is not None:
            objects.create(path, mark)
        return False
    registry.shelf.remove_files(version)
    return True


def _orphans(registry: Registry, now: float, *, dry: bool) -> list[str]:
    objects = registry.shelf.objects
    known = tuple(f"{folder_of(mark.version)}/" for mark in registry.versions())
    removed = []
    for path in objects.names("bundles"):
        written = objects.written(path)
        if path.startswith(known) or written is None or now - written < GRACE:
            continue
        if not dry:
            objects.remove(path)
        removed.append(path)
    return removed
