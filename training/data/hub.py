"""
Data sets of a hub, through the optional package ``datasets``.

Rule: it never waits for a network that is not there. The hub is asked once, for at most ``PATIENCE``
seconds, before the package is started; with ``HF_DATASETS_OFFLINE=1`` only its cache is read.
"""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from groundswell.errors import InputError

PREFIX: Final = "hf://"
PATIENCE: Final = 10.0
"""Seconds."""
_OFFLINE: Final = ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE")
_PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one split, their SHA-256 as JSON lines, and the licence that the hub states."""

    rows: tuple[dict[str, Any], ...]
    sha256: str
    licence: str


Loader = Callable[..., Any]


def load(
    name: str,
    split: str,
    *,
    environment: Mapping[str, str] = os.environ,
    loader: Loader | None = None,
) -> Found:
    """
    Load ``OWNER/NAME``; class numbers become the names of their classes.

    ``loader`` stands in for ``datasets.load_dataset``. Raises ``InputError`` that says what to do when
    the package or the network is absent, or the hub has no such set.
    """
    if len(name.split("/")) != _PARTS or not all(name.split("/")):
        raise InputError(f"{PREFIX}{name}: write {PREFIX}OWNER/NAME or {PREFIX}OWNER/NAME:SPLIT")
    loader = loader or _package(name)
    if not any(environment.get(key, "") not in {"", "0"} for key in _OFFLINE):
        _knock(name, environment.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        data = loader(name, split=split)
    except Exception as error:  # the package raises whatever its own dependencies do
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{PREFIX}{name}:{split}: cannot be loaded ({first}); download it once where there is a "
            "network, or give the rows as a .jsonl file"
        ) from error
    names = {
        key: feature.names
        for key, feature in (getattr(data, "features", None) or {}).items()
        if getattr(feature, "names", None)
    }
    rows = tuple({key: _named(row[key], names.get(key)) for key in row} for row in data)
    try:
        content = b"\n".join(msgspec.json.encode(row, order="deterministic") for row in rows)
    except TypeError as error:
        raise InputError(f"{PREFIX}{name}: holds what is no text or number ({error})") from None
    info = getattr(data, "info", None)
    licence = str(getattr(info, "license", "") or "")
    return Found(rows, hashlib.sha256(content).hexdigest(), licence)


def _named(value: Any, names: list[str] | None) -> Any:
    if names is None or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None  # -1 says that there is no label


def _package(name: str) -> Loader:
    try:
        from datasets import load_dataset
    except ModuleNotFoundError:
        raise InputError(
            f"{PREFIX}{name}: needs the package `datasets`: pip install 'groundswell[hub]'; "
            "or give the rows as a .jsonl file"
        ) from None
    except ImportError as error:  # it stands beside a version of its own parts that it cannot use
        raise InputError(
            f"{PREFIX}{name}: the package `datasets` does not fit what is installed ({error}); "
            "pip install 'groundswell[hub]' takes one that does, or give the rows as a .jsonl file"
        ) from None
    loader: Loader = load_dataset
    return loader


def _knock(name: str, endpoint: str) -> None:
    """Ask the hub for the set, so that a network that is away is told from a set that is."""
    url = f"{endpoint.rstrip('/')}/api/datasets/{name}"
    if not url.startswith(("https://", "http://")):
        raise InputError(f"HF_ENDPOINT: {endpoint} must begin with https://")
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):  # noqa: S310 - the scheme is checked
            pass
    except urllib.error.HTTPError as error:
        if error.code in {401, 403, 404}:
            raise InputError(
                f"{PREFIX}{name}: the hub has no such set, or not for you ({error.code}); check the name"
            ) from None
    except OSError as error:
        raise InputError(
            f"{PREFIX}{name}: no network to {endpoint} ({getattr(error, 'reason', error)}); give the "
            "rows as a .jsonl file, or set HF_DATASETS_OFFLINE=1 to read what was downloaded before"
        ) from None
