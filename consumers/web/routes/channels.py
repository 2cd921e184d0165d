"""
Channels: the ways to a subscriber.

Rule: an address and a secret go in and never come out: what is shown says where a channel leads without
them. A webhook's secret is shown once, when it is made.
"""

from typing import Annotated, Final

import msgspec
from fastapi import Path, Request, Response
from msgspec import Meta

from consumers.records.notices.values import Channel, ChannelKind
from consumers.web.answers import answer, empty, read
from consumers.web.core.problems import Refusal
from consumers.web.operations import V1, Operation
from consumers.web.parts import caller_of, parts_of
from groundswell.errors import InputError

_T: Final = "channels"


class ChannelIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A channel as it is sent; ``url`` and ``secrets`` are sealed, and never shown again."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: ChannelKind
    url: Annotated[str, Meta(max_length=2000)] = ""
    secrets: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=5)] = ()
    owner: Annotated[str, Meta(max_length=200)] = ""


class ChannelForm(msgspec.Struct, frozen=True):
    """A channel; ``leads_to`` leaves out what is secret, ``disabled`` says why it takes nothing more."""

    id: str
    owner: str
    name: str
    kind: str
    leads_to: str
    disabled: str


class NewChannelForm(msgspec.Struct, frozen=True):
    """A channel that was made, and the signing secret that was made for it: it is shown this once."""

    channel: ChannelForm
    secret: str


class ChannelsForm(msgspec.Struct, frozen=True):
    """Channels by owner and name."""

    channels: tuple[ChannelForm, ...]


async def list_channels(request: Request) -> Response:
    """List your channels; an administrator's list is of all."""
    caller = caller_of(request)
    held = await parts_of(request).notices.channels(
        None if caller.role == "admin" else caller.owner
    )
    return answer(
        request, ChannelsForm(tuple(_form(one) for one in held if one.disabled != "removed"))
    )


async def create_channel(request: Request) -> Response:
    """Make a channel. What is checked of its address when a message goes out is in docs/subscriptions.md."""
    given, parts = await read(request, ChannelIn), parts_of(request)
    owner = given.owner or caller_of(request).owner
    if not caller_of(request).sees(owner):
        raise Refusal("forbidden", "owner: only an administrator makes channels for others")
    try:
        channel, secret = parts.rules.new_channel(
            owner, given.name, given.kind, given.url, given.secrets
        )
    except InputError as error:
        raise Refusal("invalid", str(error)) from None
    if not await parts.notices.put_channel(channel):
        raise Refusal("conflict", f"{owner} has a channel of that name already")
    request.state.target = channel.id
    return answer(request, NewChannelForm(_form(channel), secret), status=201)


async def delete_channel(
    request: Request, channel: Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
) -> Response:
    """Forget a channel with its secrets, if no subscription uses it; what waits for it is dead."""
    parts, caller = parts_of(request), caller_of(request)
    mine = [c for c in await parts.notices.channels() if c.id == channel and caller.sees(c.owner)]
    done = await parts.notices.remove_channel(channel) if mine else "unknown"
    if done == "unknown":
        raise Refusal("not-found", f"you have no channel with the id {channel}")
    if done == "in use":
        raise Refusal("conflict", "a subscription uses it: change that first")
    return empty()


def _form(one: Channel) -> ChannelForm:
    return ChannelForm(one.id, one.owner, one.name, one.kind, one.shown, one.disabled)


_C: Final = f"{V1}/channels"
OPERATIONS: Final = (
    Operation("GET", _C, list_channels, _T, ChannelsForm),
    Operation(
        "POST", _C, create_channel, _T, NewChannelForm, ChannelIn, status=201, more=(409,)
    ),
    Operation("DELETE", f"{_C}/{{channel}}", delete_channel, _T, status=204, more=(404, 409)),
)  # fmt: skip
