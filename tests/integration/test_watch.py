"""`watch` over the real parts: from a surge in the news to topic `alerts`, and what befalls it on the way."""

import json
import signal

from consumers.counts.core.levels import MINUTE_MS
from consumers.news.labels import Labels
from consumers.records.database import open_records
from consumers.records.ports import Filter
from consumers.up.history import Answers, history
from consumers.up.pace import Pace
from consumers.up.sample import load_texts
from groundswell.events import (
    TICK_HEADER,
    NewsItem,
    SentimentResult,
    TopicLabel,
    encode_item,
    instant,
)
from tests.integration.log import Sent

BASE = 20_500 * 86_400_000
PACE = Pace(BASE, 1440)
PARTITIONS = 2
SURGE = 40
"""Minutes of news in which everything is bad."""
HOURS = 192
TICK = ((TICK_HEADER, b"1"),)


def calm():
    """Label the sample's texts as the tiny bundle would label calm ones: one in ten is negative."""
    labels = []
    for tone in ("negative", *("neutral",) * 9):
        said = {"negative": 0.05, "neutral": 0.05, "positive": 0.05, tone: 0.9}
        topics = (TopicLabel(label="rates", probability=0.9),)
        labels.append(Labels(SentimentResult(label=tone, probabilities=said), topics, ()))  # type: ignore[arg-type]
    return Answers("tiny@0", {t.title: labels for t in load_texts() if not t.surge})


def items(first, last):
    """Make the news of a surge: three bad stories a minute from three sources, and ticks."""
    for minute in range(first, last):
        for number in range(3 if minute < SURGE else 0):
            time = BASE + minute * MINUTE_MS + number * 1000
            word = "".join(chr(97 + int(d)) for d in f"{minute:03}{number}")
            item = NewsItem(
                id=f"bad-{minute}-{number}",
                source=f"wire {number}",
                published_at=instant(time),
                title=f"Shares of {word.title()} crash on fraud probe {word * 3}",
                language="en",
            )
            yield Sent(minute % PARTITIONS, encode_item(item), time)
        for partition in range(PARTITIONS):
            yield Sent(partition, b"", BASE + (minute + 1) * MINUTE_MS, TICK)


async def installed(make_stack, quick, tmp_path):
    """Start `consume` and `count` on a week that has passed; return the stack."""
    stack = await make_stack(
        quick,
        clock="records",
        partitions=PARTITIONS,
        minutes_kept_hours=HOURS + 48,
        watch_back_hours=HOURS,
        records_url=f"sqlite:///{tmp_path / 'records.db'}",
    )
    past = list(history(load_texts(), calm(), 3.0, PACE, PARTITIONS))
    await quick.produce(stack.opinions, (Sent(r.partition, r.value, r.time) for r in past))
    consume, count = stack.programs.start("consume-1"), stack.programs.start("count-1")
    await stack.programs.ready(consume, count)
    await stack.wait_until_settled(len(past) - PARTITIONS)
    return stack


async def told(stack):
    """Return what topic `alerts` holds, each transition once."""
    rows = [json.loads(r.value) for r in (await stack.kafka.read(stack.alerts)).get(0, ())]
    return list({row["key"]: row for row in rows}.values())


async def until_told(stack, state):
    async def is_told():
        return any(
            (row["after"], row["kind"], row["series"]) == (state, "surge", "all")
            for row in await told(stack)
        )

    await stack.programs.until(f"{state} stands in topic alerts", is_told)


async def decided(stack):
    """Return the last decided minute of the records, from 0 at the stream's start; before all, of none."""
    records = await open_records(str(stack.settings["records_url"]))
    try:
        minute = (await records.load()).minute
        return float("-inf") if minute is None else minute - BASE // MINUTE_MS
    finally:
        await records.close()


async def until_decided(stack, minute):
    async def is_decided():
        return await decided(stack) >= minute

    await stack.programs.until(f"minute {minute} is decided", is_decided)


async def alerts_of(stack):
    """Return every alert of the records."""
    records = await open_records(str(stack.settings["records_url"]))
    try:
        return (await records.alerts(Filter())).alerts
    finally:
        await records.close()


def well_told(rows):
    """Whether each alert's transitions stand in order, each once, and none was raised twice."""
    by_alert = {}  # type: ignore[var-annotated]
    for row in rows:
        by_alert.setdefault(row["alert"], []).append(row)
    return all(
        [row["sequence"] for row in of] == list(range(1, len(of) + 1)) for of in by_alert.values()
    )


async def test_a_surge_is_told_through_deaths_a_takeover_and_an_emptied_store(
    make_stack, quick, tmp_path
):
    stack = await installed(make_stack, quick, tmp_path)
    first = stack.programs.start("watch-1")
    await stack.programs.ready(first)
    second = stack.programs.start("watch-2")
    await stack.programs.ready(second)
    await until_decided(stack, -3)
    assert (await first.metrics())["groundswell_watch_lease_held"] == 1
    assert (await second.metrics())["groundswell_watch_lease_held"] == 0

    # The holder dies in the middle of the surge; the other goes on from where it was.
    await quick.produce(stack.news, items(0, 12))
    await until_told(stack, "firing")
    first.signal(signal.SIGKILL)
    await first.ended()
    await quick.produce(stack.news, items(12, 25))
    await until_decided(stack, 21)
    assert (await second.metrics())["groundswell_watch_lease_held"] == 1
    before = {alert.id: alert.onset for alert in await alerts_of(stack)}

    # It dies as well, and is started again on a store that is empty and fills.
    second.signal(signal.SIGKILL)
    await second.ended()
    stack.store.empty()
    third = stack.programs.start("watch-3")
    await stack.wait_until_settled(1)
    await quick.produce(stack.news, items(25, 240))
    await until_told(stack, "resolved")
    await until_decided(stack, 236)

    rows = await told(stack)
    after = {alert.id: alert.onset for alert in await alerts_of(stack)}
    assert before.items() <= after.items()
    assert well_told(rows)
    raised = [
        r for r in rows if r["after"] == "firing" and r["before"] not in {"firing", "recovering"}
    ]
    assert len({r["alert"] for r in raised}) == len(raised)
    evidence = next(r for r in raised if r["series"] == "all")["evidence"]
    assert evidence["effect"]["observed"] > evidence["effect"]["expected"]
    assert "fraud" in evidence["stories"][0]["title"]

    third.signal(signal.SIGTERM)
    assert await third.ended() == 0
    assert "lease" in third.said()


async def test_it_refuses_to_start_without_its_topic_or_on_a_setting_that_cannot_hold(
    make_stack, quick, tmp_path
):
    stack = await make_stack(quick, topics=False, records_url=f"sqlite:///{tmp_path / 'r.db'}")

    done = await stack.programs.run("watch")
    assert done.code == 2
    assert f"topic {stack.alerts} does not exist; create it with `groundswell topics`" in done.err

    done = await stack.programs.run("watch", watch_back_hours=100)
    assert done.code == 2
    assert "watch_back_hours: must be at most minutes_kept_hours" in done.err

    done = await stack.programs.run("watch", watch_trusted=tmp_path / "none.yaml")
    assert done.code == 2
    assert "none.yaml: cannot be read" in done.err
