"""The sample stream on its way into `news`: at its pace, in a replay with the ticks that move its clock."""

import asyncio
from typing import Final

from consumers.news.core.schedule import partition_of
from consumers.ports import Clock, Publisher
from consumers.up.pace import Pace
from consumers.up.sample import DAY_SECONDS, Planned, Surge, load_texts, stream
from groundswell.events import TICK_HEADER, NewsItem, encode_item, instant

_TICK: Final = ((TICK_HEADER, b"1"),)


async def feed(
    publisher: Publisher,
    topic: str,
    rate: float,
    surge: Surge,
    seconds: float,
    clock: Clock,
    pace: Pace,
) -> int:
    """
    Publish the sample stream for ``seconds`` (0: until cancelled); return how many items.

    In a replay every minute of the stream ends with a tick in each partition.
    """
    partitions = await publisher.partitions(topic)
    started, sent, ticked = clock.now(), 0, 0.0
    day = pace.day if pace.replays else DAY_SECONDS
    for planned in stream(load_texts(), rate, surge, day=day, began=pace.phase):
        if seconds and planned.at >= seconds:
            break
        wait = planned.at - (clock.now() - started)
        if wait > 0:
            await asyncio.sleep(wait)
        if pace.replays and planned.at - ticked >= pace.tick:
            ticked = planned.at
            for partition in range(partitions):
                await publisher.send(topic, partition, b"", pace.at(ticked), _TICK)
        now = pace.at(planned.at) if pace.replays else clock.wall()
        partition = partition_of(planned.id, partitions)
        await publisher.send(topic, partition, encode_item(_item(planned, now)), now, ())
        sent += 1
    await publisher.flush()
    return sent


def _item(planned: Planned, now: int) -> NewsItem:
    return NewsItem(
        id=planned.id,
        source=planned.source,
        channel=planned.channel,
        published_at=instant(now),
        title=planned.title,
        language="en",
    )
