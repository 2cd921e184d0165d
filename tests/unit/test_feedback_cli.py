import asyncio
import json

import pytest
from typer.testing import CliRunner

from consumers.records.access.database import open_access
from consumers.records.access.values import Feedback
from groundswell.errors import InputError
from groundswell.feedback_cli import feedback
from training.refresh.asking import Disputed, drives, id_of, queue
from training.refresh.feedback import disputed, read_all
from training.refresh.journal import Journal
from training.refresh.labels import read_items, write_labels


def row(item, negative, **more):
    said = {"negative": negative, "neutral": 1 - negative}
    best = max(said, key=lambda label: said[label])
    return {
        "id": item,
        "title": f"title of {item}",
        "sentiment": {"label": best, "probabilities": said},
        "topics": [{"label": "rates", "probability": 0.9}],
        "published_at": "2026-01-01T10:00:00Z",
        "bundle": "tiny@1",
        **more,
    }


def put(path, rows):
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A records database of SQLite, named in the environment."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    monkeypatch.setenv("GROUNDSWELL_RECORDS_URL", url)

    def over(program):
        async def run():
            book = await open_access(url)
            try:
                return await program(book)
            finally:
                await book.close()

        return asyncio.run(run())

    over(read_all)
    return over


def call(*arguments):
    return CliRunner().invoke(feedback, [*arguments])


def test_from_the_queue_through_two_people_to_settled_labels(records, tmp_path):
    items = put(tmp_path / "items.jsonl", [row(f"i{n}", 0.3 + n / 50) for n in range(20)])
    asked = tmp_path / "asked.jsonl"

    assert call("queue", items, "--count", "5", "--out", str(asked)).exit_code == 0
    rows = [json.loads(line) for line in asked.read_text().splitlines()]
    assert len(rows) == 5
    assert all(each["reason"] and each["why"] and each["label"] == "" for each in rows)

    filled = put(
        tmp_path / "filled.jsonl", [{**each, "label": "negative"} for each in rows[:4]] + rows[4:]
    )
    first = call("import", filled, "--as", "ann")
    assert "4 added; 0 were said already; 1 rows have no label" in first.output
    assert "0 added; 4 were said already" in call("import", filled, "--as", "ann").output
    assert "4 added" in call("import", filled, "--as", "bob").output

    out = tmp_path / "settled.jsonl"
    given = call("export", "--items", items, "--out", str(out))
    assert given.exit_code == 0
    settled = [json.loads(line) for line in out.read_text().splitlines()]
    assert {each["id"] for each in settled} == {each["id"] for each in rows[:4]}
    assert settled[0]["sentiment"] == "negative"
    assert settled[0]["title"].startswith("title of")
    assert settled[0]["settled_by"]["sentiment"]["actors"] == ["ann", "bob"]

    again = tmp_path / "again.jsonl"
    call("queue", items, "--count", "20", "--out", str(again))
    left = {json.loads(line)["id"] for line in again.read_text().splitlines()}
    assert len(left) == 16
    assert not left & {each["id"] for each in settled}


def test_a_conflict_is_named_and_ends_the_export_with_1(records, tmp_path):
    for who, label in (("ann", "negative"), ("bob", "neutral")):
        said = [{"id": "i1", "field": "sentiment", "label": label}]
        call("import", put(tmp_path / f"{who}.jsonl", said), "--as", who)

    found = call("export", "--out", str(tmp_path / "out.jsonl"))

    assert found.exit_code == 1
    assert "i1, sentiment: negative: ann; neutral: bob" in found.output
    assert call("export", "--trusted", "bob", "--out", str(tmp_path / "out.jsonl")).exit_code == 0


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"id": "i", "field": "alarm", "label": "wrong"}, "no field 'alarm' of an item"),
        ({"field": "topic", "label": "rates"}, "id must be"),
        ({"id": "i", "field": "topic", "label": ["rates"]}, "label must be"),
        ({"id": "i", "field": "topic", "label": "x" * 201}, "label must be"),
    ],
)
def test_a_bad_row_is_refused_before_any_is_added(records, tmp_path, bad, told):
    file = put(tmp_path / "said.jsonl", [{"id": "a", "field": "topic", "label": "rates"}, bad])

    found = call("import", file)

    assert isinstance(found.exception, InputError)
    assert told in str(found.exception)
    assert records(read_all) == ()


def test_feedback_on_alerts_says_which_are_disputed():
    words = (
        Feedback("alert", "al1", "alarm", "wrong", "ann"),
        Feedback("alert", "al2", "alarm", "wrong", "ann"),
        Feedback("alert", "al2", "alarm", "right", "ann"),
        Feedback("item", "al3", "topic", "wrong", "ann"),
    )

    assert disputed(words) == {"al1"}


def test_a_negative_item_of_the_series_in_the_minutes_drives_an_alert():
    minute = 1_767_261_600 // 60
    alert = Disputed("al1", "topic:rates", minute - 5, minute + 5)

    assert drives(row("a", 0.9), [alert]) == "al1"
    assert drives(row("a", 0.1), [alert]) == ""
    assert drives(row("a", 0.9, topics=[]), [alert]) == ""
    assert drives(row("a", 0.9, published_at="2026-01-01T11:00:00Z"), [alert]) == ""
    assert drives(row("a", 0.9, published_at="soon"), [alert]) == ""


def test_two_models_that_differ_are_asked_about():
    rows = [row(f"i{n}", 0.95) for n in range(10)]
    other = [row(f"i{n}", 0.05 if n == 3 else 0.95) for n in range(10)]

    chosen = queue(rows, "sentiment", 5, challenger=other, seed=1)

    assert next(each for each in chosen if each["id"] == "i3")["reason"] in {
        "models apart",
        "random",
    }
    assert id_of({"text": "a"}) == id_of({"text": "a", "sentiment": "x"})


def test_labels_become_rows_with_their_texts_and_what_is_left_out_is_counted(tmp_path):
    from training.refresh.core.votes import Label

    labels = [
        Label(item, field, label, ("ann",), 1, "trusted")
        for item, field, label in (
            ("i1", "sentiment", "negative"),
            ("i1", "topic", "rates"),
            ("i1", "tone", "x"),
            ("i2", "sentiment", "furious"),
            ("i3", "sentiment", "neutral"),
        )
    ]
    file = put(tmp_path / "items.jsonl", [row("i1", 0.5), row("i2", 0.5), {"id": "i3"}])
    items = read_items([file], {"i1", "i2", "i3"})
    known = {"sentiment": ("negative", "neutral"), "topic": ("rates",)}

    found = write_labels(tmp_path / "feedback.jsonl", labels, items, known, "own")

    assert (found.rows, found.labels) == (1, 2)
    assert sorted(found.left_out) == [
        "sentiment has no label furious",
        "the model has no head for tone",
        "the text of the item is not at hand (--items)",
    ]
    written = json.loads((tmp_path / "feedback.jsonl").read_text())
    assert written["sentiment"] == "negative"
    assert "bundle" not in written


def test_a_journal_forgets_a_line_that_a_kill_cut_off(tmp_path):
    journal = Journal(tmp_path)
    journal.add("train", "2026-01-01T00:00:00Z", {"rows": 3})
    journal.add("measure", "2026-01-01T00:00:01Z", {})
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-5])

    again = Journal(tmp_path)

    assert again.result("train") == {"rows": 3}
    assert again.result("measure") is None
    again.add("measure", "2026-01-01T00:00:02Z", {"why": "again"})
    assert Journal(tmp_path).result("measure") == {"why": "again"}
