"""Rows become examples: texts as the online path composes them, truths of every kind, bad ones named."""

import pytest

from groundswell.errors import InputError
from tests.unit.data_world import NAMES, TARGET, TONE, TOPICS, data_set
from training.data import label_rows
from training.data.classes import check_classes, count_labels
from training.examples import Span, Spans


def labelled(folder, rows, *tasks, **card):
    return label_rows([data_set(folder, rows, **card)], tasks)


def test_title_and_body_are_composed_as_in_serving(tmp_path):
    rows = [{"title": "Profit rose", "body": "See https://x.example/ now", "sentiment": "positive"}]

    assert [e.text for e in labelled(tmp_path, rows, TONE).examples] == ["Profit rose. See now"]


def test_an_example_holds_a_truth_of_each_kind(tmp_path):
    rows = [
        {
            "text": "Oslo waits",
            "sentiment": "neutral",
            "topics": ["people", "macro"],
            "entities": [{"text": "Oslo", "type": "LOC", "start": 0, "end": 4}],
        }
    ]

    (example,) = labelled(tmp_path, rows, NAMES, TONE, TOPICS).examples

    spans = Spans((Span(0, 4, "LOC"),), frozenset({"LOC", "ORG", "PER"}))
    assert example.truths == (spans, 1, frozenset({0, 2}))
    assert example.origin.endswith("a.jsonl:1")
    assert example.source == "a"


def test_missing_labels_are_masked_and_bare_links_left_out(tmp_path):
    rows = [
        {"text": "one", "sentiment": "neutral"},
        {"text": "two", "topics": [], "sentiment": None},
        {"text": "three", "sentiment": ""},
        {"text": "https://only.example/a-link", "sentiment": "neutral"},
        {"text": "four", "topics": "macro | rates"},
    ]

    found = labelled(tmp_path, rows, TONE, TOPICS)

    assert [(e.text, e.truths) for e in found.examples] == [
        ("one", (1, None)),
        ("two", (None, frozenset())),
        ("four", (None, frozenset({0, 1}))),
    ]
    assert found.notes == ("a: 1 labelled rows hold nothing to read, such as bare links",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sentiment": "bad"}, r"a\.jsonl:2: sentiment is 'bad'; sentiment knows negative, neu"),
        ({"sentiment": 1}, r"a\.jsonl:2: sentiment is 1; sentiment knows"),
        ({"sentiment": ["neutral"]}, r"a\.jsonl:2: sentiment is \['neutral'\]; sentiment knows"),
        ({"topics": ["macro", "x"]}, r"a\.jsonl:2: topics is 'x'; topics knows macro"),
        ({"topics": {"macro": 1}}, r"a\.jsonl:2: topics is .* it must be a list of labels"),
        ({"entities": {"Oslo": "x"}}, r"a\.jsonl:2: entities maps names to labels, which is for"),
        ({"entities": "Oslo"}, r"a\.jsonl:2: entities must be a list of"),
        ({"entities": [5]}, r"a\.jsonl:2: entities: 5 is no \{text"),
        (
            {"entities": [{"type": "ORG", "start": 0}]},
            r":2: entities: .* needs a type, a start and",
        ),
        (
            {"entities": [{"type": "ORG", "start": 2, "end": 9}]},
            r":2: .* 2 to 9 is no stretch of a",
        ),
        (
            {"entities": [{"type": "ORG", "start": 0, "end": 2, "text": "x"}]},
            r":2: entities: 0 to 2 reads 'yo', not 'x'",
        ),
        (
            {"entities": [{"type": t, "start": s, "end": 3} for t, s in (("ORG", 0), ("LOC", 2))]},
            r":2: entities: 'yo ' \(0 to 3\) and ' ' \(2 to 3\) overlap",
        ),
        (
            {"entities": [{"type": "MISC", "start": 0, "end": 2}]},
            r":2: entities holds the type 'MISC'",
        ),
        ({"tags": ["O"]}, r":2: 1 entities for no tokens; write one tag"),
        ({"tags": ["O"], "tokens": ["yo", "z"]}, r":2: 1 entities for 2 tokens"),
        (
            {"tags": ["O"], "tokens": ["q"]},
            r":2: text must be the tokens joined by blanks, or absent",
        ),
        ({"tags": ["O", "ORG"], "tokens": ["yo", "z"]}, r":2: tag 'ORG' is neither O nor B-NAME"),
        ({"body": "b", "entities": []}, r":2: entities counts characters of one text; join title"),
    ],
)
def test_a_bad_label_is_named_with_its_line(tmp_path, row, message):
    rows = [{"text": "x", "sentiment": "neutral"}, {"text": "yo z"} | row]

    with pytest.raises(InputError, match=message):
        labelled(tmp_path, rows, NAMES, TONE, TOPICS)


def test_a_task_without_any_label_is_refused(tmp_path):
    with pytest.raises(InputError, match="no row has a label in field 'topics' of topics"):
        labelled(tmp_path, [{"text": "one", "sentiment": "neutral"}], TONE, TOPICS)


def test_the_card_maps_labels_and_says_what_was_looked_for(tmp_path):
    rows = [
        {"text": "a Oslo", "sentiment": 0, "entities": [{"type": "GPE", "start": 2, "end": 6}]},
        {
            "text": "b Oslo",
            "sentiment": "sold",
            "entities": [{"type": "EVENT", "start": 0, "end": 1}],
        },
    ]

    found = labelled(
        tmp_path,
        rows,
        NAMES,
        TONE,
        labels={
            "sentiment": {"0": "negative", "sold": None},
            "entities": {"GPE": "LOC", "EVENT": None},
        },
        annotated={"entities": ("LOC", "PER")},
    )

    known = frozenset({"LOC", "PER"})
    assert [e.truths for e in found.examples] == [
        (Spans((Span(2, 6, "LOC"),), known), 0),
        (Spans((), known), None),
    ]
    with pytest.raises(InputError, match=r"the card of a: annotated\.entities names EVENT"):
        labelled(tmp_path, rows, NAMES, annotated={"entities": ("EVENT",)})


def test_tags_become_stretches_of_the_joined_tokens(tmp_path):
    rows = [
        {
            "tokens": ["Bank", "of", "Oslo", "and", "Ada", "Lie", "Bergen"],
            "tags": ["B-ORG", "I-ORG", "I-ORG", "O", "I-PER", "I-PER", "B-LOC"],
        }
    ]

    (example,) = labelled(tmp_path, rows, NAMES).examples

    (truth,) = example.truths
    assert example.text == "Bank of Oslo and Ada Lie Bergen"
    assert [(example.text[s.start : s.end], s.label) for s in truth.spans] == [
        ("Bank of Oslo", "ORG"),
        ("Ada Lie", "PER"),
        ("Bergen", "LOC"),
    ]


def test_a_stretch_that_the_model_never_reads_is_left_out_and_counted(tmp_path):
    text = "See  https://oslo.example in Oslo"
    spans = [{"type": "LOC", "start": at, "end": at + 4} for at in (13, 29)]

    found = labelled(tmp_path, [{"text": text, "entities": spans}], NAMES)

    assert found.examples[0].text == "See in Oslo"
    assert found.examples[0].truths[0].spans == (Span(7, 11, "LOC"),)
    assert found.notes == ("a: 1 stretches stand in no text that the model reads",)


def test_a_template_moves_the_stretches(tmp_path):
    task = NAMES.__class__(
        NAMES.function.__class__(
            **{name: getattr(NAMES.function, name) for name in NAMES.function.__struct_fields__}
            | {"input": TARGET.function.input}
        ),
        NAMES.index,
    )
    rows = [
        {"text": "in  Oslo", "entity": "Ada", "entities": [{"type": "LOC", "start": 4, "end": 8}]}
    ]

    (example,) = labelled(tmp_path, rows, task).examples

    (span,) = example.truths[0].spans
    assert example.text == "Ada [SEP] in Oslo"
    assert example.text[span.start : span.end] == "Oslo"


def test_labels_by_name_become_a_row_a_name(tmp_path):
    rows = [
        {"id": 1, "text": "A beats B", "entities": {"A": "positive", "B": "negative"}},
        {"id": 2, "text": "C waits", "entity": "C", "sentiment": "neutral"},
        {"id": 3, "text": "D", "sentiment": "positive"},
    ]

    examples = labelled(tmp_path, rows, TONE, TARGET).examples

    assert [(e.id, e.text, e.truths) for e in examples] == [
        ("1/A", "A [SEP] A beats B", (None, 2)),
        ("1/B", "B [SEP] A beats B", (None, 0)),
        ("2", "C [SEP] C waits", (None, 1)),
        ("3", "D", (2, None)),
    ]


def test_labels_are_counted_and_an_empty_class_is_told(tmp_path):
    rows = [
        {
            "text": "a Oslo",
            "sentiment": "neutral",
            "entities": [{"type": "LOC", "start": 2, "end": 6}],
        },
        {"text": "b", "sentiment": "positive", "topics": ["macro", "rates"]},
    ]
    tasks = (NAMES, TONE, TOPICS)
    examples = labelled(tmp_path, rows, *tasks).examples

    assert count_labels(examples, tasks) == {
        "entities": {"LOC": 1, "ORG": 0, "PER": 0},
        "sentiment": {"negative": 0, "neutral": 1, "positive": 1},
        "topics": {"macro": 1, "rates": 1, "people": 0},
    }
    assert check_classes(examples, tasks)[1] == (
        "sentiment: no training row bears negative; the model will not learn to say it"
    )
    with pytest.raises(InputError, match="sentiment: the training rows hold neutral alone"):
        check_classes(examples[:1], tasks)
