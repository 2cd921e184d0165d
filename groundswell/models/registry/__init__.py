"""
The registry of bundles: versions that never change, and the names by which programs ask for them.

    open_registry(url, public_key) -> Registry
    Registry.alias("champion")     -> the version that consumers serve
    Registry.fetch(version, into)  -> a directory whose every file was checked

Everything here blocks: call it in a thread. See ``docs/models.md``.
"""

from groundswell.models.registry.announcing import Announcer
from groundswell.models.registry.opening import open_registry
from groundswell.models.registry.registry import Moved, Registry
from groundswell.models.registry.values import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Conflict,
    Mark,
    Move,
    Version,
    parse_version,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "PREVIOUS",
    "Announcer",
    "Conflict",
    "Mark",
    "Move",
    "Moved",
    "Registry",
    "Version",
    "open_registry",
    "parse_version",
]
