"""The operator's hands, in process, against the embedded broker and a real store."""

import json
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_publisher import KafkaPublisher
from consumers.adapters.kafka_topics import wanted_models
from consumers.adapters.redis_counts import open_counts
from consumers.counts.core.fold import fold
from consumers.counts.core.state import PartitionState
from consumers.news import replay
from consumers.ports import Record
from consumers.up import doctor, top, topics
from groundswell.errors import CannotContinue, InputError, TopicError, Transient
from groundswell.events import (
    Opinion,
    Origin,
    Refusal,
    SentimentResult,
    TopicLabel,
    encode_log,
    instant,
)
from groundswell.settings import load
from tests.integration.log import Kafka

TINY = Path(__file__).parents[1] / "data" / "tiny-bundle"
NOW = 1_767_225_630_000


@pytest.fixture
def settings(tansu, valkey_url):
    tag = uuid4().hex[:8]
    return load(
        {},
        {
            "kafka_bootstrap_servers": tansu.bootstrap,
            "news_topic": f"news-{tag}",
            "opinions_topic": f"opinions-{tag}",
            "dead_topic": f"dead-{tag}",
            "partitions": 2,
            "redis_url": valkey_url,
            "redis_prefix": f"h{tag}",
            "bundle": TINY,
        },
    )


@pytest.fixture
def nowhere(settings):
    return settings.model_copy(
        update={
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "redis_url": load({}, {"redis_url": "redis://:hush@127.0.0.1:1/0"}).redis_url,
            "bundle": Path("no-such-bundle"),
        }
    )


async def count_some(settings):
    opinion = Opinion(
        id="1",
        source="s",
        channel="news",
        published_at=instant(NOW),
        arrived_at=instant(NOW),
        title="t",
        sentiment=SentimentResult(
            label="negative", probabilities={"negative": 1.0, "neutral": 0.0, "positive": 0.0}
        ),
        topics=(TopicLabel(label="credit", probability=1.0),),
        bundle="b@1",
        origin=Origin(topic="news", partition=0, offset=0, after=-1),
    )
    refusal = Refusal(
        reason="no_text",
        detail="d",
        arrived_at=instant(NOW),
        origin=Origin(topic="news", partition=0, offset=1, after=0),
    )
    records = [
        Record(0, n, NOW, r) for n, r in enumerate((encode_log(opinion), encode_log(refusal)))
    ]
    counts = open_counts(settings)
    try:
        await counts.prepare()
        assert await counts.step(0, None, fold(PartitionState(), records, 120_000)) is None
    finally:
        await counts.close()


async def test_topics_are_created_once_and_then_agree(settings, capsys):
    assert await topics.run(settings, create=False) == 1
    assert "does not exist" in capsys.readouterr().out
    assert await topics.run(settings, create=True) == 0
    assert await topics.run(settings, create=False) == 0
    assert f"{settings.news_topic}: 2 partitions" in capsys.readouterr().out


async def test_with_a_registry_the_topic_of_its_moves_is_made_as_whoever_tells_them_makes_it(
    settings, capsys
):
    name = f"{settings.news_topic}-models"
    settings = settings.model_copy(update={"registry_url": "models", "models_topic": name})
    assert await topics.run(settings, create=True) == 0
    assert f"{name}: 1 partitions" in capsys.readouterr().out
    admin = KafkaAdmin(settings)
    try:
        made = await admin.topic(name)
    finally:
        await admin.stop()
    assert made is not None
    if made.config is not None:
        assert int(made.config["retention.ms"]) == wanted_models(settings).retention_ms


async def test_what_is_published_stands_in_order_with_its_time(settings):
    await topics.run(settings, create=True)
    publisher = KafkaPublisher(settings, in_flight=3)
    await publisher.start()
    try:
        assert await publisher.partitions(settings.news_topic) == 2
        for number in range(20):
            value = str(number).encode()
            await publisher.send(
                settings.news_topic, number % 2, value, NOW + number, (("k", b"v"),)
            )
        await publisher.flush()
        with pytest.raises(TopicError, match="groundswell topics"):
            await publisher.partitions("no-such-topic")
    finally:
        await publisher.stop()

    log = await Kafka(settings.kafka_bootstrap_servers).read(settings.news_topic)
    assert [int(r.value or b"") for r in log[0]] == list(range(0, 20, 2))
    assert [r.timestamp for r in log[1]] == [NOW + n for n in range(1, 20, 2)]
    assert log[0][0].headers == (("k", b"v"),)


async def test_a_record_that_the_broker_refuses_stops_the_publisher(settings):
    await topics.run(settings, create=True)
    publisher = KafkaPublisher(settings, in_flight=3)
    await publisher.start()
    try:
        await publisher.send(settings.news_topic, 0, b"x" * (8 << 20), NOW, ())
        with pytest.raises(CannotContinue, match="is refused"):
            await publisher.flush()
    finally:
        await publisher.stop()


async def test_a_broker_that_is_away_is_said(nowhere):
    with pytest.raises(Transient, match="cannot be reached"):
        await KafkaPublisher(nowhere, in_flight=1).start()


async def test_replay_publishes_a_file(settings, tmp_path):
    await topics.run(settings, create=True)
    file = tmp_path / "f.jsonl"
    file.write_text('{"published_at": "2026-01-01T00:00:00Z", "text": "t"}\n' * 5)

    assert await replay.run(settings, file, 0) == 0

    log = await Kafka(settings.kafka_bootstrap_servers).read(settings.news_topic)
    assert sum(r.value != b"" for records in log.values() for r in records) == 5
    assert all(log[p][-1].value == b"" for p in (0, 1))
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match="holds no items"):
        await replay.run(settings, tmp_path / "empty.jsonl", 0)


async def test_the_doctor_finds_everything_there(settings, capsys):
    await topics.run(settings, create=True)
    await count_some(settings)
    capsys.readouterr()

    assert await doctor.run(settings, as_json=True) == 0

    findings = {f["about"]: f for f in json.loads(capsys.readouterr().out)}
    assert set(findings) == {"system", "model", "kafka", "redis", "embedded", "trainer"}
    assert "tiny@" in findings["model"]["detail"]
    assert "2 items settled" in findings["redis"]["detail"]


async def test_the_doctor_asks_everything_and_tells_no_secret(nowhere, capsys):
    assert await doctor.run(nowhere, as_json=False) == 1

    said = capsys.readouterr().out
    for about in ("model", "kafka", "redis"):
        assert f"{about}" in said
    assert said.count("missing") == 3
    assert "no-such-bundle" in said.replace("\n", "")
    assert "hush" not in said


async def test_topics_that_are_missing_are_missing_to_the_doctor(settings):
    findings = {f.about: f for f in await doctor.examine(settings)}

    assert findings["kafka"].state == "missing"
    assert "groundswell topics" in findings["kafka"].detail


async def test_top_shows_what_redis_holds(settings, tmp_path, capsys):
    await count_some(settings)
    svg = tmp_path / "top.svg"

    show = partial(top.run, settings, interval=0.01, once=True, minutes=60)
    assert await show(svg=None) == 0
    assert await show(svg=svg) == 0

    said = capsys.readouterr().out
    assert "1 counted" in said
    assert "1 refused" in said
    assert "topic:credit" in said
    picture = svg.read_text("utf-8")
    assert "topic:credit" in picture
    assert "@font-face" not in picture
    assert "url(http" not in picture
    with pytest.raises(InputError, match="cannot be written"):
        await show(svg=tmp_path / "none" / "top.svg")


async def test_top_says_that_the_store_is_away(nowhere, capsys):
    await top.run(nowhere, interval=0.01, once=True, minutes=60, svg=None)

    assert "is away" in capsys.readouterr().out
