"""
Subscriptions: what somebody wants to be told.

Rule: everybody has their own, an administrator all of them; what is another's is not there (404). A change
names the version that it was made over (If-Match).
"""

from typing import Annotated, Final, Literal

import msgspec
from fastapi import Path, Query, Request, Response
from msgspec import Meta

from consumers.records.desk.moments import iso
from consumers.records.notices.values import (
    Digest,
    Filters,
    Grouping,
    Message,
    Schedule,
    Subscription,
)
from consumers.web.answers import answer, empty, matched, read
from consumers.web.core.pages import cursor, number_of, version_tag
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import caller_of, parts_of

Id = Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
WEEK_MS: Final = 7 * 86_400_000
_LOG: Final = "log"


class SubscriptionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A subscription as it is sent; ``owner`` is the caller, or whom an administrator names."""

    name: Name
    channels: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=50)]
    owner: Annotated[str, Meta(max_length=200)] = ""
    filters: Filters = Filters()
    schedule: Schedule = Schedule()
    digest: Digest | None = None
    grouping: Grouping = Grouping()
    cap: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    flood: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    paused: bool = False
    language: Literal["en", "zh"] = "en"


class SubscriptionForm(msgspec.Struct, frozen=True):
    """A subscription, and its version, which is its ETag."""

    subscription: Subscription
    version: int


class SubscriptionsForm(msgspec.Struct, frozen=True):
    """Subscriptions by owner and name."""

    subscriptions: tuple[SubscriptionForm, ...]


class WithheldForm(msgspec.Struct, frozen=True):
    """What would have been withheld, and why."""

    at: str
    alert: str
    why: str


class PreviewForm(msgspec.Struct, frozen=True):
    """What the last seven days would have sent, each message with its reason, and what withheld."""

    messages: tuple[Message, ...]
    withheld: tuple[WithheldForm, ...]


class QueuedForm(msgspec.Struct, frozen=True):
    """How many test messages are queued; `groundswell notify` sends them."""

    queued: int


class LogForm(msgspec.Struct, frozen=True):
    """A line of the log: what was planned, sent or withheld, and why."""

    number: int
    at: str
    action: str
    reason: str
    alert: str
    channel: str
    detail: str


class LogPage(msgspec.Struct, frozen=True):
    """Lines of the log, the newest first."""

    log: tuple[LogForm, ...]
    next: str | None


async def list_subscriptions(request: Request) -> Response:
    """List your subscriptions; an administrator's list is of all."""
    caller = caller_of(request)
    held = await parts_of(request).notices.subscriptions(
        None if caller.role == "admin" else caller.owner
    )
    return answer(request, SubscriptionsForm(tuple(SubscriptionForm(*one) for one in held)))


async def create_subscription(request: Request) -> Response:
    """Make a subscription; its channels are named by their ids."""
    given, parts = await read(request, SubscriptionIn), parts_of(request)
    one = _meant(request, given, parts.rules.new_id(), given.owner or caller_of(request).owner)
    return await _kept(request, one, 0, 201)


async def show_subscription(request: Request, subscription: Id) -> Response:
    """Show a subscription."""
    one, version = await _found(request, subscription)
    return answer(request, SubscriptionForm(one, version), tag=version_tag(version))


async def replace_subscription(request: Request, subscription: Id) -> Response:
    """Replace a subscription; If-Match must name its ETag."""
    given = await read(request, SubscriptionIn)
    held, version = await _found(request, subscription)
    matched(request, version_tag(version), needed=True)
    one = _meant(request, given, held.id, given.owner or held.owner)
    return await _kept(request, one, version, 200)


async def delete_subscription(request: Request, subscription: Id) -> Response:
    """Remove a subscription; what is in the queue is still delivered. If-Match must name its ETag."""
    one, version = await _found(request, subscription)
    matched(request, version_tag(version), needed=True)
    await parts_of(request).notices.delete_subscription(one.id)
    return empty()


async def preview_subscription(request: Request, subscription: Id) -> Response:
    """Say what the last seven days would have sent and withheld, each with its reason."""
    one, _ = await _found(request, subscription)
    parts = parts_of(request)
    now = await parts.notices.now()
    found = parts.rules.foreseen(
        msgspec.structs.replace(one, paused=False),
        await parts.notices.told_since(now - WEEK_MS),
        await parts.notices.silences(now - WEEK_MS),
        now,
    )
    withheld = tuple(WithheldForm(iso(at), alert, why) for at, alert, why in found.withheld)
    return answer(request, PreviewForm(found.messages, withheld))


async def test_subscription(request: Request, subscription: Id) -> Response:
    """Queue a test message on every channel of a subscription."""
    one, _ = await _found(request, subscription)
    parts = parts_of(request)
    messages = parts.rules.test_messages(one, await parts.notices.now())
    await parts.notices.enqueue(messages)
    return answer(request, QueuedForm(len(messages)), status=202)


async def subscription_log(
    request: Request,
    subscription: Id,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """List what was planned, sent and withheld, the newest first, and why."""
    one, _ = await _found(request, subscription)
    before = number_of(_LOG, after)
    lines = await parts_of(request).notices.log(one.id, limit + 1, before)
    page = lines[:limit]
    told = tuple(
        LogForm(n, iso(li.at), li.action, li.reason, li.alert, li.channel, li.detail)
        for n, li in page
    )
    more = cursor(_LOG, str(page[-1][0])) if len(lines) > limit else None
    return answer(request, LogPage(told, more))


async def _found(request: Request, name: str) -> tuple[Subscription, int]:
    caller = caller_of(request)
    for one, version in await parts_of(request).notices.subscriptions():
        if one.id == name and caller.sees(one.owner):
            return one, version
    raise Refusal("not-found", f"you have no subscription with the id {name}")


def _meant(request: Request, given: SubscriptionIn, name: str, owner: str) -> Subscription:
    """Return the subscription that is asked for. Raises ``Refusal`` with everything that is wrong."""
    if not caller_of(request).sees(owner):
        raise Refusal("forbidden", "owner: only an administrator makes subscriptions for others")
    fields = {field: getattr(given, field) for field in given.__struct_fields__}
    one = Subscription(**{**fields, "id": name, "owner": owner})
    faults = parts_of(request).rules.faults(one)
    if faults:
        raise Refusal("invalid", "the subscription cannot be meant", errors=faults)
    return one


async def _kept(request: Request, one: Subscription, version: int, status: int) -> Response:
    parts = parts_of(request)
    mine = {c.id for c in await parts.notices.channels(one.owner) if c.disabled != "removed"}
    unknown = sorted(set(one.channels) - mine)
    if unknown:
        raise Refusal("invalid", f"channels: {one.owner} has none with the id {unknown[0]}")
    done = await parts.notices.put_subscription(one, version)
    if done == "changed meanwhile":
        raise Refusal("precondition-failed", "read it again, and send its new ETag")
    if isinstance(done, str):
        raise Refusal("conflict", f"{one.name}: {done}")
    request.state.target = one.id
    return answer(
        request,
        SubscriptionForm(one, done),
        status=status,
        tag=version_tag(done),
        headers={"Location": f"{V1}/subscriptions/{one.id}"},
    )


_S: Final = f"{V1}/subscriptions"
_ONE: Final = f"{_S}/{{subscription}}"
_T: Final = "subscriptions"
OPERATIONS: Final = (
    Operation("GET", _S, list_subscriptions, _T, SubscriptionsForm),
    Operation(
        "POST", _S, create_subscription, _T, SubscriptionForm, SubscriptionIn,
        status=201, more=(409, 412),
    ),
    Operation("GET", _ONE, show_subscription, _T, SubscriptionForm, more=(404,)),
    Operation(
        "PUT", _ONE, replace_subscription, _T, SubscriptionForm, SubscriptionIn,
        more=(404, 409, 412, 428), wants_match=True,
    ),
    Operation(
        "DELETE", _ONE, delete_subscription, _T,
        status=204, more=(404, 412, 428), wants_match=True,
    ),
    Operation("GET", f"{_ONE}/preview", preview_subscription, _T, PreviewForm, more=(404,)),
    Operation("GET", f"{_ONE}/log", subscription_log, _T, LogPage, more=(404,)),
    Operation(
        "POST", f"{_ONE}/test", test_subscription, _T, QueuedForm, status=202, more=(404,)
    ),
)  # fmt: skip
