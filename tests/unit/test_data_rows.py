"""Rows are read from JSON lines and CSV, renamed as their card says, and refused with their place."""

import json

import pytest

from groundswell.errors import InputError
from training.data import Card, label_values, read_sets


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def rows_of(*sources, cards=()):
    return [row for item in read_sets(sources, cards) for row in item.rows]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"bad\.jsonl:2: not JSON"),
        ("[1]", r"bad\.jsonl:2: a row must be a JSON object"),
        ('{"text": 5}', r"bad\.jsonl:2: text, title, body and entity must be strings"),
        ('{"sentiment": "neutral"}', r"bad\.jsonl:2: neither text nor title nor body"),
        ('{"text": "a", "id": 1.5}', r"bad\.jsonl:2: id must be a string or a number"),
        ('{"text": "a", "date": "Q3"}', r"bad\.jsonl:2: date is 'Q3'; write it as ISO 8601"),
        ('{"tokens": ["a", 1]}', r"bad\.jsonl:2: tokens must be a list of strings"),
        ('{"text": "b", "id": "fine"}', r"bad\.jsonl:2: id fine stands at .*bad\.jsonl:1 already"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, line, message):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "fine", "id": "fine"}\n' + line + "\n", encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_sets([path])


def test_no_file_and_no_row_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        read_sets([tmp_path / "none.jsonl"])
    with pytest.raises(InputError, match="is a directory; name the files in it"):
        read_sets([tmp_path])
    with pytest.raises(InputError, match=r"rows\.xlsx: not a kind of file that is read"):
        read_sets([tmp_path / "rows.xlsx"])
    (tmp_path / "empty.jsonl").write_text("\n\n", encoding="utf-8")
    with pytest.raises(InputError, match="hold no row"):
        read_sets([tmp_path / "empty.jsonl"])


def test_two_sets_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.jsonl").write_text('{"text": "x"}', encoding="utf-8")

    with pytest.raises(InputError, match="two data sets are called rows; rename one"):
        read_sets([tmp_path / "a" / "rows.jsonl", tmp_path / "b" / "rows.jsonl"])


def test_a_csv_is_read_under_its_header(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b'\xef\xbb\xbftext,sentiment\r\n"Profit, at last",positive\r\n\r\n"Two\r\nlines",\r\nx,neutral\r\n'
    )

    rows = rows_of(path)

    assert [dict(row.fields) for row in rows] == [
        {"text": "Profit, at last", "sentiment": "positive"},
        {"text": "Two\r\nlines"},
        {"text": "x", "sentiment": "neutral"},
    ]
    assert [row.origin.rpartition(":")[2] for row in rows] == ["2", "4", "6"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,text\na,b\n", r"bad\.csv:1: the header names each column once"),
        (b"text,topic\na,b\nc\n", r"bad\.csv:3: 1 cells under 2 columns"),
        (b'text\n"a"b\n', r"bad\.csv:2: not CSV"),
        (b"text\nfine\n\xff\n", r"bad\.csv:3: not UTF-8"),
    ],
)
def test_a_bad_csv_is_named_with_its_line(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)

    with pytest.raises(InputError, match=message):
        read_sets([path])


def test_a_split_keeps_the_rows_that_say_so(write):
    parts = ("train", "testa", "train", "testb")
    path = write("a.jsonl", [{"text": str(n), "split": part} for n, part in enumerate(parts)])

    assert [r.fields["text"] for r in rows_of(f"{path}:train")] == ["0", "2"]
    assert [r.fields["text"] for r in rows_of(f"{path}:testa,testb")] == ["1", "3"]
    with pytest.raises(InputError, match="no row has the split dev"):
        read_sets([f"{path}:dev"])


def test_an_id_is_the_rows_own_or_of_its_text(write):
    one = rows_of(write("a.jsonl", [{"text": "x", "label": "a"}, {"id": 7, "text": "y"}]))
    other = rows_of(write("b.jsonl", [{"text": "new"}, {"text": "x", "label": "b"}]))

    assert one[1].id == "7"
    assert one[0].id == other[1].id != other[0].id


def test_a_card_renames_fields_and_leaves_others_out(write):
    path = write("a.jsonl", [{"headline": "h", "label": "up", "date": "Q3", "n": 1}])
    card = Card(
        name="a",
        fields={"text": "headline", "sentiment": "label", "date": None},
        labels={"sentiment": {"up": "positive"}},
    )

    (item,) = read_sets([path], [card])

    assert item.rows[0].fields == {"text": "h", "sentiment": "up", "n": 1}
    assert label_values([item]) == {"sentiment": {"positive"}}


def test_label_values_of_stretches_are_their_types(write):
    rows = [
        {
            "text": "Bergen",
            "entities": [{"type": "LOC", "start": 0, "end": 6}],
            "topics": ["a", "b"],
        },
        {"tokens": ["Oslo", "Bors"], "tags": ["B-ORG", "I-ORG"]},
    ]

    values = label_values(read_sets([write("a.jsonl", rows)]))

    assert values == {"entities": {"LOC", "ORG"}, "topics": {"a", "b"}}


def test_dates_are_read_with_their_zone(write):
    rows = [
        {"text": "a", "published_at": "2020-03-09"},
        {"text": "b", "date": "2020-03-09T01:00:00Z"},
    ]

    dates = [row.date for row in rows_of(write("a.jsonl", rows))]

    assert (dates[1] - dates[0]).total_seconds() == 3600
