"""
The topics: what they must look like, how that compares with what is there, and creating them.

Rules: comparing is a pure function that answers in sentences; what a broker does not report is skipped
and said; nothing that exists is ever altered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from consumers.adapters.kafka_config import HEADROOM
from groundswell.errors import TopicError
from groundswell.settings import Settings

log = structlog.get_logger()

_DAY_MS: Final = 86_400_000
_MOVES_DAYS: Final = 7
_MOVE_BYTES: Final = 65_536


@dataclass(frozen=True)
class Topic:
    """A topic as the broker describes it; ``config`` is None where it does not say."""

    name: str
    topic_id: str
    partitions: int
    config: Mapping[str, str] | None


@dataclass(frozen=True)
class Wanted:
    """A topic as it should be; ``retention_ms`` -1 keeps for ever."""

    name: str
    partitions: int
    replication: int
    retention_ms: int
    message_bytes: int

    def config(self) -> dict[str, str]:
        """Return the configuration to create it with."""
        return {
            "cleanup.policy": "delete",
            "max.message.bytes": str(self.message_bytes),
            "retention.ms": str(self.retention_ms),
            "unclean.leader.election.enable": "false",
        }


@dataclass(frozen=True)
class Comparison:
    """``differences`` matter: refuse; ``notes`` say what could not be asked or is merely odd."""

    differences: tuple[str, ...]
    notes: tuple[str, ...]


class Topics(Protocol):
    """Describes and creates topics; ``KafkaAdmin`` is one."""

    async def topic(self, name: str) -> Topic | None:
        """Return the topic, None if it does not exist."""
        ...

    async def create(self, wanted: Wanted) -> None:
        """Create the topic unless it exists."""
        ...


def wanted_topics(settings: Settings) -> tuple[Wanted, Wanted, Wanted, Wanted]:
    """Return what `news`, `opinions`, the dead letters and `alerts` should look like, in this order."""

    def topic(name: str, days: int) -> Wanted:
        retention = -1 if days < 0 else days * _DAY_MS
        size = settings.max_record_bytes + HEADROOM
        return Wanted(name, settings.partitions, settings.replication, retention, size)

    return (
        topic(settings.news_topic, settings.news_retention_days),
        topic(settings.opinions_topic, settings.opinions_retention_days),
        topic(settings.dead_topic, settings.news_retention_days),
        # One partition: transitions leave in the order in which they were decided.
        replace(topic(settings.alerts_topic, settings.alerts_retention_days), partitions=1),
    )


def wanted_models(settings: Settings) -> Wanted:
    """Return what the topic that tells of moves in the registry should look like; ``models_topic`` is set."""
    return Wanted(
        settings.models_topic, 1, settings.replication, _MOVES_DAYS * _DAY_MS, _MOVE_BYTES
    )


def all_wanted(settings: Settings) -> tuple[Wanted, ...]:
    """Return what all topics of these settings should look like: with a registry, also that of its moves."""
    follows = settings.registry_url and settings.models_topic
    return (*wanted_topics(settings), *((wanted_models(settings),) if follows else ()))


def compare(
    settings: Settings, found: Mapping[str, Topic], names: Collection[str] | None = None
) -> Comparison:
    """
    Compare the topics that exist with what the settings want; ``names``: these only.

    The number of partitions may differ from the settings, as long as `opinions` has at least as many as
    `news`: a verdict goes into the partition with the number of its item's.
    """
    news, opinions, _, alerts = wanted_topics(settings)
    differences: list[str] = []
    notes: list[str] = []
    for wanted in all_wanted(settings):
        if names is not None and wanted.name not in names:
            continue
        topic = found.get(wanted.name)
        if topic is None and wanted.name == settings.models_topic:
            notes.append(
                f"topic {wanted.name} does not exist: moves in the registry are found by polling; create "
                "it with `groundswell topics`"
            )
        elif topic is None:
            differences.append(
                f"topic {wanted.name} does not exist; create it with `groundswell topics`"
            )
        elif topic.config is None:
            notes.append(f"topic {wanted.name}: the broker does not tell its configuration")
        else:
            keep = wanted == opinions
            differences += _config_differences(wanted, topic.config, keep=keep)
            notes += _config_notes(wanted, topic.config)
    source, log_of_record = found.get(news.name), found.get(opinions.name)
    if source and log_of_record and log_of_record.partitions < source.partitions:
        differences.append(
            f"topic {opinions.name} has {log_of_record.partitions} partitions, fewer than the "
            f"{source.partitions} of {news.name}; add partitions to it"
        )
    transitions = found.get(alerts.name)
    if transitions and transitions.partitions > alerts.partitions:
        notes.append(
            f"topic {alerts.name} has {transitions.partitions} partitions; only the first is written"
        )
    return Comparison(tuple(differences), tuple(notes))


def _config_differences(wanted: Wanted, config: Mapping[str, str], *, keep: bool) -> list[str]:
    """``keep`` says whether the topic must hold what it was given: it is the log of record."""
    found: list[str] = []
    # A source may allow less than we accept; what we write must fit.
    size = config.get("max.message.bytes")
    if size is not None and int(size) < wanted.message_bytes and keep:
        found.append(
            f"topic {wanted.name}: max.message.bytes is {size}, below {wanted.message_bytes} "
            "(max_record_bytes and its headroom); raise it, or lower max_record_bytes"
        )
    if config.get("unclean.leader.election.enable") == "true":
        found.append(
            f"topic {wanted.name}: unclean.leader.election.enable is on, which loses acknowledged "
            "records; set it to false"
        )
    if not keep:
        return found
    retention = int(config.get("retention.ms", wanted.retention_ms))
    if retention != -1 and (wanted.retention_ms == -1 or retention < wanted.retention_ms):
        found.append(
            f"topic {wanted.name}: retention.ms is {retention}, shorter than the "
            f"{wanted.retention_ms} of opinions_retention_days; raise it, or lower the setting"
        )
    if "compact" in config.get("cleanup.policy", "delete"):
        found.append(
            f"topic {wanted.name}: cleanup.policy is {config['cleanup.policy']}, which deletes "
            "records of the log; set it to delete"
        )
    return found


def _config_notes(wanted: Wanted, config: Mapping[str, str]) -> list[str]:
    notes: list[str] = []
    if wanted.replication > 1 and config.get("min.insync.replicas") == "1":
        notes.append(
            f"topic {wanted.name}: min.insync.replicas is 1, so acks=all may mean one replica"
        )
    retention = int(config.get("retention.ms", wanted.retention_ms))
    if retention != wanted.retention_ms:
        notes.append(
            f"topic {wanted.name}: retention.ms is {retention}, the settings say "
            f"{wanted.retention_ms}"
        )
    return notes


async def ensure_topics(
    topics: Topics, settings: Settings, *, create: bool, names: Collection[str] | None = None
) -> Comparison:
    """
    Create what is missing (if ``create``) and return how all of them compare. Alters nothing.

    ``names``: these only.

    A created `opinions` gets as many partitions as an existing `news`. Raises ``Transient`` and, if a
    topic cannot be created, ``TopicError``.
    """
    found: dict[str, Topic] = {}
    most = settings.partitions
    for wanted in all_wanted(settings):
        if names is not None and wanted.name not in names:
            continue
        topic = await topics.topic(wanted.name)
        if topic is None and create:
            single = wanted.name in {settings.alerts_topic, settings.models_topic}
            partitions = 1 if single else most
            await topics.create(replace(wanted, partitions=partitions))
            log.info("topic created", topic=wanted.name, partitions=partitions)
            topic = await topics.topic(wanted.name)
        if topic is not None:
            found[wanted.name] = topic
            if wanted.name == settings.news_topic:
                most = max(most, topic.partitions)
    return compare(settings, found, names)


async def check_topics(topics: Topics, settings: Settings) -> Sequence[str]:
    """
    Look at the topics of `consume`; return the notes.

    Raises ``TopicError`` that names every difference that matters.
    """
    return await _checked(
        topics, settings, {settings.news_topic, settings.opinions_topic, settings.dead_topic}
    )


async def check_alerts(topics: Topics, settings: Settings) -> Sequence[str]:
    """Look at topic `alerts`, which `watch` writes; as ``check_topics``."""
    return await _checked(topics, settings, {settings.alerts_topic})


async def _checked(topics: Topics, settings: Settings, names: Collection[str]) -> Sequence[str]:
    comparison = await ensure_topics(topics, settings, create=False, names=names)
    if comparison.differences:
        raise TopicError("; ".join(comparison.differences))
    return comparison.notes
