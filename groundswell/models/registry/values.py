"""
What the registry holds besides the bundles' files: marks of versions and moves of aliases.

Rules: a record is written once and never changed; what may stand in a path is decided here and nowhere
else. Pure.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from groundswell.errors import BundleError, CannotContinue, InputError
from groundswell.models.bundle import MANIFEST, Manifest, Sha256, files_of
from groundswell.models.signing import SIGNATURE

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
"""What the champion was before: derived from the champion's own record, so that the two cannot disagree."""
ALIASES: Final = (CHAMPION, CHALLENGER)
"""The aliases that are moved."""

MOST_FILES: Final = 64
MOST_BYTES: Final = 8 * 1024**3
"""Of all files of a bundle together."""
MOST_MANIFEST: Final = 4 * 1024**2
MOST_RECORD: Final = 64 * 1024

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,95}")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,95}")


class Conflict(CannotContinue):
    """Somebody else moved the alias, or stored another bundle of this name: look again, then decide."""


class Version(msgspec.Struct, frozen=True):
    """A bundle in the registry: its ``name@version`` and the SHA-256 of its manifest, which says the rest."""

    id: str
    manifest: Sha256

    def __str__(self) -> str:
        return self.id


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """That a version is whole: written last, once, after every file."""

    version: Version
    at: str
    by: str
    blessed: bool
    bytes: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """
    One move of an alias: to ``version`` (None: it names nothing now) from ``before``.

    ``generation`` counts the moves of this alias from 1. ``forced`` says that the version had no blessing.
    ``nonce`` tells two records apart that say the same.
    """

    alias: str
    generation: Annotated[int, Meta(ge=1)]
    version: Version | None
    before: Version | None
    at: str
    by: str
    reason: str
    forced: bool
    nonce: str


def parse_version(text: str) -> tuple[str, str]:
    """Return name and version of ``name@version``; raises ``InputError``."""
    name, _, version = text.partition("@")
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(version):
        raise InputError(
            f"{text!r} is no bundle of a registry: NAME@VERSION is asked, of letters, digits and . _ + -"
        )
    return name, version


def mark_path(version_id: str) -> str:
    """Return where the mark of a version stands."""
    name, version = parse_version(version_id)
    return f"versions/{name}/{version}.json"


def folder_of(version: Version) -> str:
    """Return where the files stand: two bundles of one name that race cannot mix theirs."""
    name, number = parse_version(version.id)
    return f"bundles/{name}/{number}/{version.manifest[:16]}"


def move_path(alias: str, generation: int) -> str:
    """Return where a move stands; the names sort as the moves came."""
    return f"aliases/{alias}/{generation:010d}.json"


def check_alias(alias: str) -> str:
    """Return an alias that can be moved; raises ``InputError``."""
    if alias not in ALIASES:
        raise InputError(f"{alias!r} is no alias that can be moved: {', '.join(ALIASES)}")
    return alias


def check_places(manifest: Manifest) -> None:
    """
    Refuse paths that lead out of a bundle's folder or stand twice, and sizes out of bounds.

    Raises ``BundleError``. A path is plain names joined by slashes, none of which begins with a dot.
    """
    files = files_of(manifest)
    seen = {MANIFEST, SIGNATURE}
    for file in files:
        if not all(_PART.fullmatch(part) for part in file.path.split("/")):
            raise BundleError(f"bundle {manifest.id}: {file.path!r} is no path inside a bundle")
        folded = file.path.casefold()
        if folded in seen:
            raise BundleError(f"bundle {manifest.id}: {file.path!r} stands twice")
        seen.add(folded)
        if file.bytes < 0:
            raise BundleError(f"bundle {manifest.id}: {file.path!r} has {file.bytes} bytes")
    total = sum(file.bytes for file in files)
    if len(files) > MOST_FILES or total > MOST_BYTES:
        raise BundleError(
            f"bundle {manifest.id}: {len(files)} files of {total:,} bytes; at most {MOST_FILES} of "
            f"{MOST_BYTES:,} are taken"
        )


def encode(record: Mark | Move) -> bytes:
    """Return a record as it is stored."""
    return msgspec.json.encode(record) + b"\n"
