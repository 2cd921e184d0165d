"""The cheap model that looks for suspect labels, cross-fitted by cluster."""

import numpy as np
import pytest

from tests.unit.data_world import NAMES, TONE, TOPICS, data_set
from training.data.confident import cross_fit, features_of
from training.data.prepare import Wish, prepare, write
from training.data.review import find_suspects
from training.examples import Example

pytestmark = pytest.mark.train

WORDS = ("fraud", "meeting", "profit")
NOISE = [a + b + c for a in "bdfg" for b in "aeiou" for c in "klmn"]


def rows_of(count, wrong=()):
    draw = np.random.default_rng(0)
    rows = []
    for place in range(count):
        label = place % 3
        text = " ".join([*draw.choice(NOISE, 5), WORDS[label], WORDS[label]])
        rows.append((text, (label + 1) % 3 if place in wrong else label))
    return rows


def test_wrong_labels_are_found_and_little_else():
    wrong = {10, 35, 60, 85, 110}
    examples = [
        Example(id=str(n), text=text, truths=(None, label), source="a", origin=f"f.jsonl:{n}")
        for n, (text, label) in enumerate(rows_of(150, wrong))
    ]

    found = find_suspects(examples, range(150), [NAMES, TONE])

    assert {d.line for d in found[:5]} == wrong
    assert len(found) <= 8
    assert {d.reason for d in found} == {"suspect"}
    first = found[0]
    assert first.suggested == TONE.function.label_names[first.line % 3]
    assert first.given != first.suggested
    assert first.probability is not None
    assert first.probability > 0.5


def test_probabilities_may_be_given():
    examples = [Example(id=str(n), text=str(n), truths=(n % 2,)) for n in range(4)]
    given = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]])

    found = find_suspects(examples, range(4), [TONE], {"sentiment": given})

    assert [(d.id, d.given, d.suggested, d.probability) for d in found] == [
        ("2", "negative", "neutral", 0.8)
    ]


def test_of_several_labels_each_is_doubted_by_itself():
    given = [frozenset({n % 3, 1}) for n in range(150)]
    given[12] = frozenset({1})  # lacks its own; the other stays beyond doubt
    examples = [
        Example(id=str(n), text=text, truths=(given[n],))
        for n, (text, _) in enumerate(rows_of(150))
    ]

    found = find_suspects(examples, range(150), [TOPICS])
    said = np.array([[0.8, 1.0, 0.0], [0.9, 1.0, 0.0], [0.2, 1.0, 1.0]])
    told = find_suspects(examples[:3], range(3), [TOPICS], {"topics": said})

    first = next(d for d in found if d.id == "12")
    assert (first.given, first.suggested) == ("rates", "macro, rates")
    assert [(d.id, d.given, d.suggested) for d in told] == [("1", "rates", "macro, rates")]


def test_no_model_sees_a_copy_of_what_it_judges():
    # Each pair of copies has a word of its own, and a label that only the copy could tell.
    texts = [f"{a}{b}x" for a in "abcdefghij" for b in "klmno" for _ in range(2)]
    labels = [int(n) for n in np.random.default_rng(3).integers(0, 2, 50) for _ in range(2)]
    groups = [place // 2 for place in range(100)]

    apart = cross_fit(features_of(texts), labels, groups, 2)
    leaked = cross_fit(features_of(texts), labels, range(100), 2)

    assert apart is not None
    assert leaked is not None
    assert len(np.unique(apart.round(6), axis=0)) <= 5  # nothing known: one answer a fold
    assert (leaked.argmax(axis=1) == labels).mean() > 0.7


def test_it_repeats_itself_and_gives_up_on_one_label():
    texts, labels = zip(*rows_of(60), strict=True)

    first = cross_fit(features_of(texts), labels, range(60), 4)

    assert first is not None
    assert first.shape == (60, 4)
    assert (first[:, 3] == 0).all()
    assert (first == cross_fit(features_of(texts), labels, range(60), 4)).all()
    assert cross_fit(features_of(["a", "b", "c"]), [0, 0, 1], range(3), 2) is None


def test_a_run_shows_what_it_doubts_and_keeps_it(tmp_path):
    names = TONE.function.label_names
    rows = [{"text": text, "sentiment": names[label]} for text, label in rows_of(150, {35})]

    prepared = prepare([data_set(tmp_path, rows)], [TONE], Wish())
    write(prepared, tmp_path)

    lines = (tmp_path / "review.jsonl").read_text("utf-8").splitlines()
    assert '"line":36,' in lines[0]
    assert sum(map(len, prepared.split.parts.values())) == 150
    assert f"{len(lines)} labels are suspect" in prepared.notes
