"""
The lists of ``watch``: trusted sources and grave events, as YAML, shipped or the operator's own.

Rules: read once at the start; a list that cannot be used stops the start with its file and the reason.
"""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from consumers.watch.core.grave import Graves
from consumers.watch.core.tiers import Tiers, tiers_of
from groundswell.errors import InputError

HERE: Final = Path(__file__).parent
T = TypeVar("T")


class Trusted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of the trusted tier."""

    trusted: tuple[str, ...]


def trusted_sources(file: Path | None = None) -> Tiers:
    """Read the trusted tier; None: the shipped list. Raises ``InputError``."""
    return tiers_of(_read(file or HERE / "trusted.yaml", Trusted).trusted)


def grave_events(file: Path | None = None) -> Graves:
    """Read the grave events; None: the shipped list. Raises ``InputError``."""
    path = file or HERE / "events.yaml"
    graves = _read(path, Graves)
    if not 0 <= graves.negative <= 1:
        raise InputError(f"{path}: `negative` is {graves.negative}, a probability from 0 to 1")
    return graves


def _read(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error
