"""
The port of access.

Rules: every method is one transaction, and may raise ``Transient`` or ``CannotContinue`` as those of the
records do. Numbers of lines only grow, and lists are read by them.
"""

from typing import Protocol

from consumers.records.access.values import ApiKey, AuditLine, Feedback


class KeyDesk(Protocol):
    """Keys."""

    async def add_key(self, key: ApiKey) -> bool:
        """Write a key down, made now; False: its id is taken."""
        ...

    async def key(self, id: str) -> ApiKey | None:  # noqa: A002
        """Return a key, also one that is revoked or has expired."""
        ...

    async def keys(self) -> tuple[ApiKey, ...]:
        """Return all keys, the oldest first."""
        ...

    async def revoke(self, id: str) -> bool:  # noqa: A002
        """Let a key open nothing more; the first time counts. False: there is none."""
        ...

    async def used(self, id: str) -> None:  # noqa: A002
        """Note that a key was used now; within a minute of the last time nothing is written."""
        ...


class AuditLog(Protocol):
    """What was done."""

    async def audit(self, line: AuditLine) -> None:
        """Add a line, of now."""
        ...

    async def audited(
        self, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, AuditLine], ...]:
        """Return lines with their numbers, the newest first."""
        ...


class FeedbackBook(Protocol):
    """What people said."""

    async def give_feedback(self, said: Feedback) -> int:
        """Add a word of feedback, of now; return its number."""
        ...

    async def feedback(self, limit: int = 100, after: int = 0) -> tuple[tuple[int, Feedback], ...]:
        """Return feedback with its numbers, the oldest first: a trainer reads on from the last."""
        ...


class Access(KeyDesk, AuditLog, FeedbackBook, Protocol):
    """All of it."""

    async def now(self) -> int:
        """Return the database's time in ms."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...
