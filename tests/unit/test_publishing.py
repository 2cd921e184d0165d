"""`replay` and the feed of `up`, on a publisher that keeps what it is given."""

import json
from itertools import islice

import pytest

from consumers.news import replay
from consumers.news.core.schedule import Due, schedule
from consumers.up.feed import feed
from consumers.up.pace import Pace
from consumers.up.sample import Surge
from groundswell.errors import InputError
from groundswell.events import TICK_HEADER


class Kept:
    """A publisher of three partitions; what was flushed stands in ``acknowledged``."""

    def __init__(self):
        self.sent, self.acknowledged = [], 0

    async def partitions(self, topic):
        return 3

    async def send(self, topic, partition, value, timestamp, headers):
        self.sent.append((topic, partition, value, timestamp, tuple(headers)))

    async def flush(self):
        self.acknowledged = len(self.sent)


class Clock:
    """A clock that moves a little each time it is read."""

    def __init__(self):
        self.reads = 0

    def now(self):
        self.reads += 1
        return self.reads / 1000

    def wall(self):
        return 1_700_000_000_000 + self.reads


def items(sent):
    return [json.loads(value)["id"] for _, _, value, _, _ in sent if value]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "f.jsonl"
    rows = [
        {"id": str(n), "published_at": f"2026-01-01T00:{n:02}:00Z", "title": "t"} for n in (2, 0, 1)
    ]
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n\n")
    return path


async def test_a_file_leaves_in_order_with_ticks_for_every_partition(file):
    kept = Kept()

    count = await replay.publish(schedule(replay.read(file), 3, 0), kept, "news", 0, Clock())

    assert count == 3
    assert items(kept.sent) == ["0", "1", "2"]
    ticks = [(p, t) for _, p, value, t, headers in kept.sent if not value]
    assert all(h[0][0] == TICK_HEADER for *_, v, _, h in kept.sent if not v)
    assert [p for p, _ in ticks] == [0, 1, 2] * 3
    assert kept.acknowledged == len(kept.sent)


async def test_a_record_waits_until_it_is_due(file):
    kept, clock = Kept(), Clock()

    await replay.publish(
        [Due(0, 0, b'{"id":"a"}'), Due(50, 0, b'{"id":"b"}')], kept, "n", 1.0, clock
    )

    assert items(kept.sent) == ["a", "b"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl"):
        list(replay.read(tmp_path / "none.jsonl"))


async def test_a_bad_row_stops_before_anything_is_sent(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"published_at": "2026-01-01T00:00:00Z", "title": "t"}\nnot json\n')

    with pytest.raises(InputError, match=r"bad\.jsonl:2"):
        list(replay.read(path))


async def test_the_feed_sends_the_sample_and_ends_in_time():
    kept, clock = Kept(), Clock()

    sent = await feed(kept, "news", 200, Surge(0.1, 0.2), 0.3, clock, Pace(0))

    assert sent == len(kept.sent) == len(set(items(kept.sent)))
    assert 20 < sent < 150
    assert {p for _, p, *_ in kept.sent} == {0, 1, 2}
    for _, _, value, timestamp, _ in islice(kept.sent, 5):
        assert json.loads(value)["published_at"].startswith("2023-11-14T22:13:20")
        assert timestamp >= 1_700_000_000_000


async def test_the_feed_of_a_replay_tells_its_own_time_and_ticks_every_minute():
    kept, clock = Kept(), Clock()
    base = 1_700_000_040_000

    sent = await feed(kept, "news", 200, Surge(0.1, 0.2), 0.3, clock, Pace(base, 1440))

    ticks = [(p, t) for _, p, value, t, _ in kept.sent if not value]
    assert sent == len(kept.sent) - len(ticks)
    assert 5 <= len({t for _, t in ticks}) <= 8
    assert all([p for p, t in ticks if t == time] == [0, 1, 2] for _, time in ticks)
    times = [t for *_, t, _ in kept.sent]
    assert times == sorted(times)
    assert base <= times[0] < times[-1] <= base + 300 * 1440
