"""
One refresh at a time: a file that the kernel locks, and a fence.

The lock goes with the process, however it ends, so there is none to be cleared by hand. The file says who
holds it. Each holder counts the fence on; before anything leaves the machine the fence is compared, so
that a holder which lost the file (removed, a disk that was put back) stops. On two machines without a
common disk the registry's compare-and-set decides: one of two promotions is refused.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from groundswell.errors import CannotContinue, CannotStart

LOCK: Final = "lock"


class Owner(msgspec.Struct, frozen=True):
    """Who holds the lock, since when, and the how-manieth holder it is."""

    name: str
    since: str
    fence: int


class Held:
    """A lock that is held."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self._path = path
        self.owner = owner

    def check(self) -> None:
        """Raise ``CannotContinue`` when another holds the lock now."""
        found = _owner(self._path)
        if found != self.owner:
            raise CannotContinue(
                f"{self._path}: is held by {found.name if found else 'nobody'} now, not by this refresh; "
                "nothing was promoted"
            )


def _owner(path: Path) -> Owner | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None


@contextmanager
def held(folder: Path, now: str) -> Iterator[Held]:
    """Hold the lock of a folder while inside; raises ``CannotStart`` where somebody else does."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CannotStart(f"{path}: cannot be opened ({error.strerror})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(path)
            who = f"{owner.name} since {owner.since}" if owner else "another process"
            raise CannotStart(f"{path}: a refresh is running here: {who}; wait for it") from None
        before = _owner(path)
        fence = before.fence + 1 if before else 1
        mine = Owner(f"{socket.gethostname()}:{os.getpid()}", now, fence)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(mine), 0)
        os.fsync(descriptor)
        yield Held(path, mine)
    finally:
        os.close(descriptor)
