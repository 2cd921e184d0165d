"""
Reading a ``news`` record: plain JSON, or CloudEvents 1.0 in its JSON form.

Rule: whatever is wrong becomes ``Rejected`` with a reason out of ``REASONS``; nothing else is raised,
whatever the bytes are.
"""

from typing import Any

import msgspec

from groundswell.errors import Rejected
from groundswell.events import NewsItem

_decoder = msgspec.json.Decoder(NewsItem)
_any_decoder = msgspec.json.Decoder()


def decode_item(value: bytes | None, max_bytes: int) -> NewsItem:
    """
    Decode one news item.

    A CloudEvent is recognised by its ``specversion``; its ``data`` is the item, whose ``id``,
    ``source`` and ``published_at`` default to the event's ``id``, ``source`` and ``time``.
    Raises ``Rejected``.
    """
    if value is None:
        raise Rejected("not_json", "the record has no value (a tombstone)")
    if len(value) > max_bytes:
        raise Rejected("too_large", f"{len(value)} bytes, the limit is {max_bytes}")
    try:
        if b'"specversion"' in value:
            return _from_cloud_event(_any_decoder.decode(value))
        return _decoder.decode(value)
    except msgspec.ValidationError as error:
        reason = (
            "not_object"
            if str(error).startswith("Expected `object`, got") and ("at `$." not in str(error))
            else "bad_field"
        )
        raise Rejected(reason, str(error)) from error
    except RecursionError as error:
        raise Rejected("too_deep", "nested deeper than the parser follows") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected("not_json", str(error)) from error


def _from_cloud_event(event: Any) -> NewsItem:
    """Unwrap a CloudEvent; a plain item that merely mentions the word passes through."""
    if not isinstance(event, dict) or "specversion" not in event:
        return msgspec.convert(event, NewsItem)
    if event["specversion"] != "1.0":
        raise Rejected("bad_field", f"specversion {event['specversion']!r}: only 1.0 is read")
    data = event.get("data")
    if not isinstance(data, dict):
        raise Rejected("bad_field", "a CloudEvent without a JSON object in `data`")
    defaults = {"id": event.get("id"), "source": event.get("source")}
    if "time" in event:
        defaults["published_at"] = event["time"]
    return msgspec.convert({**defaults, **data}, NewsItem)
