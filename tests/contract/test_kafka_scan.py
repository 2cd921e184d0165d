"""Reading the log without a group, and `count` with `recount` in one process, over real brokers."""

import asyncio
import itertools
import json
import logging

import pytest
import structlog

from consumers.adapters import kafka_scan
from consumers.adapters.kafka_scan import KafkaScan
from consumers.adapters.redis_counts import open_counts
from consumers.counts import app, recount
from groundswell.errors import CannotContinue, TopicError, Transient
from groundswell.events import encode_log, millis
from groundswell.settings import Settings
from tests.brokers import Broker, tansu_broker
from tests.contract.log_worlds import KafkaWorld
from tests.count_world import mark, opinion, refusal

_NAMES = itertools.count()


@pytest.fixture
async def world(broker):
    found = KafkaWorld(broker)
    yield found
    await found.close()


@pytest.fixture
def quiet():
    """Undo what a program does to the logging of this process."""
    handlers = list(logging.root.handlers)
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers


async def filled(world, partitions=2, records=250):
    topic = f"scan-{next(_NAMES)}"
    await world.create(topic, partitions)
    writer = world.writer()
    await writer.start()
    for partition in range(partitions):
        for start in range(0, records, 50):
            values = [f"{partition}-{n}".encode() for n in range(start, start + 50)]
            await writer.write(topic, partition, values)
    await writer.stop()
    return topic


async def test_records_come_in_order_from_any_partition_and_offset(world):
    topic = await filled(world)
    scan = KafkaScan(world.settings, topic)
    try:
        assert await scan.bounds() == {0: (0, 250), 1: (0, 250)}
        for partition, first, end in (
            (0, 0, 250),
            (1, 3, 7),
            (0, 249, 250),
            (1, 0, 0),
            (0, 5, 130),
        ):
            found = [record async for record in scan.read(partition, first, end)]
            assert [(r.partition, r.offset) for r in found] == [
                (partition, n) for n in range(first, end)
            ]
            assert [r.value for r in found] == [
                f"{partition}-{n}".encode() for n in range(first, end)
            ]
    finally:
        await scan.close()
        await scan.close()


async def test_a_topic_that_is_not_there_is_named(world):
    scan = KafkaScan(world.settings, "no-such-topic")
    with pytest.raises(TopicError, match="no-such-topic does not exist"):
        await scan.bounds()
    await scan.close()


async def test_records_that_were_deleted_are_said(world):
    if not world.deletes:
        pytest.skip("this broker cannot delete records: Apache Kafka can")
    topic = await filled(world, partitions=1)
    await world.delete_records(topic, 0, 100)
    scan = KafkaScan(world.settings, topic)
    assert await scan.bounds() == {0: (100, 250)}
    with pytest.raises(CannotContinue, match="offset 50 was deleted"):
        async for _ in scan.read(0, 50, 250):
            pass
    await scan.close()


async def test_records_that_never_come_are_not_waited_for_without_end(world, monkeypatch):
    monkeypatch.setattr(kafka_scan, "_SILENCE", 2)
    monkeypatch.setattr(kafka_scan, "_WAIT_MS", 10)
    scan = KafkaScan(world.settings, await filled(world, partitions=1, records=50))
    await scan.bounds()
    with pytest.raises(Transient, match="nothing comes at offset 50"):
        async for _ in scan.read(0, 50, 60):
            pass
    await scan.close()


async def test_a_broker_that_is_away_is_transient(tmp_path):
    with tansu_broker(tmp_path) as broker:
        world = KafkaWorld(Broker("tansu", broker.bootstrap))
        topic = await filled(world, partitions=1)
        await world.close()
    scan = KafkaScan(world.settings, topic)
    with pytest.raises(Transient, match="Kafka is away"):
        await scan.bounds()
    with pytest.raises(Transient, match="Kafka is away"):
        async for _ in scan.read(0, 0, 10):
            pass
    await scan.close()


@pytest.mark.usefixtures("quiet")
async def test_count_and_recount_agree_over_a_real_log_and_store(world, valkey_url, capsys):
    topic = f"opinions-{next(_NAMES)}"
    await world.create(topic, 2)
    writer = world.writer()
    await writer.start()
    rows = [opinion(n, topics=(f"t{n % 4}",)) for n in range(300)]
    await writer.write(topic, 0, [encode_log(row) for row in rows])
    await writer.write(topic, 0, [encode_log(row) for row in (*rows[250:], refusal(300))])
    await writer.write(topic, 1, [encode_log(mark(millis(rows[9].arrived_at), -1))])
    await writer.stop()
    settings = Settings(
        **{
            **world.settings.model_dump(),
            "redis_url": valkey_url,
            "redis_prefix": topic,
            "opinions_topic": topic,
            "count_group": topic,
            "log_level": "error",
        }
    )
    store, stop = open_counts(settings), asyncio.Event()
    running = asyncio.create_task(app.run(settings, stop=stop))
    async with asyncio.timeout(60):
        while sum(s.totals.settled for s in (await store.states()).values()) < 301:
            assert not running.done(), running.result()
            await asyncio.sleep(0.05)
    stop.set()
    await running

    assert await recount.run(settings, as_json=True) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["same"], report["counted"], report["refused"]) == (True, 300, 1)
    assert report["repeats"] == 50

    await store._client.zadd(f"{{{topic}0}}:series", {"ghost": 5})
    assert await recount.run(settings, as_json=False) == 1
    assert "DIFFERENT series ghost" in capsys.readouterr().out
    await store.close()
