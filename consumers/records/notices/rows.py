"""Rows of the tables of notification to values and back."""

from typing import Any

import msgspec
import sqlalchemy as sa

from consumers.records.notices.ports import Claim, Delivery, LogLine, Planned
from consumers.records.notices.values import Channel, Message, Silence, Subscription


def subscription_of(row: sa.Row[Any]) -> Subscription:
    """Return the subscription in a row."""
    return msgspec.json.decode(row.value, type=Subscription)


def silence_of(row: sa.Row[Any]) -> Silence:
    """Return the silence in a row."""
    return msgspec.json.decode(row.value, type=Silence)


def channel_of(row: sa.Row[Any]) -> Channel:
    """Return the channel in a row."""
    values: dict[str, Any] = {name: getattr(row, name) for name in Channel.__struct_fields__}
    return Channel(**{**values, "sealed": bytes(row.sealed)})


def message_of(text: str) -> Message:
    """Return the message of a payload."""
    return msgspec.json.decode(text, type=Message)


def delivery_of(row: sa.Row[Any]) -> Delivery:
    """Return the delivery in a row."""
    return Delivery(
        row.number,
        row.key,
        row.channel,
        row.subscription,
        row.lane,
        row.state,
        row.planned_at,
        row.next_at,
        row.attempts,
        row.said,
        message_of(row.payload),
    )


def claim_of(
    row: sa.Row[Any], channel: Channel, until: int, behind: tuple[tuple[int, Message], ...]
) -> Claim:
    """Return the claim on a row as it stood before: one attempt and one fence more."""
    return Claim(
        row.number,
        row.key,
        channel,
        row.subscription,
        row.lane,
        message_of(row.payload),
        row.planned_at,
        row.attempts + 1,
        row.fence + 1,
        until,
        behind,
    )


def planned_row(planned: Planned, at: int) -> dict[str, Any]:
    """Return the row of a new delivery."""
    return {
        "key": planned.key,
        "channel": planned.channel,
        "subscription": planned.subscription,
        "lane": planned.lane,
        "payload": msgspec.json.encode(planned.message).decode(),
        "planned_at": at,
        "state": "waiting",
        "next_at": at,
        "attempts": 0,
        "fence": 0,
        "leased_until": 0,
        "worker": "",
        "said": "",
    }


def line_of(row: sa.Row[Any]) -> LogLine:
    """Return the line in a row of the log."""
    return LogLine(**{name: getattr(row, name) for name in LogLine._fields})


def lines_planned(planned: Planned, number: int, at: int) -> LogLine:
    """Return the line that says that a message was put into the queue, and of which alerts."""
    told = [item.alert for item in planned.message.items]
    more = planned.message.total - len(told)
    return LogLine(
        at=at,
        subscription=planned.subscription,
        action="planned",
        reason=planned.message.reason,
        lane=planned.lane,
        channel=planned.channel,
        delivery=number,
        detail=", ".join([*told, f"{more} more"] if more > 0 else told),
    )
