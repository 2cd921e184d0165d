"""News that is pushed in: over the twin, and over real brokers with a real store."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from consumers.adapters.clock import SystemClock
from consumers.adapters.news_intake import KafkaIntake
from groundswell.errors import TopicError, Transient
from groundswell.events import NewsItem, instant
from groundswell.settings import load
from tests.integration.log import Kafka
from tests.web_world import MemoryIntake

NEWS = tuple(
    NewsItem(id=str(n), source="wire", published_at=instant(1_700_000_000_000), title=f"News {n}")
    for n in range(3)
)


def settings_of(bootstrap, url, topic):
    return load(
        {},
        {
            "kafka_bootstrap_servers": bootstrap,
            "news_topic": topic,
            "redis_url": url,
            "redis_prefix": topic[:32],
        },
    )


@pytest.fixture(params=["twin", "real"])
async def intake(request):
    if request.param == "twin":
        yield MemoryIntake()
        return
    broker = request.getfixturevalue("tansu")
    topic = f"news-{uuid4().hex[:8]}"
    await Kafka(broker.bootstrap).create(topic, 2)
    opened = KafkaIntake(
        settings_of(broker.bootstrap, request.getfixturevalue("valkey_url"), topic), SystemClock()
    )
    yield opened
    await opened.close()


async def test_an_item_is_taken_once_by_source_and_id(intake):
    assert list(await intake.push(NEWS)) == ["accepted"] * 3
    assert list(await intake.push(NEWS)) == ["duplicate"] * 3
    changed = msgspec.structs.replace(NEWS[0], title="Other news")
    assert list(await intake.push([changed])) == ["conflict"]
    elsewhere = msgspec.structs.replace(NEWS[0], source="blog")
    assert list(await intake.push([elsewhere])) == ["accepted"]


async def test_what_is_accepted_stands_in_the_log_once(tansu, valkey_url):
    topic, kafka = f"news-{uuid4().hex[:8]}", Kafka(tansu.bootstrap)
    await kafka.create(topic, 2)
    settings = settings_of(tansu.bootstrap, valkey_url, topic)
    intake, twin = (KafkaIntake(settings, SystemClock()) for _ in range(2))
    both = await asyncio.gather(intake.push(NEWS), twin.push(NEWS))
    assert sorted(outcome for pushed in both for outcome in pushed).count("accepted") == 3
    held = [record.value for rows in (await kafka.read(topic)).values() for record in rows]
    assert sorted(msgspec.json.decode(value or b"")["id"] for value in held) == ["0", "1", "2"]
    await intake._redis.set(
        intake._key(NEWS[0]), b"~" + await intake._redis.get(intake._key(NEWS[0]))
    )
    assert list(await intake.push(NEWS[:1])) == ["busy"]
    await intake.close()
    await twin.close()


async def test_what_is_away_is_said(tansu, valkey_url):
    none = KafkaIntake(settings_of(tansu.bootstrap, valkey_url, "news-none"), SystemClock())
    with pytest.raises(TopicError, match="does not exist"):
        await none.push(NEWS)
    await none.close()
    topic = f"news-{uuid4().hex[:8]}"
    await Kafka(tansu.bootstrap).create(topic, 1)
    unkept = KafkaIntake(
        settings_of(tansu.bootstrap, "redis://127.0.0.1:1/0", topic), SystemClock()
    )
    with pytest.raises(Transient, match="Redis"):
        await unkept.push(NEWS)
    await unkept.close()
