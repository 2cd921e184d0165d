"""The twin of access in memory: it passes the same contract suite."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from consumers.records.access.values import ApiKey, AuditLine, Feedback
from consumers.records.folding import words

T = TypeVar("T", ApiKey, AuditLine, Feedback)
_MINUTE_MS = 60_000


class MemoryAccess:
    """The ``Access`` port in one process; ``wall`` gives the time in ms."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self._keys: dict[str, ApiKey] = {}
        self._audit: list[AuditLine] = []
        self._feedback: list[Feedback] = []

    async def add_key(self, key: ApiKey) -> bool:
        if key.id in self._keys:
            return False
        self._keys[key.id] = msgspec.structs.replace(_cleaned(key), created=self._wall())
        return True

    async def key(self, id: str) -> ApiKey | None:  # noqa: A002
        return self._keys.get(id)

    async def keys(self) -> tuple[ApiKey, ...]:
        return tuple(sorted(self._keys.values(), key=lambda key: (key.created, key.id)))

    async def revoke(self, id: str) -> bool:  # noqa: A002
        held = self._keys.get(id)
        if held is not None and held.revoked is None:
            self._keys[id] = msgspec.structs.replace(held, revoked=self._wall())
        return held is not None

    async def used(self, id: str) -> None:  # noqa: A002
        held, now = self._keys.get(id), self._wall()
        if held is not None and (held.used is None or held.used <= now - _MINUTE_MS):
            self._keys[id] = msgspec.structs.replace(held, used=now)

    async def audit(self, line: AuditLine) -> None:
        self._audit.append(msgspec.structs.replace(_cleaned(line), at=self._wall()))

    async def audited(
        self, limit: int = 100, before: int | None = None
    ) -> tuple[tuple[int, AuditLine], ...]:
        lines = [(n, li) for n, li in enumerate(self._audit, 1) if before is None or n < before]
        return tuple(reversed(lines))[:limit]

    async def give_feedback(self, said: Feedback) -> int:
        self._feedback.append(msgspec.structs.replace(_cleaned(said), at=self._wall()))
        return len(self._feedback)

    async def feedback(self, limit: int = 100, after: int = 0) -> tuple[tuple[int, Feedback], ...]:
        return tuple(enumerate(self._feedback, 1))[after : after + limit]

    async def now(self) -> int:
        return self._wall()

    async def close(self) -> None:
        """Nothing is held."""


def _cleaned(value: T) -> T:
    held = msgspec.structs.asdict(value)
    texts = {name: words(text) for name, text in held.items() if isinstance(text, str)}
    return msgspec.structs.replace(value, **texts)
