from dataclasses import replace

import pytest

from consumers.adapters.kafka_topics import (
    Comparison,
    Topic,
    Wanted,
    all_wanted,
    check_alerts,
    check_topics,
    compare,
    ensure_topics,
    wanted_topics,
)
from groundswell.errors import TopicError
from groundswell.settings import Settings

SETTINGS = Settings(partitions=3)
DAY = 86_400_000


class Topics:
    """Topics as a broker would keep them."""

    def __init__(self, *topics: Topic) -> None:
        self.topics = {topic.name: topic for topic in topics}
        self.created: list[Wanted] = []

    async def topic(self, name: str) -> Topic | None:
        return self.topics.get(name)

    async def create(self, wanted: Wanted) -> None:
        self.created.append(wanted)
        self.topics[wanted.name] = as_wanted(wanted)


def as_wanted(wanted: Wanted, **config: str) -> Topic:
    changed = {key.replace("_", "."): value for key, value in config.items()}
    return Topic(wanted.name, "id", wanted.partitions, {**wanted.config(), **changed})


def found(settings: Settings = SETTINGS, **changes: Topic | None) -> dict[str, Topic]:
    """All topics as wanted, but for `news`, `opinions`, `dead` in ``changes`` (None: missing)."""
    news, opinions, dead, alerts = map(as_wanted, wanted_topics(settings))
    topics = {"news": news, "opinions": opinions, "dead": dead, "alerts": alerts, **changes}
    return {topic.name: topic for topic in topics.values() if topic is not None}


def test_what_is_wanted():
    news, opinions, dead, alerts = wanted_topics(SETTINGS)
    assert (news.name, opinions.name, dead.name) == ("news", "opinions", "news.dead")
    assert (alerts.name, alerts.partitions, alerts.retention_ms) == ("alerts", 1, 90 * DAY)
    assert opinions.config() == {
        "cleanup.policy": "delete",
        "max.message.bytes": str(1_048_576 + 65_536),
        "retention.ms": str(90 * DAY),
        "unclean.leader.election.enable": "false",
    }
    assert news.retention_ms == dead.retention_ms == 7 * DAY
    assert news.partitions == opinions.partitions == dead.partitions == 3


def test_for_ever_is_minus_one():
    for wanted in wanted_topics(
        Settings(opinions_retention_days=-1, news_retention_days=-1, alerts_retention_days=-1)
    ):
        assert wanted.retention_ms == -1


def test_what_was_created_as_wanted_has_no_differences():
    assert compare(SETTINGS, found()) == Comparison((), ())


def test_a_missing_topic_is_a_difference():
    (difference,) = compare(SETTINGS, found(dead=None)).differences
    assert "news.dead does not exist" in difference


@pytest.mark.parametrize(("partitions", "differs"), [(2, True), (3, False), (4, False)])
def test_opinions_needs_the_partitions_of_news(partitions, differs):
    _, opinions, *_ = wanted_topics(SETTINGS)
    topic = replace(as_wanted(opinions), partitions=partitions)
    differences = compare(SETTINGS, found(opinions=topic)).differences
    assert any("fewer than the 3 of news" in text for text in differences) == differs


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"max_message_bytes": "1000"}, "max.message.bytes is 1000"),
        ({"unclean_leader_election_enable": "true"}, "loses acknowledged"),
        ({"retention_ms": str(89 * DAY)}, "shorter than"),
        ({"cleanup_policy": "compact,delete"}, "cleanup.policy is compact,delete"),
    ],
)
def test_a_log_of_record_that_would_lose_is_refused(config, says):
    _, opinions, *_ = wanted_topics(SETTINGS)
    (difference,) = compare(SETTINGS, found(opinions=as_wanted(opinions, **config))).differences
    assert says in difference
    assert "topic opinions" in difference


def test_keeping_longer_is_fine():
    _, opinions, *_ = wanted_topics(SETTINGS)
    for kept in ("-1", str(91 * DAY)):
        topic = as_wanted(opinions, retention_ms=kept)
        assert not compare(SETTINGS, found(opinions=topic)).differences


def test_wanting_for_ever_is_more_than_any_number():
    settings = Settings(partitions=3, opinions_retention_days=-1)
    _, opinions, *_ = wanted_topics(settings)
    topic = as_wanted(opinions, retention_ms=str(9999 * DAY))
    assert "shorter" in compare(settings, found(settings, opinions=topic)).differences[0]


def test_a_source_may_keep_shorter_and_take_less():
    news, *_ = wanted_topics(SETTINGS)
    topic = as_wanted(news, retention_ms="1000", max_message_bytes="1000")
    comparison = compare(SETTINGS, found(news=topic))
    assert not comparison.differences
    assert "retention.ms is 1000" in comparison.notes[0]


def test_an_unclean_source_is_refused_too():
    news, *_ = wanted_topics(SETTINGS)
    topic = as_wanted(news, unclean_leader_election_enable="true")
    assert "topic news: unclean" in compare(SETTINGS, found(news=topic)).differences[0]


def test_what_a_broker_does_not_tell_is_said_and_skipped():
    _, opinions, *_ = wanted_topics(SETTINGS)
    for config, notes in ((None, 1), ({}, 0)):
        topic = replace(as_wanted(opinions), config=config)
        comparison = compare(SETTINGS, found(opinions=topic))
        assert not comparison.differences
        assert len(comparison.notes) == notes


def test_one_in_sync_replica_is_worth_a_note_if_there_are_more():
    settings = Settings(partitions=3, replication=3)
    _, opinions, *_ = wanted_topics(settings)
    topic = as_wanted(opinions, min_insync_replicas="1")
    assert "acks=all may mean one replica" in compare(settings, found(opinions=topic)).notes[0]


async def test_missing_topics_are_created_and_the_others_left_alone():
    topics = Topics(*found(opinions=None).values())
    comparison = await ensure_topics(topics, SETTINGS, create=True)
    assert [wanted.name for wanted in topics.created] == ["opinions"]
    assert not comparison.differences


async def test_with_a_registry_the_topic_of_its_moves_is_created_with_one_partition():
    settings = SETTINGS.model_copy(update={"registry_url": "models"})
    topics = Topics(*found().values())
    comparison = await ensure_topics(topics, settings, create=True)
    (wanted,) = topics.created
    assert (wanted.name, wanted.partitions, wanted.retention_ms) == ("models", 1, 7 * DAY)
    assert comparison == Comparison((), ())


async def test_without_the_topic_of_moves_polling_does_and_that_is_said():
    settings = SETTINGS.model_copy(update={"registry_url": "models"})
    comparison = await ensure_topics(Topics(*found().values()), settings, create=False)
    assert not comparison.differences
    (note,) = comparison.notes
    assert "models does not exist" in note
    assert "groundswell topics" in note


@pytest.mark.parametrize("settings", [{}, {"registry_url": "models", "models_topic": ""}])
def test_nobody_who_listens_for_no_moves_gets_their_topic(settings):
    assert [wanted.name for wanted in all_wanted(SETTINGS.model_copy(update=settings))] == [
        "news",
        "opinions",
        "news.dead",
        "alerts",
    ]


async def test_a_new_opinions_has_at_least_the_partitions_of_news():
    news, *_ = wanted_topics(SETTINGS)
    topics = Topics(replace(as_wanted(news), partitions=12))
    comparison = await ensure_topics(topics, SETTINGS, create=True)
    assert [wanted.partitions for wanted in topics.created] == [12, 12, 1]
    assert not comparison.differences


async def test_checking_creates_nothing_and_refuses():
    topics = Topics(*found(opinions=None, dead=None).values())
    with pytest.raises(TopicError, match=r"opinions does not exist.*news\.dead does not exist"):
        await check_topics(topics, SETTINGS)
    assert topics.created == []


async def test_each_program_looks_at_its_own_topics():
    topics = Topics(*found(alerts=None).values())
    assert not await check_topics(topics, SETTINGS)
    with pytest.raises(TopicError, match="alerts does not exist"):
        await check_alerts(topics, SETTINGS)


async def test_alerts_of_several_partitions_are_worth_a_note():
    *_, alerts = wanted_topics(SETTINGS)
    topics = Topics(replace(as_wanted(alerts), partitions=4))
    (note,) = await check_alerts(topics, SETTINGS)
    assert "only the first is written" in note


async def test_checking_returns_the_notes():
    _, opinions, *_ = wanted_topics(SETTINGS)
    topics = Topics(*found(opinions=replace(as_wanted(opinions), config=None)).values())
    (note,) = await check_topics(topics, SETTINGS)
    assert "does not tell its configuration" in note
