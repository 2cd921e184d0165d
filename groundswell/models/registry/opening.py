"""From the address of a registry to the registry: which store, and which public key."""

from pathlib import Path
from typing import Any

from groundswell.errors import SettingsError
from groundswell.models.registry.announcing import Announcer
from groundswell.models.registry.buckets import BucketObjects
from groundswell.models.registry.folder import FolderObjects
from groundswell.models.registry.objects import Objects
from groundswell.models.registry.registry import Registry
from groundswell.models.signing import read_public


def open_registry(
    url: str, public_key: bytes | None, announcer: Announcer | None = None
) -> Registry:
    """
    Open the registry at ``url``: a directory, or an address that fsspec knows.

    ``public_key`` is PEM; with it no bundle is handed out unless it was signed with the private one.
    Nothing is read or written yet. Raises ``SettingsError``.
    """
    if public_key is not None:
        read_public(public_key)
    return Registry(open_objects(url), public_key, announcer)


def open_objects(url: str) -> Objects:
    """Return the store at an address; raises ``SettingsError``."""
    if not url.strip():
        raise SettingsError("registry_url: is empty; name a directory or the address of a store")
    if "::" in url:
        raise SettingsError("registry_url: one store is asked, and `::` chains several")
    if "://" not in url:
        return FolderObjects(Path(url))
    from fsspec.core import url_to_fs

    kind = url.partition("://")[0]
    try:
        store: Any
        store, root = url_to_fs(url)
    except ImportError as error:
        raise SettingsError(f"registry_url: {kind}:// needs a driver ({error})") from error
    except (ValueError, OSError) as error:
        raise SettingsError(f"registry_url: {kind}:// cannot be opened ({error})") from error
    if kind in {"file", "local"}:
        return FolderObjects(Path(root))
    return BucketObjects(store, root)
