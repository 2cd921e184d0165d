"""
The history of the sample stream: the week before it began, already labelled.

The texts are the sample's own, and the labels are what the bundle says of them: each text is asked in a few
of its wordings when `up` starts, and the week is made of those answers. Nothing is stored, and another
bundle brings a history of its own. Rules: the same seed and answers give the same history; it goes into
`opinions` as if from a topic of its own, so that its offsets fence nothing of `news`; it ends with a mark.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from msgspec.structs import replace

from consumers.news.core.schedule import partition_of
from consumers.news.labels import HEADS, Labelling, Labels
from consumers.ports import Publisher
from consumers.up.pace import Pace
from consumers.up.sample import Planned, SampleText, Surge, reworded, stream
from groundswell.errors import CannotStart, Rejected
from groundswell.events import Mark, Opinion, Origin, encode_log, instant
from groundswell.models.golden import read_golden
from groundswell.models.session import load
from groundswell.series import series_of, story_of
from groundswell.settings import Settings
from groundswell.text import compose

SOURCE: Final = "sample-history"
"""The topic that the history says it came from."""
SEED: Final = 1
_WORDINGS: Final = 4
_BATCH: Final = 32
_STORY_MS: Final = 86_400_000
_NEVER: Final = Surge(0.0, 0.0)


class Answers(NamedTuple):
    """What a bundle says of the sample's texts: by text, its answers to several wordings."""

    bundle: str
    labels: Mapping[str, Sequence[Labels]]


class Past(NamedTuple):
    """A record of the history: its partition, its time in ms, and its value."""

    partition: int
    time: int
    value: bytes


def answers(settings: Settings, texts: Sequence[SampleText]) -> Answers:
    """Ask the bundle about every calm text. Raises ``BundleError``; takes seconds: use a thread."""
    model = load(settings.bundle, settings.providers, settings.provider_options, heads=HEADS)
    labelling = Labelling(model, read_golden(settings.bundle, model.manifest)[0].text)
    random = Random(SEED)  # noqa: S311 - a sample stream protects nothing
    asked = [(t.title, reworded(t, random)) for t in texts if not t.surge for _ in range(_WORDINGS)]
    asked.sort(key=lambda pair: len(pair[1]))
    found: defaultdict[str, list[Labels]] = defaultdict(list)
    for first in range(0, len(asked), _BATCH):
        batch = asked[first : first + _BATCH]
        rows = model.encode([compose(title, "", model.manifest.max_chars) for _, title in batch])
        for (text, _), labels in zip(batch, labelling.label(rows), strict=True):
            if not isinstance(labels, Rejected):
                found[text].append(labels)
    unread = {t.title for t in texts if not t.surge} - found.keys()
    if unread:
        raise CannotStart(f"bundle {model.manifest.id} cannot read {min(unread)!r}")
    return Answers(model.manifest.id, dict(found))


def history(
    texts: tuple[SampleText, ...], said: Answers, rate: float, pace: Pace, partitions: int
) -> Iterator[Past]:
    """Yield the opinions of the days before ``pace.base``, in order of time, and a mark each at the end."""
    offsets = dict.fromkeys(range(partitions), -1)
    stories: dict[str, tuple[str, int]] = {}
    days = stream(texts, rate, _NEVER, SEED, pace.day, pace.phase)
    for number, planned in enumerate(days):
        if planned.at >= pace.past:
            break
        time = pace.at(planned.at - pace.past)
        partition = partition_of(planned.id, partitions)
        after = offsets[partition]
        offsets[partition] = after + 1
        origin = Origin(topic=SOURCE, partition=partition, offset=after + 1, after=after)
        told = said.labels[planned.text]
        # Idle talk comes again as it is: within a day it is the same story, as in the live stream.
        known = stories.get(planned.copy_of or planned.title)
        copied = known is not None and time - known[1] < _STORY_MS
        story = known[0] if known and copied else story_of(origin)
        stories[planned.id] = known if known and copied else (story, time)
        stories[planned.title] = stories[planned.id]
        labels = told[number % len(told)]
        opinion = _opinion(planned, labels, time, origin, said.bundle, story)
        new_in = () if copied else series_of(opinion)
        yield Past(partition, time, encode_log(replace(opinion, new_in=new_in)))
    for partition, offset in offsets.items():
        if offset >= 0:
            origin = Origin(topic=SOURCE, partition=partition, offset=offset, after=offset)
            yield Past(partition, pace.base, encode_log(Mark(at=instant(pace.base), origin=origin)))


def _opinion(
    planned: Planned, labels: Labels, time: int, origin: Origin, bundle: str, story: str
) -> Opinion:
    return Opinion(
        id=planned.id,
        source=planned.source,
        channel=planned.channel,
        published_at=instant(time),
        arrived_at=instant(time),
        title=planned.title,
        language="en",
        sentiment=labels.sentiment,
        topics=labels.topics,
        story=story,
        bundle=bundle,
        origin=origin,
    )


async def publish(publisher: Publisher, topic: str, records: Iterator[Past]) -> int:
    """Write the history to ``topic``; return how many opinions it holds."""
    sent = 0
    for record in records:
        await publisher.send(topic, record.partition, record.value, record.time, ())
        sent += b'"kind":"opinion"' in record.value[:32]
    await publisher.flush()
    return sent
