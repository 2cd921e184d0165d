"""News that is pushed in: one item or many, each once by its source and id, straight to Kafka."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import Request, Response

from consumers.web.answers import answer, body_of, decoded
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import parts_of
from groundswell.errors import Rejected
from groundswell.events import NewsItem
from groundswell.news import decode_item
from groundswell.text import compose

_LOOKED_AT: Final = 10_000


class PushedForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    What became of an item: accepted, duplicate, conflict, busy or refused, with the reason.

    ``conflict``: another item with this source and id was pushed within a day. ``busy``: the same is on its
    way just now; send it again after a minute if you have no answer to that.
    """

    index: int
    id: str
    outcome: str
    reason: str = ""
    detail: str = ""


class PushForm(msgspec.Struct, frozen=True):
    """What became of each item, in order."""

    accepted: int
    results: tuple[PushedForm, ...]


async def push_news(request: Request) -> Response:
    """
    Push news: an item, or a list of items; the answer says of each what became of it.

    Accepted ones stand in the log, acknowledged by the broker. An item is known by its source and id for a
    day: to send one again does nothing. CloudEvents 1.0 in their JSON form are read too.
    """
    parts = parts_of(request)
    items = _items(await body_of(request), parts.settings.serve_news_items)
    read = [_read(bytes(raw), parts.settings.max_record_bytes) for raw in items]
    good = {n: item for n, item in enumerate(read) if isinstance(item, NewsItem)}
    unique, again = _unique(good)
    outcomes = dict(zip(unique, await parts.intake.push(list(unique.values())), strict=True))
    told = []
    for n, item in enumerate(read):
        if isinstance(item, Rejected):
            told.append(PushedForm(n, "", "refused", item.reason, item.detail))
        else:
            told.append(PushedForm(n, item.id, outcomes.get(n) or again[n]))
    for one in told:
        parts.metrics.news.labels(one.outcome).inc()
    request.state.target = f"{len(told)} items"
    accepted = sum(one.outcome == "accepted" for one in told)
    return answer(request, PushForm(accepted, tuple(told)), status=202)


def _items(body: bytes, most: int) -> list[msgspec.Raw]:
    if not body.strip():
        raise Refusal("invalid", "the body is empty: send an item, or a list of items")
    if body.lstrip()[:1] != b"[":
        (item,) = decoded(b"[" + body + b"]", list[msgspec.Raw])
        return [item]
    items = decoded(body, list[msgspec.Raw])
    if not 1 <= len(items) <= most:
        raise Refusal("invalid", f"{len(items)} items: send 1 to {most} at once")
    return items


def _read(raw: bytes, most: int) -> NewsItem | Rejected:
    try:
        item = decode_item(raw, most)
    except Rejected as error:
        return error
    if not compose(item.title, item.body, _LOOKED_AT):
        return Rejected("no_text", "neither title nor body holds a readable character")
    return item


def _unique(good: dict[int, NewsItem]) -> tuple[dict[int, NewsItem], dict[int, str]]:
    """Part items from those that repeat one of the same request, which say so."""
    first: dict[tuple[str, str], NewsItem] = {}
    unique, again = {}, {}
    for n, item in good.items():
        held = first.setdefault((item.source, item.id), item)
        if held is item:
            unique[n] = item
        else:
            again[n] = "duplicate" if held == item else "conflict"
    return unique, again


_Many = Annotated[list[NewsItem], msgspec.Meta(min_length=1)]
_Body: Any = NewsItem | _Many
OPERATIONS: Final = (
    Operation("POST", f"{V1}/news", push_news, "news", PushForm, _Body, status=202),
)
