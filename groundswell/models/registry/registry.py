"""
The registry: versions, the aliases that name them, and how an alias moves.

A move is an object of its own, numbered, created only if nobody else has created that number: so of two
who move an alias at once, one is told ``Conflict``, and the history of every alias stands there. The
champion's record says which version came before it: one write moves ``champion`` and ``previous``.
"""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from groundswell.errors import BundleError, GroundswellError, InputError
from groundswell.models.bundle import Manifest
from groundswell.models.registry.announcing import Announcer
from groundswell.models.registry.objects import Objects
from groundswell.models.registry.shelf import Shelf
from groundswell.models.registry.values import (
    ALIASES,
    CHAMPION,
    MOST_RECORD,
    PREVIOUS,
    Conflict,
    Mark,
    Move,
    Version,
    check_alias,
    encode,
    mark_path,
    move_path,
)
from groundswell.models.signing import signed_by


class Moved(NamedTuple):
    """A move that stands; ``fault`` says why it was not announced, "" if it was or nobody is to be told."""

    move: Move
    fault: str


def now() -> str:
    """Return the time as RFC 3339, in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Registry:
    """See the package; open one with ``open_registry``."""

    def __init__(
        self,
        objects: Objects,
        public_key: bytes | None = None,
        announcer: Announcer | None = None,
        clock: Callable[[], str] = now,
    ) -> None:
        self.shelf = Shelf(objects, public_key)
        self._objects = objects
        self._announcer = announcer
        self._clock = clock

    # Versions.

    def publish(self, directory: Path, *, by: str = "") -> Version:
        """Store the bundle in a directory; raises ``BundleError`` and ``Conflict``. No alias moves."""
        return self.shelf.store(directory, at=self._clock(), by=by)

    def versions(self) -> list[Mark]:
        """Return all versions, the newest first."""
        return self.shelf.marks()

    def find(self, text: str) -> Version:
        """Return the version of a ``name@version`` or of an alias; raises ``InputError``."""
        if text in {*ALIASES, PREVIOUS}:
            version = self.alias(text)
            if version is None:
                raise InputError(f"the alias {text} names no version")
            return version
        mark = self.shelf.mark(text)
        if mark is None:
            raise InputError(f"the registry has no version {text}; see `groundswell models list`")
        return mark.version

    def manifest(self, version: Version) -> Manifest:
        """Return the manifest, its hash and signature checked; raises ``BundleError``."""
        return self.shelf.manifest(version)

    def signer(self, version: Version) -> str:
        """Return the fingerprint of the key that a version claims to be signed with; "" if none."""
        return signed_by(self.shelf.signature(version))

    def fetch(self, version: Version, into: Path) -> Path:
        """
        Return a directory in ``into`` that holds the version, every file checked.

        Raises ``BundleError`` if it is unsigned, changed or not whole, ``Transient`` if the store is away.
        """
        return self.shelf.fetch(version, into)

    # Aliases.

    def alias(self, name: str) -> Version | None:
        """Return the version that an alias names, None if none; raises ``InputError``."""
        move = self.moved(CHAMPION if name == PREVIOUS else name)
        if move is None:
            return None
        return move.before if name == PREVIOUS else move.version

    def moved(self, alias: str) -> Move | None:
        """Return the last move of an alias, None before its first."""
        return next(iter(self.history(alias, 1)), None)

    def history(self, alias: str, most: int = 20) -> list[Move]:
        """Return the last moves of an alias, the newest first."""
        paths = self._objects.names(f"aliases/{check_alias(alias)}")
        found = []
        for path in paths[: -most - 1 : -1]:
            data = self._objects.read(path, MOST_RECORD)
            try:
                move = msgspec.json.decode(data or b"", type=Move)
            except msgspec.DecodeError as error:
                raise BundleError(f"{path}: {error}") from error
            if path != move_path(move.alias, move.generation) or move.alias != alias:
                raise BundleError(f"{path}: is the record of another move")
            found.append(move)
        return found

    def promote(
        self,
        version: Version,
        expected: Version | None,
        alias: str = CHAMPION,
        *,
        reason: str = "",
        force: bool = False,
        by: str = "",
    ) -> Moved:
        """
        Move an alias to ``version`` if it still names ``expected``; if it does so already, do nothing.

        Raises ``Conflict`` if it names another; ``BundleError`` if the version is not there, not signed
        as required, or has no blessing and is to be champion without ``force``; ``InputError`` if it is
        forced without a ``reason``.
        """
        last = self.moved(alias)
        if last is not None and last.version == version:
            return Moved(last, "")
        blessed = self.manifest(version).blessing is not None
        forced = alias == CHAMPION and not blessed
        if forced and not force:
            raise BundleError(
                f"{version}: no gate has blessed it; `groundswell models show {version}` says why. "
                "--force --reason TEXT promotes it all the same, and is kept"
            )
        if forced and not reason.strip():
            raise InputError("--force: say why with --reason; it is kept in the registry")
        return self._move(alias, version, expected, last, reason=reason, forced=forced, by=by)

    def rollback(self, expected: Version | None = None, *, reason: str = "", by: str = "") -> Moved:
        """
        Put back the version that was champion before, which makes the present one ``previous``.

        ``expected``: the champion that is to go; None takes whichever it is. Raises ``Conflict``,
        ``InputError`` if there is none before it, ``BundleError`` if that cannot be used any more.
        """
        last = self.moved(CHAMPION)
        if last is None or last.before is None:
            raise InputError(
                "there is no version to go back to: the champion has had no predecessor"
            )
        forced = self.manifest(last.before).blessing is None
        going = last.version if expected is None else expected
        return self._move(
            CHAMPION, last.before, going, last, reason=reason or "rollback", forced=forced, by=by
        )

    def clear(self, alias: str, expected: Version, *, reason: str = "", by: str = "") -> Moved:
        """Let an alias name nothing, if it still names ``expected``; raises ``Conflict``."""
        last = self.moved(alias)
        return self._move(alias, None, expected, last, reason=reason, forced=False, by=by)

    def _move(
        self,
        alias: str,
        version: Version | None,
        expected: Version | None,
        last: Move | None,
        *,
        reason: str,
        forced: bool,
        by: str,
    ) -> Moved:
        present = None if last is None else last.version
        if present != expected:
            raise Conflict(
                f"the alias {alias} names {present or 'nothing'}, not {expected or 'nothing'}: somebody "
                "else moved it; look again"
            )
        before = present or (None if last is None else last.before)
        generation = 1 if last is None else last.generation + 1
        move = self._record(alias, generation, version, before, reason, by, forced=forced)
        if version is not None and self._objects.read(mark_path(version.id), MOST_RECORD) is None:
            # Swept away between the look and the move: see ``sweeping``.
            was = None if last is None else last.before
            why = f"{version} was removed meanwhile"
            self._record(alias, generation + 1, present, was, why, by, forced=forced)
            raise BundleError(f"{version}: was removed from the registry meanwhile")
        return Moved(move, self._announce(move))

    def _record(
        self,
        alias: str,
        generation: int,
        version: Version | None,
        before: Version | None,
        reason: str,
        by: str,
        *,
        forced: bool,
    ) -> Move:
        """Write a move down; raises ``Conflict`` if somebody else has taken its number."""
        move = Move(
            alias=check_alias(alias),
            generation=generation,
            version=version,
            before=before,
            at=self._clock(),
            by=by,
            reason=reason,
            forced=forced,
            nonce=uuid.uuid4().hex,
        )
        if not self._objects.create(move_path(alias, generation), encode(move)):
            raise Conflict(f"the alias {alias} was moved by somebody else just now; look again")
        return move

    def _announce(self, move: Move) -> str:
        if self._announcer is None:
            return ""
        try:
            self._announcer.announce(move)
        except GroundswellError as error:  # the move stands, and whoever polls will see it
            return str(error)
        return ""
