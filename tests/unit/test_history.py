from collections import Counter
from itertools import pairwise

import pytest

from consumers.news.labels import Labels
from consumers.up.history import SOURCE, Answers, history
from consumers.up.pace import HISTORY_DAYS, Pace, pace_of
from consumers.up.sample import load_texts
from groundswell.events import Mark, Opinion, SentimentResult, TopicLabel, decode_log, millis

TEXTS = load_texts()
DAY_MS = 86_400_000
PACE = pace_of(1_767_600_012_345, 1440)


def said(label):
    probabilities = {"negative": 0.2, "neutral": 0.7, "positive": 0.1}
    topics = (TopicLabel(label="rates", probability=0.9),)
    return [Labels(SentimentResult(label=label, probabilities=probabilities), topics, ())]  # type: ignore[arg-type]


ANSWERS = Answers("b@1", {t.title: said("neutral") for t in TEXTS if not t.surge})


def made(rate=5.0):
    return list(history(TEXTS, ANSWERS, rate, PACE, 3))


@pytest.fixture(scope="module")
def records():
    return made()


def test_it_is_the_same_each_time(records):
    assert records == made()


def test_times_rise_over_the_days_before_the_start(records):
    times = [r.time for r in records]

    assert times == sorted(times)
    assert 0 <= times[0] - (PACE.base - HISTORY_DAYS * DAY_MS) < DAY_MS / 8
    assert times[-1] == PACE.base == 1_767_600_012_345 // 60_000 * 60_000


def test_offsets_have_no_holes_and_a_mark_ends_each_partition(records):
    for partition in range(3):
        held = [decode_log(r.value) for r in records if r.partition == partition]
        assert [o.origin.offset for o in held[:-1]] == list(range(len(held) - 1))
        assert all(b.origin.after == a.origin.offset for a, b in pairwise(held[:-1]))
        assert isinstance(held[-1], Mark)
        assert (held[-1].origin.topic, held[-1].origin.offset) == (SOURCE, len(held) - 2)


def test_copies_belong_to_a_story_of_the_last_day_and_are_new_nowhere(records):
    opinions = [o for r in records if isinstance(o := decode_log(r.value), Opinion)]
    began = {o.story: o.published_at for o in opinions if o.new_in}
    copies = [o for o in opinions if not o.new_in]

    assert 0.05 < len(copies) / len(opinions) < 0.5
    assert all(0 <= (o.published_at - began[o.story]).total_seconds() < 86_400 for o in copies)


def test_day_and_night_fall_where_the_live_stream_goes_on(records):
    hours = Counter(
        millis(o.published_at) // 3_600_000 % 24
        for r in records
        if isinstance(o := decode_log(r.value), Opinion)
    )
    day, night = sum(hours[h] for h in range(12)), sum(hours[h] for h in range(12, 24))

    assert day > 1.5 * night


def test_a_pace_tells_the_time_of_the_stream():
    pace = Pace(86_400_000 + 3_600_000, 240)

    assert pace.at(1.5) == pace.base + 360_000
    assert (pace.day, pace.tick, pace.phase) == (360, 0.25, 15)
    assert pace.replays
    assert not pace_of(12_345, 1).replays
    assert pace_of(12_345, 1).base == 12_345
