"""Asking brokers about topics, creating them, and a reader whose owner or admin fails."""

import asyncio

import pytest

from consumers.adapters import kafka_admin
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_metadata import TopicIdRequest
from consumers.adapters.kafka_reader import KafkaReader
from consumers.adapters.kafka_topics import ensure_topics
from groundswell.errors import CannotContinue, TopicError, Transient
from groundswell.settings import Settings
from tests.contract.log_worlds import KafkaWorld, Owner, fresh_name, joined, read


@pytest.fixture
async def admin(broker):
    found = KafkaAdmin(Settings(kafka_bootstrap_servers=broker.bootstrap))
    yield found
    await found.stop()


def fresh_settings(broker, **settings) -> Settings:
    names = {f"{name}_topic": fresh_name() for name in ("news", "opinions", "dead", "alerts")}
    return Settings.model_validate(
        {"kafka_bootstrap_servers": broker.bootstrap, **names, **settings}
    )


async def test_topics_are_created_as_wanted_and_found_again(broker, admin):
    settings = fresh_settings(broker, partitions=3)
    before = await ensure_topics(admin, settings, create=False)
    assert len(before.differences) == 4
    for create in (True, True, False):  # the second time there is nothing left to create
        comparison = await ensure_topics(admin, settings, create=create)
        assert comparison.differences == ()
    topic = await admin.topic(settings.opinions_topic)
    assert topic.partitions == 3
    assert topic.topic_id
    assert topic.config["max.message.bytes"] == str(1_048_576 + 65_536)


async def test_differences_are_found_on_a_broker(broker, admin):
    settings = fresh_settings(broker, opinions_retention_days=1)
    await ensure_topics(admin, settings, create=True)
    stricter = settings.model_copy(
        update={"opinions_retention_days": 90, "max_record_bytes": 2_000_000}
    )
    differences = (await ensure_topics(admin, stricter, create=False)).differences
    assert any("shorter" in text for text in differences)
    assert any("max.message.bytes" in text for text in differences)


async def test_creating_twice_changes_nothing(broker, admin):
    world = KafkaWorld(broker)
    topic = fresh_name()
    await world.create(topic, 2)
    identity = await admin.topic_id(topic)
    await world.create(topic, 5)
    assert (await admin.topic(topic)).partitions == 2
    assert await admin.topic_id(topic) == identity
    await world.close()


@pytest.mark.kafka
async def test_what_a_broker_refuses_to_create_is_said(kafka):
    settings = fresh_settings(kafka, replication=3)
    admin = KafkaAdmin(settings)
    with pytest.raises(TopicError, match=r"cannot be created: .*replication"):
        await ensure_topics(admin, settings, create=True)
    await admin.stop()


async def test_asking_for_a_topic_does_not_create_it(broker, admin):
    name = fresh_name()
    for _ in range(2):
        assert await admin.topic(name) is None
        with pytest.raises(TopicError, match="does not exist"):
            await admin.topic_id(name)


async def test_a_broker_without_identities_is_tolerated(broker, admin, monkeypatch):
    class Old(TopicIdRequest):
        def prepare(self, versions):
            return super().prepare({**versions, self.API_KEY: (0, 9)})

    topic = fresh_name()
    world = KafkaWorld(broker)
    await world.create(topic, 2)
    monkeypatch.setattr(kafka_admin, "TopicIdRequest", Old)
    assert await admin.topic_id(topic) == ""
    assert (await admin.topic(topic)).partitions == 2
    assert await admin.topic(fresh_name()) is None
    await world.close()


async def test_a_group_without_positions_has_none(broker, admin):
    world, topic = KafkaWorld(broker), fresh_name()
    await world.create(topic, 2)
    assert await _patiently(lambda: admin.committed(fresh_name(), topic, {0, 1})) == {}
    await world.close()


async def _patiently(question):
    while True:
        try:
            return await question()
        except Transient:  # the first use of a group's coordinator takes a moment
            await asyncio.sleep(0.1)


async def test_taking_over_is_tried_again_until_the_broker_answers(tansu, monkeypatch):
    world, topic, owner = KafkaWorld(tansu), fresh_name(), Owner()
    await world.create(topic, 1)
    fails = iter([Transient("away"), TopicError("made anew"), Transient("away")])
    committed = KafkaAdmin.committed

    async def failing(self, *arguments):
        for error in fails:
            raise error
        return await committed(self, *arguments)

    monkeypatch.setattr(KafkaAdmin, "committed", failing)
    reader = world.reader(topic, fresh_name())
    await reader.start(owner)
    await joined(reader, owner, 1)
    assert next(fails, None) is None
    await reader.stop()
    await world.close()


async def test_stopping_while_taking_over_does_not_wait(tansu, monkeypatch):
    world, topic, owner = KafkaWorld(tansu), fresh_name(), Owner()
    await world.create(topic, 1)
    asked = asyncio.Event()

    async def hanging(self, *_):
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(KafkaAdmin, "committed", hanging)
    reader = world.reader(topic, fresh_name())
    await reader.start(owner)
    while not asked.is_set():
        await reader.poll(1, 0.05)
    await reader.stop()
    assert (owner.assignments, owner.revocations) == ([], [])
    await world.close()


@pytest.mark.parametrize("method", ["assigned", "revoked"])
async def test_an_owner_that_raises_stops_the_reader(tansu, method):
    class Broken(Owner):
        async def assigned(self, bounds):
            if method == "assigned":
                raise ValueError("broken")
            return await super().assigned(bounds)

        async def revoked(self, partitions):
            raise ValueError("broken")

    world, topic = KafkaWorld(tansu), fresh_name()
    await world.create(topic, 1)
    reader = KafkaReader(world.settings, topic, fresh_name(), SystemClockStub())
    owner = Broken()
    await reader.start(owner)
    if method == "revoked":
        await joined(reader, owner, 1)
        await reader.on_partitions_revoked([])  # as aiokafka calls it
    with pytest.raises(CannotContinue, match="broken"):
        await joined(reader, owner, 2)
    await reader.stop()
    await world.close()


class SystemClockStub:
    """A clock that stands still."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> int:
        return 1


async def test_a_large_record_passes_a_small_fetch(broker):
    world, topic, owner = KafkaWorld(broker), fresh_name(), Owner()
    await world.create(topic, 1)
    writer, reader = world.writer(), world.reader(topic, fresh_name())
    await writer.start()
    await writer.write(topic, 0, [b"a", bytes(140_000), b"c"])  # a fetch asks for 65,536 bytes
    await reader.start(owner)
    await joined(reader, owner, 1)
    assert [len(record.value or b"") for record in await read(reader, 0, 3)] == [1, 140_000, 1]
    await asyncio.gather(reader.stop(), writer.stop(), world.close())
