"""
The schedule of a replay: which record goes where, when, and with what time.

Rules: pure; records leave in the order of their times; ticks tell every partition how far the replay
has come, at most one round a simulated minute, and a last one that closes every minute.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from groundswell.errors import InputError
from groundswell.events import Instant, NewsItem, encode_item, millis

TICK_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Due:
    """
    One record of a replay.

    ``time`` is its Kafka timestamp in ms since 1970; a tick has no value and goes to every partition.
    """

    time: int
    partition: int | None
    value: bytes | None


def partition_of(item_id: str, partitions: int) -> int:
    """Spread items over partitions by their id, the same on every machine."""
    digest = hashlib.blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def parse_row(row: bytes, file: str, line: int) -> tuple[int, NewsItem]:
    """
    Read a row of a replay file; return when it arrived, and the item.

    A row is a news item. ``id`` defaults to file and line, ``source`` to "replay"; ``text`` stands in
    for ``title`` and ``summary`` for ``body``; ``arrived_at`` defaults to ``published_at``.
    Raises ``InputError`` that names file and line.
    """
    try:
        raw = msgspec.json.decode(row)
        if not isinstance(raw, dict):
            raise InputError(f"{file}:{line}: not a JSON object")
        item = msgspec.convert(_named(raw, f"{file}:{line}"), NewsItem)
        arrived: datetime = msgspec.convert(raw.get("arrived_at", item.published_at), Instant)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{file}:{line}: {error}") from error
    return millis(arrived), item


def _named(raw: Mapping[str, Any], place: str) -> dict[str, Any]:
    named = {"id": place, "source": "replay", **raw}
    named.setdefault("title", raw.get("text", ""))
    named.setdefault("body", raw.get("summary", ""))
    return named


def schedule(
    items: Iterable[tuple[int, NewsItem]], partitions: int, lateness_ms: int
) -> Iterator[Due]:
    """Yield the records of a replay in the order of their times, with ticks between them."""
    last_tick: int | None = None
    time = 0
    for time, item in sorted(items, key=lambda pair: pair[0]):
        if last_tick is None:
            last_tick = time
        elif time - last_tick >= TICK_MS:
            last_tick = time
            yield Due(time, None, None)
        yield Due(time, partition_of(item.id, partitions), encode_item(item))
    if last_tick is not None:
        yield Due(time + lateness_ms + TICK_MS, None, None)


def wait_for(time: int, started: int, elapsed: float, speed: float) -> float:
    """
    Return how long to wait, in seconds, before a record of ``time`` is due.

    ``started`` is the first record's time (ms), ``elapsed`` the seconds since it was sent; a speed of
    0 never waits.
    """
    return 0.0 if speed == 0 else max(0.0, (time - started) / 1000 / speed - elapsed)
