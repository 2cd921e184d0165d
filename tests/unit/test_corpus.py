"""The seed corpus is what its datasheet says."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from groundswell.tasks import parse_function
from training.data.neighbours import clusters

FOLDER = Path(__file__).parents[2] / "training"
FILES = sorted((FOLDER / "corpus").glob("*.jsonl"))
CHECKS = FOLDER / "corpus" / "checks" / "disagreements.jsonl"


class Span(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1)]
    type: Literal["ORG", "PER", "LOC", "MISC"]
    start: int
    end: int


class Row(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    text: Annotated[str, msgspec.Meta(min_length=3, max_length=600)]
    channel: Literal["news", "report", "post"]
    sentiment: str
    topic: str
    entities: list[Span]


class Verdict(msgspec.Struct, forbid_unknown_fields=True):
    first: str
    second: str
    kept: str


class Check(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    sentiment: Verdict | None = None
    topic: Verdict | None = None


@pytest.fixture(scope="module")
def rows():
    return [
        msgspec.json.decode(line, type=Row)
        for path in FILES
        for line in path.read_bytes().splitlines()
    ]


def labels_of(name):
    return set(parse_function((FOLDER / f"functions/{name}.yaml").read_bytes(), name).label_names)


def test_it_holds_at_least_3000_rows_over_all_topics(rows):
    topics = Counter(row.topic for row in rows)

    assert len(rows) >= 3000
    assert {topic for topic, count in topics.items() if count >= 100} == labels_of("topic")


def test_every_disagreement_of_the_two_readings_is_recorded_with_what_was_kept(rows):
    labels = {row.id: row for row in rows}
    checks = [msgspec.json.decode(line, type=Check) for line in CHECKS.read_bytes().splitlines()]

    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        for field in ("sentiment", "topic"):
            verdict = getattr(check, field)
            assert verdict is None or verdict.first != verdict.second
            assert verdict is None or verdict.kept == getattr(labels[check.id], field), check.id


def test_every_label_is_one_of_its_function(rows):
    assert {row.topic for row in rows} == labels_of("topic")
    assert {row.sentiment for row in rows} == labels_of("sentiment")


def test_every_topic_has_every_tone(rows):
    tones = Counter((row.topic, row.sentiment) for row in rows)
    wanted = {(topic, tone) for topic in labels_of("topic") for tone in labels_of("sentiment")}

    assert {pair for pair in wanted if tones[pair] < 5} - {
        ("other", "negative"),
        ("other", "positive"),
    } == set()


def test_identifiers_and_texts_are_unique(rows):
    assert [i for i, n in Counter(row.id for row in rows).items() if n > 1] == []
    assert [t for t, n in Counter(row.text.casefold() for row in rows).items() if n > 1] == []


def test_near_duplicates_are_fewer_than_two_percent(rows):
    found = clusters([row.text for row in rows], similar=0.4)

    assert len(rows) - len(set(found)) < 0.02 * len(rows)


def test_spans_match_the_text(rows):
    wrong = [
        (row.id, span.text)
        for row in rows
        for span in row.entities
        if row.text[span.start : span.end] != span.text
    ]

    assert wrong == []


def test_spans_do_not_overlap(rows):
    for row in rows:
        spans = sorted((span.start, span.end) for span in row.entities)
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), row.id


def test_texts_are_not_from_templates(rows):
    openings = Counter(" ".join(row.text.split()[:3]).lower() for row in rows)

    assert openings.most_common(1)[0][1] <= 0.02 * len(rows)


def test_the_datasheet_counts_what_is_there(rows):
    sheet = (FOLDER / "corpus" / "README.md").read_text("utf-8")

    assert f"{len(rows):,} English" in sheet
    for path in FILES:
        count = len(path.read_bytes().splitlines())
        assert re.search(rf"`{path.name}` \|[^|]+\| {count} \|", sheet)
    assert f"The {len(CHECKS.read_bytes().splitlines())} rows on which they differ" in sheet
    for field in ("sentiment", "channel"):
        for count in Counter(getattr(row, field) for row in rows).values():
            assert f"{count:,}" in sheet
