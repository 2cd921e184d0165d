"""Small builders for tests of `count`: records of the log, stores that fail, a clock that stands."""

from collections import deque

from consumers.adapters.memory_counts import MemoryCounts
from consumers.counts.core.state import PartitionState
from consumers.counts.core.step import Retention, Step
from consumers.counts.ports import Held
from consumers.ports import Record
from groundswell.errors import Transient
from groundswell.events import (
    SENTIMENTS,
    Gap,
    Mark,
    Opinion,
    Origin,
    Refusal,
    Sentiment,
    SentimentResult,
    Tick,
    TopicLabel,
    encode_log,
    instant,
)

L = 120_000
T0 = 1_767_600_000_000
"""A round time: 2026-01-05 08:00 UTC, in ms."""
KEPT = Retention(minute=48 * 60, hour=90 * 1440, day=730 * 1440)


def origin(offset, after=None, topic_id="n", partition=0, topic="news"):
    return Origin(
        topic=topic,
        topic_id=topic_id,
        partition=partition,
        offset=offset,
        after=offset - 1 if after is None else after,
    )


def opinion(  # noqa: PLR0913 # a builder: each has a default
    offset,
    *,
    after=None,
    at=None,
    published=None,
    label="negative",
    negative=0.5,
    topics=("rates",),
    source="wire",
    bundle="b@1",
    topic_id="n",
    partition=0,
    title="t",
    **fields,
):
    arrived = T0 + offset * 1000 if at is None else at
    rest = (1 - negative) / 2
    probabilities: dict[Sentiment, float] = {
        "negative": negative,
        "neutral": rest,
        "positive": rest,
    }
    return Opinion(
        id=f"i{offset}",
        source=source,
        channel="news",
        published_at=instant(arrived if published is None else published),
        arrived_at=instant(arrived),
        title=title,
        sentiment=SentimentResult(label=label, probabilities=probabilities),
        topics=tuple(TopicLabel(label=t, probability=0.9) for t in topics),
        bundle=bundle,
        origin=origin(offset, after, topic_id, partition),
        **fields,
    )


def refusal(offset, *, after=None, reason="no_text", topic_id="n"):
    return Refusal(
        reason=reason,
        detail="d",
        arrived_at=instant(T0),
        origin=origin(offset, after, topic_id),
    )


def gap(offset, after, topic_id="n"):
    return Gap(found_at=instant(T0), origin=origin(offset, after, topic_id))


def tick(offset, at, *, after=None):
    return Tick(arrived_at=instant(at), origin=origin(offset, after))


def mark(at, offset, topic_id="n"):
    return Mark(at=instant(at), origin=origin(offset, offset, topic_id))


def records(*rows, first=0, partition=0):
    """Lay events (or bytes) out as records of the log."""
    return [
        Record(partition, first + n, 0, row if isinstance(row, bytes) else encode_log(row))
        for n, row in enumerate(rows)
    ]


def random_opinion(rng, offset, **fields):
    """Any opinion: late, in the future, unread, with or without a story."""
    at = T0 + offset * 20_000
    return opinion(
        offset,
        at=at,
        published=at + rng.choice([0, -1000, -L, -L - 1, L, L + 1, -86_400_000, 3_600_000]),
        label=rng.choice(SENTIMENTS),
        negative=rng.choice([0.0, 0.123456, 0.9, 1.0]),
        topics=tuple(rng.sample(["rates", "credit", "m&a:x"], rng.randrange(3))),
        source=f"s{rng.randrange(50)}",
        bundle=f"b@{rng.randrange(10)}",
        read=rng.random() < 0.9,
        new_in=rng.choice([None, (), ("all",), ("topic:rates",)]),
        **fields,
    )


class Clock:
    """A clock that stands until it is moved; ``now`` and ``wall`` move together."""

    def __init__(self):
        self.seconds = 1000.0

    def now(self):
        return self.seconds

    def wall(self):
        return T0 + int(self.seconds * 1000)


class FlakyCounts(MemoryCounts):
    """Counts whose next steps fail as ordered: "before" they land, or "after"."""

    def __init__(self, shards=1, retention=KEPT):
        super().__init__(shards, retention)
        self.faults: deque[str] = deque()

    async def step(
        self, partition: int, expected: PartitionState | None, step: Step
    ) -> Held | None:
        fault = self.faults.popleft() if self.faults else ""
        answer = None if fault == "before" else await super().step(partition, expected, step)
        if fault:
            raise Transient(f"the step failed {fault} it landed, as a test wanted")
        return answer  # type: ignore[return-value]


def at_once(call):
    """Run a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the coroutine waits")
