"""
The receiver of `up`: takes the sample's messages on the loopback, as a subscriber's server would.

Rules: a message counts only if its Standard Webhooks signature fits the secret that `up` made, and once for
each key; what is too long or unsigned is refused and shows nowhere but in a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

from consumers.records.desk.plain import plain

MOST_BYTES: Final = 65_536
_KEPT: Final = 1000
_NAMED: Final = 3


class _Item(msgspec.Struct, frozen=True):
    series: str
    state: str
    stories: tuple[Any, ...] = ()


class _Data(msgspec.Struct, frozen=True):
    name: str
    reason: str
    items: tuple[_Item, ...] = ()
    total: int = 0


class _Event(msgspec.Struct, frozen=True):
    type: str
    data: _Data


@dataclass(frozen=True, slots=True)
class Received:
    """A message whose signature was verified: for a subscription, about the series of its alerts."""

    subscription: str
    type: str
    reason: str
    series: tuple[str, ...]
    total: int
    stories: int

    @property
    def text(self) -> str:
        """The message in a line."""
        named = ", ".join(self.series[:_NAMED])
        if self.total > _NAMED:
            named += f" and {self.total - _NAMED} more"
        return (
            f"signed message received for {self.subscription}: {self.type} ({self.reason}), "
            f"{named or 'no series'}, {self.stories} stories; signature verified"
        )


class Receiver:
    """Takes signed messages; ``messages`` are those that came, in their order, ``refused`` the others."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._keys = set[str]()
        self._shown = 0
        self.messages: list[Received] = []
        self.refused = 0
        self.app = FastAPI(openapi_url=None)
        self.app.add_route("/", self._answer, methods=["POST"])

    def fresh(self) -> list[Received]:
        """Return what came since the last call."""
        new = self.messages[self._shown :]
        self._shown = len(self.messages)
        return new

    async def _answer(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                self.refused += 1
                return Response(status_code=413)
        return Response(status_code=self.take(body, request.headers))

    def take(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Take a message; returns the status of HTTP that answers it."""
        try:
            told = msgspec.convert(self._webhook.verify(body, dict(headers)), _Event)
        except (WebhookVerificationError, msgspec.ValidationError, ValueError):
            self.refused += 1
            return 400
        key = headers["webhook-id"]
        if key not in self._keys and len(self._keys) < _KEPT:
            self._keys.add(key)
            self.messages.append(_received(told))
        return 204


def _received(told: _Event) -> Received:
    items = told.data.items
    return Received(
        subscription=plain(told.data.name, 60),
        type=plain(told.type),
        reason=plain(told.data.reason),
        series=tuple(plain(item.series) for item in items),
        total=told.data.total,
        stories=sum(len(item.stories) for item in items),
    )
