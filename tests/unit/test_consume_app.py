"""`consume` as a whole over the in-memory twin: start, health, rebalances, outages, a topic made anew."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import structlog

from consumers import backoff
from consumers.adapters import logs
from consumers.adapters.clock import SystemClock
from consumers.adapters.kafka_topics import Topic
from consumers.adapters.memory_log import MemoryLog, MemoryReader
from consumers.adapters.memory_stories import MemoryStories
from consumers.adapters.memory_writer import MemoryWriter
from consumers.news import app, metrics, waits
from groundswell.errors import BundleError, CannotStart, TopicError
from groundswell.events import Mark, decode_log
from groundswell.settings import Settings
from tests.news_world import FAST, TINY, item

GROUP = Settings().consume_group


class Topics:
    """Describes the topics of a ``MemoryLog``."""

    def __init__(self, log):
        self.log = log

    async def topic(self, name):
        self.log.check()
        found = self.log.topic(name)
        return Topic(name, found.topic_id, len(found.partitions), None)

    async def create(self, wanted):
        raise AssertionError(wanted)


def settings(**changes):
    return Settings(**{"bundle": TINY, "threads": 1, **FAST, **changes})


def made(partitions=2, items=100):
    log = MemoryLog(SystemClock())
    for name in ("news", "opinions"):
        log.create(name, partitions)
    log.create("news.dead", 1)
    for number in range(items):
        log.append("news", number % partitions, [item(f"Profit soars {number}")])
    return log


@asynccontextmanager
async def consuming(log, *, followed=None, **changes):
    """Run one member; stop it at the end and raise what it raised."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    stop = asyncio.Event()
    task = asyncio.ensure_future(
        app.consume(
            settings(**changes),
            app.Outside(
                MemoryReader(log, "news", GROUP),
                MemoryWriter(log),
                Topics(log),
                MemoryStories(24, 1000),
                followed,
            ),
            SystemClock(),
            stop,
        )
    )
    try:
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions of every kind
            await asyncio.sleep(0.005)


def committed(log):
    return {p: position for p, (position, _) in log.committed(GROUP, "news").items()}


def settled(log, partition):
    """Return origins that count, by the rule of the fence: a fence for each identity."""
    fences: dict[str, int] = {}
    out = []
    for record in log.records("opinions", partition):
        row = decode_log(record.value)
        origin = row.origin
        fence = fences.setdefault(origin.topic_id, origin.after)
        if not isinstance(row, Mark) and origin.after <= fence < origin.offset:
            fences[origin.topic_id] = origin.offset
            out.append((origin.topic_id, origin.offset))
    return out


async def test_it_consumes_and_leaves():
    log = made()

    async with consuming(log):
        await until(lambda: committed(log) == {0: 50, 1: 50})

    assert [offset for _, offset in settled(log, 0)] == list(range(50))


async def test_members_come_and_go_and_nothing_is_lost():
    log = made(4, 2000)

    async with consuming(log) as first:
        await until(lambda: sum(committed(log).values()) > 0)
        async with consuming(log):
            await until(lambda: len(log.group(GROUP, "news").members) == 2)
            log.append("news", 3, [item("Fed says")] * 100)
            await until(lambda: sum(committed(log).values()) > 600)
        await until(lambda: sum(committed(log).values()) == 2100)
        assert not first.done()

    for partition in range(4):
        expected = 600 if partition == 3 else 500
        assert [offset for _, offset in settled(log, partition)] == list(range(expected))


async def test_faults_of_every_kind_lose_and_double_nothing():
    log = made(1, 300)
    log.faults.extend(["late", "half", "before", "after"])

    async with consuming(log):
        await until(lambda: not log.faults)
        log.land_late()
        await until(lambda: committed(log) == {0: 300})

    assert [offset for _, offset in settled(log, 0)] == list(range(300))


async def test_a_broker_that_is_away_at_the_start_and_later_is_waited_for():
    log = made(1, 50)
    log.away = True

    async with consuming(log):
        await asyncio.sleep(0.2)
        log.away = False
        await until(lambda: committed(log) == {0: 50})
        log.append("news", 0, [item()] * 50)
        log.away = True
        await asyncio.sleep(0.1)
        log.away = False
        await until(lambda: committed(log) == {0: 100})

    assert [offset for _, offset in settled(log, 0)] == list(range(100))


async def test_a_stop_while_the_broker_is_away_ends():
    log = made(1, 10)

    async with consuming(log, drain_seconds=0.1):
        await until(lambda: committed(log) == {0: 10})
        log.away = True
        await asyncio.sleep(0.05)


async def test_a_topic_made_anew_under_a_running_consumer_gets_a_fence_of_its_own():
    log = made(1, 50)

    async with consuming(log):
        await until(lambda: committed(log) == {0: 50})
        log.create("news", 1)
        log.append("news", 0, [item()] * 7)
        await until(lambda: committed(log) == {0: 7})

    assert [offset for _, offset in settled(log, 0)] == [*range(50), *range(7)]
    assert len({identity for identity, _ in settled(log, 0)}) == 2


async def test_what_retention_took_on_the_way_is_a_gap():
    log = made(1, 50)

    async with consuming(log):
        await until(lambda: committed(log) == {0: 50})

    log.append("news", 0, [item()] * 50)
    log.delete_records("news", 0, 80)
    async with consuming(log):
        await until(lambda: committed(log) == {0: 100})

    assert [offset for _, offset in settled(log, 0)] == [*range(50), *range(79, 100)]


async def test_a_topic_that_is_missing_or_too_small_is_a_refusal_to_start():
    log = made(2)
    log.create("opinions", 1)

    with pytest.raises(TopicError, match="fewer than the 2 of news"):
        async with consuming(log) as task:
            await task


async def test_a_missing_bundle_is_a_refusal_to_start(tmp_path):
    with pytest.raises(BundleError, match="no model bundle"):
        async with consuming(made(), bundle=tmp_path) as task:
            await task


async def test_health_and_metrics_answer():
    log = made(1, 5)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    with pytest.raises(CannotStart, match="cannot listen"):
        async with consuming(log, http_port=port) as task:
            await task
    server.close()
    async with consuming(log, http_port=port):
        await until(lambda: committed(log) == {0: 5})
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        page = (await reader.read()).decode()
        writer.close()

    assert (
        'groundswell_consume_model_info{bundle="tiny@1",precision="fp32",provider="cpu"} 1.0'
        in page
    )
    assert "groundswell_consume_items_total 5.0" in page


def test_every_metric_has_a_sentence():
    rows = metrics.described()

    assert len(rows) > 15
    assert ("groundswell_consume_items_total", "counter", "Opinions that stand in the log.") in rows
    assert all(text.endswith(".") for _, _, text in rows)


def test_pauses_grow_to_a_limit():
    assert [backoff.pause_after(n) for n in (0, 1, 2, 50)] == [0.1, 0.2, 0.4, 5.0]


def test_the_first_cause_is_found():
    cause = ValueError("x")

    assert waits.first_cause(BaseExceptionGroup("a", [BaseExceptionGroup("b", [cause])])) is cause


@pytest.mark.parametrize("style", ["json", "console"])
def test_logs_are_lines(style, capsys):
    logs.set_up("warning", style, "consume")
    structlog.get_logger().info("silent")
    structlog.get_logger().warning("loud", part="é")
    line = capsys.readouterr().err
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()

    assert "silent" not in line
    if style == "json":
        told = json.loads(line)
        assert (told["event"], told["level"], told["program"]) == ("loud", "warning", "consume")
    else:
        assert "loud" in line
