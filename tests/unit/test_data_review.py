"""Copies are merged, contradictions shown, suspect labels found; nothing goes away unasked."""

import json

import numpy as np
import pytest

from tests.unit.data_world import NAMES, TONE, TOPICS, data_set
from training.data import label_rows, merge_duplicates
from training.data.confident import Suspect, suspects
from training.data.duplicates import mask_truths
from training.data.review import conflicting, find_conflicts, write_review
from training.data.split import cluster_examples
from training.examples import Example, Span, Spans


def example(text, *truths, name="", **more):
    return Example(id=name or text, text=text, truths=truths, source="a", **more)


def test_copies_become_one_with_the_truths_of_all():
    rows = [example("x", 1, None, name="1"), example("y", 0, None), example("x", None, 2, name="2")]

    assert merge_duplicates(rows) == (example("x", 1, 2, name="1"), example("y", 0, None))


def test_copies_that_contradict_each_other_stay():
    rows = [example("x", 1, name="1"), example("x", 2, name="2"), example("x", 1, name="3")]

    assert [e.id for e in merge_duplicates(rows)] == ["1", "2"]


def test_stretches_of_two_annotators_join_where_they_looked_for_other_things():
    person = Spans((Span(0, 3, "PER"),), frozenset({"PER"}))
    place = Spans((Span(4, 8, "LOC"),), frozenset({"LOC"}))
    wrong = Spans((Span(0, 8, "LOC"),), frozenset({"LOC"}))

    (both,) = merge_duplicates([example("Ada Oslo", person), example("Ada Oslo", place)])

    assert both.truths == (
        Spans((Span(0, 3, "PER"), Span(4, 8, "LOC")), frozenset({"PER", "LOC"})),
    )
    assert len(merge_duplicates([example("Ada Oslo", person), example("Ada Oslo", wrong)])) == 2
    assert len(merge_duplicates([example("Ada Oslo", place), example("Ada Oslo", wrong)])) == 2


LONG = "Brambell Foods lifts its full year profit forecast after strong summer sales in every one of its"


def conflicts_of(rows, *tasks):
    return find_conflicts(rows, cluster_examples(rows), tasks)


def test_near_copies_with_other_labels_are_shown_from_both_sides():
    rows = [
        example(f"{LONG} 12 stores", 2, origin="a.jsonl:1"),
        example(f"{LONG} 99 stores", 0, origin="a.jsonl:2"),
        example(f"{LONG} 98 stores", 2, origin="a.jsonl:3"),
        example("Oil slips", 0),
    ]

    found = conflicts_of(rows, TONE)

    assert [(d.line, d.given, d.suggested, d.other, d.reason) for d in found] == [
        (1, "positive", "negative", "a.jsonl:2", "conflict"),
        (2, "negative", "positive", "a.jsonl:1", "conflict"),
        (3, "positive", "negative", "a.jsonl:2", "conflict"),
    ]
    assert {(d.file, d.function, d.field) for d in found} == {("a.jsonl", "sentiment", "sentiment")}


def test_texts_that_are_only_near_or_of_another_entity_do_not_conflict():
    near = [example(f"{LONG} a b c d", 2), example(f"{LONG} e f g h", 0)]
    targets = [example("x", n, name=e, fields={"entity": e}) for n, e in enumerate("AB")]

    assert cluster_examples(near) == [0, 0]
    assert conflicts_of(near, TONE) == []
    assert conflicts_of(targets, TONE) == []


def test_a_conflict_is_shown_as_a_reader_would_write_it():
    spans = [Spans((Span(0, 4, kind),), frozenset({"LOC", "ORG"})) for kind in ("LOC", "ORG")]
    rows = [
        example("Oslo", spans[0], frozenset({0, 1}), name="1"),
        example("Oslo", spans[1], frozenset(), name="2"),
    ]

    found = conflicts_of(rows, NAMES, TOPICS)

    assert [(d.id, d.given, d.suggested) for d in found] == [
        ("1", "0-4 LOC", "0-4 ORG"),
        ("1", "macro, rates", ""),
        ("2", "0-4 ORG", "0-4 LOC"),
        ("2", "", "macro, rates"),
    ]


def test_conflicts_are_masked_when_one_asks_for_it():
    rows = [example("x", 1, 0, name="1"), example("x", 2, 0, name="2"), example("y", 1, None)]
    found = conflicts_of(rows, TONE, TOPICS)

    masked = mask_truths(rows, conflicting(found, (TONE, TOPICS)))

    assert [(e.id, e.truths) for e in masked] == [
        ("1", (None, 0)),
        ("2", (None, 0)),
        ("y", (1, None)),
    ]
    assert mask_truths(rows[:1], {("a", "1"): frozenset({0, 1})}) == ()


def test_a_label_is_suspect_where_another_is_above_its_threshold():
    # Thresholds: the mean of column 0 over its rows is (.9 + .8 + .1) / 3 = .6, of column 1 .8.
    given = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.35, 0.65]])

    assert suspects(given, [0, 0, 0, 1, 1]) == [Suspect(2, 1, 0.9)]


def test_the_clearest_suspect_comes_first_and_an_unseen_label_is_never_suggested():
    given = np.array([[0.3, 0.7, 0.0], [0.1, 0.9, 0.0], [0.0, 0.6, 0.4], [0.9, 0.1, 0.0]])

    found = suspects(given, [0, 0, 1, 0])

    assert [(s.row, s.suggested) for s in found] == [(1, 1), (0, 1)]


def test_the_review_file_holds_a_line_a_doubt(tmp_path):
    rows = [example("x", 1, name="1"), example("x", 2, name="2")]

    path = write_review(tmp_path, conflicts_of(rows, TONE))

    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["1", "2"]
    assert set(lines[0]) > {"file", "line", "text", "field", "given", "suggested", "reason"}


@pytest.mark.parametrize("kind", ["sentiment", "topics"])
def test_conflicts_of_files_name_their_rows(tmp_path, kind):
    labels = ["neutral", "positive"] if kind == "sentiment" else [["macro"], ["rates"]]
    rows = [{"text": "Rates stay", kind: label} for label in labels]
    task = TONE if kind == "sentiment" else TOPICS

    examples = merge_duplicates(label_rows([data_set(tmp_path, rows)], [task]).examples)

    assert [(d.line, d.function) for d in conflicts_of(examples, task)] == [(1, kind), (2, kind)]
