"""Rows are read, refused with their place, and split by cluster."""

import pytest

from groundswell.errors import InputError
from training.data import (
    MASKED,
    Example,
    hash_files,
    label_rows,
    label_values,
    read_rows,
    split_examples,
)
from training.functions import FOLDER, choose_tasks, derive, load_function, task_of
from training.neighbours import clusters

pytestmark = pytest.mark.train


def tasks():
    return [task_of(load_function(FOLDER / f"{name}.yaml")) for name in ("sentiment", "topic")]


def test_title_and_body_are_composed_as_in_serving(write):
    path = write("a.jsonl", [{"title": "Profit rose", "body": "See https://x.example/ now"}])

    assert [row.text for row in read_rows([path], 2000)] == ["Profit rose. See now"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"bad\.jsonl:2: not JSON"),
        ("[1]", r"bad\.jsonl:2: a row must be a JSON object"),
        ('{"text": 5}', r"bad\.jsonl:2: text, title and body must be strings"),
        ('{"sentiment": "neutral"}', r"bad\.jsonl:2: neither text nor title nor body"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, line, message):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "fine", "sentiment": "neutral"}\n' + line + "\n", encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_rows([path], 2000)


def test_no_file_and_no_row_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        read_rows([tmp_path / "none.jsonl"], 2000)
    (tmp_path / "empty.jsonl").write_text("\n\n", encoding="utf-8")
    with pytest.raises(InputError, match="hold no row"):
        read_rows([tmp_path / "empty.jsonl"], 2000)


def test_an_unknown_label_is_named_with_its_line(write):
    path = write(
        "a.jsonl", [{"text": "x", "sentiment": "neutral"}, {"text": "y", "sentiment": "bad"}]
    )

    with pytest.raises(
        InputError, match=r"a\.jsonl:2: sentiment is 'bad'; sentiment knows negative"
    ):
        label_rows(read_rows([path], 2000), tasks())


def test_missing_labels_are_masked_and_bare_links_left_out(write):
    rows = [
        {"text": "one", "sentiment": "neutral"},
        {"text": "two", "topic": "macro", "sentiment": None},
        {"text": "three"},
        {"text": "https://only.example/a-link", "sentiment": "neutral"},
    ]

    examples = label_rows(read_rows([write("a.jsonl", rows)], 2000), tasks())

    assert examples == [Example("one", (1, MASKED)), Example("two", (MASKED, 1))]


def test_a_head_without_any_label_is_refused(write):
    path = write("a.jsonl", [{"text": "one", "sentiment": "neutral"}])

    with pytest.raises(InputError, match="no row has a label in field 'topic'"):
        label_rows(read_rows([path], 2000), tasks())


def test_the_function_files_are_used_where_they_fit(write):
    rows = read_rows(
        [write("a.jsonl", [{"text": "a", "sentiment": "neutral", "topic": "macro"}])], 2000
    )

    chosen = choose_tasks([], label_values(rows))

    assert [(task.name, len(task.index)) for task in chosen] == [("sentiment", 3), ("topic", 16)]


def test_labels_are_derived_where_no_function_file_fits(write):
    rows = [{"text": "a", "topic": "Fed | Central Banks"}, {"text": "b", "topic": "IPO"}]
    values = label_values(read_rows([write("a.jsonl", rows)], 2000))

    (task,) = choose_tasks([], values)

    assert task.function.label_names == ("fed_central_banks", "ipo")
    assert task.index == {"Fed | Central Banks": 0, "IPO": 1}


def test_derivation_can_be_asked_for():
    (task,) = choose_tasks(["mood=derive"], {"mood": {"b", "a", "7 up"}})

    assert task.index == {"a": 0, "b": 1, "7 up": 2}
    assert task.function.label_names == ("a", "b", "label_7_up")


def test_bad_choices_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds 1 labels"):
        derive("topic", ["a", "a"])
    with pytest.raises(InputError, match="read alike"):
        derive("topic", ["M&A", "m a"])
    with pytest.raises(InputError, match="no row holds a label"):
        choose_tasks([], {"text": {"a"}})
    with pytest.raises(InputError, match="named twice"):
        choose_tasks(["topic=derive", str(FOLDER / "topic.yaml")], {"topic": {"a", "b"}})
    with pytest.raises(InputError, match="cannot be called embedding"):
        choose_tasks(["embedding=derive"], {"embedding": {"a", "b"}})
    with pytest.raises(InputError, match="cannot be read"):
        choose_tasks([str(tmp_path / "none.yaml")], {})


def test_near_duplicates_share_a_cluster():
    texts = [
        "Brambell Foods lifts its full-year profit forecast after strong summer sales",
        "Oil slips below 70 dollars as traders wait for stockpile data",
        "Brambell Foods lifts its full-year profit forecast after a strong summer of sales",
        "Oil slips below 80 dollars as traders wait for stockpile data",
        "Central bank leaves rates where they are",
        "",
        "",
    ]

    assert clusters(texts) == [0, 1, 0, 1, 4, 5, 6]


def test_no_cluster_is_split():
    letters = "abcdefghij"
    draw = [f"{a}{b}x {a}{b}y {a}{b}z {a}{b}q {a}{b}w" for a in letters for b in letters]
    examples = [Example(f"{text} {extra}", (0,)) for text in draw for extra in ("now", "today", "")]

    split = split_examples(examples, dev=0.2, test=0.1, seed=4)

    parts = [{e.text.split()[0] for e in part} for part in (split.train, split.dev, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert (len(split.train), len(split.dev), len(split.test)) == (210, 60, 30)
    assert split == split_examples(examples, dev=0.2, test=0.1, seed=4)
    assert split != split_examples(examples, dev=0.2, test=0.1, seed=5)


def test_too_few_rows_to_split_are_refused():
    with pytest.raises(InputError, match="3 rows are too few: the dev part would be empty"):
        split_examples([Example(t, (0,)) for t in "abc"], dev=0.1, test=0.1, seed=1)


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.jsonl").write_text(folder, encoding="utf-8")

    assert set(hash_files([tmp_path / "a" / "rows.jsonl"])) == {"rows.jsonl"}
    with pytest.raises(InputError, match=r"two data files are called rows\.jsonl"):
        hash_files([tmp_path / "a" / "rows.jsonl", tmp_path / "b" / "rows.jsonl"])
