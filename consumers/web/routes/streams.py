"""Streams: transitions of alerts without loss or repeat, and live counts, which may skip pictures."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import Header, Query, Request, Response

from consumers.web.core import frames
from consumers.web.core.problems import Refusal
from consumers.web.hub import Hub
from consumers.web.live import Live
from consumers.web.operations import V1, Operation
from consumers.web.parts import Parts, parts_of
from consumers.web.streaming import MEDIA_TYPE, EventStream

BEAT_SECONDS: Final = 15.0
RETRY_MS: Final = 3000
_T: Final = "streams"


async def stream_alerts(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    after: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """
    Follow what alerts do, as server-sent events `transition`.

    The id of an event is the number of its transition on record. Come back with it (Last-Event-ID, or
    `after`) and nothing is lost or told twice, over any restart; without it the stream goes on from now.
    """
    parts = parts_of(request)
    given = frames.last_id(last_event_id, after)
    if given is not None and given > parts.hub.newest and given > await parts.hub.ahead():
        raise Refusal(
            "conflict",
            "that id is later than anything on record: the records were put back; begin without it",
        )
    _room(parts)
    number = parts.hub.newest if given is None else given
    return EventStream(
        _transitions(parts.hub, number),
        parts.metrics,
        "alerts",
        parts.settings.serve_slow_seconds,
    )


async def live_counts(request: Request) -> Response:
    """Follow what counts now, as events `counts`: the newest picture whenever you can take one."""
    parts = parts_of(request)
    _room(parts)
    return EventStream(
        _pictures(parts.live), parts.metrics, "live", parts.settings.serve_slow_seconds
    )


def _room(parts: Parts) -> None:
    if parts.metrics.open_streams >= parts.settings.serve_streams:
        raise Refusal("unavailable", "too many streams are open", headers={"Retry-After": "10"})


async def _transitions(hub: Hub, number: int) -> AsyncIterator[bytes]:
    ready = msgspec.json.encode({"after": number})
    yield frames.retry(RETRY_MS) + frames.event("ready", ready, number)
    async for page in hub.follow(number, BEAT_SECONDS):
        yield b"".join(event.frame for event in page) or frames.BEAT


async def _pictures(live: Live) -> AsyncIterator[bytes]:
    number = 0
    yield frames.retry(RETRY_MS)
    with live.looking():
        while not live.stopped:
            frame, number = await live.after(number, BEAT_SECONDS)
            yield frame or frames.BEAT


OPERATIONS: Final = (
    Operation("GET", f"{V1}/alerts/stream", stream_alerts, _T, MEDIA_TYPE, more=(409,)),
    Operation("GET", f"{V1}/live", live_counts, _T, MEDIA_TYPE),
)
