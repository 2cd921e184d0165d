"""What the Kafka adapters do when the broker is away, refuses, or knows our twin."""

import asyncio
import contextlib
import signal

import pytest

from consumers.adapters import kafka_config, kafka_writer
from consumers.adapters.clock import SystemClock
from consumers.adapters.embedded import TANSU_ENVIRONMENT, free_port, serving, tansu_command
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_writer import KafkaWriter
from groundswell.errors import CannotContinue, Transient
from groundswell.settings import Settings
from tests.brokers import Broker
from tests.contract.log_worlds import KafkaWorld, Owner, fresh_name, joined, read


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(kafka_config, "WRITE_TIMEOUT_MS", 500)
    monkeypatch.setattr(kafka_writer, "_PATIENCE", 0.7)


@pytest.fixture
def stoppable(tmp_path):
    """A broker of this test's own: its address and its process."""
    port = free_port()
    with serving(tansu_command(port), port, tmp_path, environment=TANSU_ENVIRONMENT) as process:
        yield f"127.0.0.1:{port}", process
        process.send_signal(signal.SIGCONT)


def settings_for(bootstrap: str, **settings) -> Settings:
    return Settings(
        kafka_bootstrap_servers=bootstrap,
        kafka_session_timeout_ms=2000,
        drain_seconds=1,
        **settings,
    )


async def test_nobody_listens(impatient):
    settings = settings_for(f"127.0.0.1:{free_port()}")
    reader = KafkaReader(settings, "news", "group", SystemClock())
    writer, admin = KafkaWriter(settings), KafkaAdmin(settings)
    with pytest.raises(Transient, match="away"):
        await reader.start(Owner())
    with pytest.raises(Transient, match="away"):
        await writer.start()
    with pytest.raises(Transient, match="away"):
        await admin.topic("news")
    await asyncio.gather(reader.stop(), writer.stop(), admin.stop())


async def test_a_reader_that_never_started_says_so():
    reader = KafkaReader(settings_for("127.0.0.1:1"), "news", "group", SystemClock())
    with pytest.raises(CannotContinue, match="not running"):
        await reader.poll(1, 0)


async def test_a_cancelled_write_lands_before_the_next_one(stoppable):
    bootstrap, process = stoppable
    world, topic = KafkaWorld(Broker("tansu", bootstrap)), fresh_name()
    await world.create(topic, 1)
    writer = world.writer()
    await writer.start()
    await writer.write(topic, 0, [b"first"])
    process.send_signal(signal.SIGSTOP)
    cancelled = asyncio.create_task(writer.write(topic, 0, [b"cancelled"]))
    await asyncio.sleep(0.2)
    cancelled.cancel()
    following = asyncio.create_task(writer.write(topic, 0, [b"following"]))
    await asyncio.sleep(0.2)
    assert not following.done()
    process.send_signal(signal.SIGCONT)
    await following
    found = [record.value for record in await world.records(topic, 0)]
    assert found == [b"first", b"cancelled", b"following"]
    await writer.stop()
    await world.close()


async def test_a_broker_that_hangs_is_transient_and_comes_back(stoppable, impatient):
    bootstrap, process = stoppable
    world, topic, owner = KafkaWorld(Broker("tansu", bootstrap)), fresh_name(), Owner()
    await world.create(topic, 1)
    writer, reader = world.writer(), world.reader(topic, fresh_name())
    await writer.start()
    await reader.start(owner)
    await joined(reader, owner, 1)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Transient):
        await writer.write(topic, 0, [b"a"])
    with pytest.raises(Transient):
        await writer.write(topic, 0, [b"a"])
    assert (await reader.poll(10, 0.1)).records == {}
    process.send_signal(signal.SIGCONT)
    while True:
        try:
            await writer.write(topic, 0, [b"a"])
        except Transient:
            continue
        break
    assert (await read(reader, 0, 1))[0].value == b"a"
    await asyncio.gather(reader.stop(), writer.stop(), world.close())


async def test_a_commit_to_a_broker_that_is_gone_is_transient(stoppable, monkeypatch):
    bootstrap, process = stoppable
    monkeypatch.setattr("consumers.adapters.kafka_consumer._COMMIT_SECONDS", 0.5)
    monkeypatch.setattr("consumers.adapters.kafka_consumer._STOP_SECONDS", 0.5)
    world, topic, owner = KafkaWorld(Broker("tansu", bootstrap)), fresh_name(), Owner()
    await world.create(topic, 1)
    reader = world.reader(topic, fresh_name())
    await reader.start(owner)
    await joined(reader, owner, 1)
    process.kill()
    with pytest.raises(Transient, match="committing"):
        await reader.commit({0: 0})
    await reader.stop()  # within its budget, though nobody hears the farewell
    assert owner.revocations == [frozenset([0])]
    await world.close()


async def test_idempotent_only_where_the_broker_can(tansu):
    for wanted, fine in (("auto", True), ("off", True), ("on", False)):
        writer = KafkaWriter(settings_for(tansu.bootstrap, kafka_idempotent=wanted))
        if fine:
            await writer.start()
        else:
            with pytest.raises(CannotContinue, match="set it to auto or off"):
                await writer.start()
        assert wanted == "on" or not writer._idempotent
        await writer.stop()


@pytest.mark.kafka
async def test_a_refused_batch_does_not_spoil_the_following_ones(kafka):
    world, topic = KafkaWorld(kafka), fresh_name()
    await world.create(topic, 1)  # which takes 150,000 bytes
    writer = KafkaWriter(world.settings)
    await writer.start()
    assert writer._idempotent
    await writer.write(topic, 0, [b"a"])
    with pytest.raises(CannotContinue, match="for good"):
        await writer.write(topic, 0, [bytes(200_000)])
    await writer.write(topic, 0, [b"b"])
    assert [record.value for record in await world.records(topic, 0)] == [b"a", b"b"]
    await writer.stop()
    await world.close()


@pytest.mark.kafka
async def test_two_processes_with_one_static_id_are_told(kafka):
    world, topic, group = KafkaWorld(kafka), fresh_name(), fresh_name()
    await world.create(topic, 1)
    readers = [world.reader(topic, group, kafka_instance_id="twin") for _ in range(2)]
    for reader in readers:
        await reader.start(Owner())
    with pytest.raises(CannotContinue, match="another process uses the same id"):
        async with asyncio.timeout(30):
            await asyncio.gather(*(_forever(reader) for reader in readers))
    for reader in readers:
        await reader.stop()
    await world.close()


async def _forever(reader):
    while True:
        with contextlib.suppress(Transient):
            await reader.poll(1, 0.1)
