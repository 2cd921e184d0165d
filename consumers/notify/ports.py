"""The ports of ``notify``: a channel that sends, and the secrets that it needs."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from consumers.notify.core.answers import Answer
from consumers.records.notices.values import Message


class Letter(NamedTuple):
    """
    A message on its way: ``key`` never changes between tries, ``at`` is the time of this one (ms).

    ``config`` is the channel's, unsealed.
    """

    key: str
    at: int
    message: Message
    config: Mapping[str, object]


class Sender(Protocol):
    """A kind of channel."""

    async def send(self, letter: Letter) -> Answer:
        """Send once; every failure is an answer. May be cancelled."""
        ...


class Sealer(Protocol):
    """Keeps secrets."""

    def seal(self, config: Mapping[str, object]) -> bytes:
        """Encrypt."""
        ...

    def open(self, sealed: bytes) -> Mapping[str, object]:
        """Decrypt. Raises ``CannotStart`` where no key fits."""
        ...
